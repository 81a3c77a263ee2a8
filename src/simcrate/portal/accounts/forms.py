"""Forms of the account page."""

from __future__ import annotations

from django import forms

from simcrate.portal.accounts.models import Scope


class TokenForm(forms.Form):
    """A new token of the API."""

    name = forms.CharField(max_length=100, help_text="What it is for, as in “laptop”.")
    scope = forms.ChoiceField(choices=Scope.choices, label="It may")
