"""The form of a simulator's template: its answers become an ini, which then is as good as an uploaded one."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.drafts import USUAL_INI, make_draft
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Draft
from simcrate.portal.simulators.parameters import Parameter, fill
from simcrate.portal.simulators.services import Template


class ParameterField(forms.CharField):
    """The answer for one parameter."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(
            label=parameter.label or parameter.name,
            initial=parameter.default,
            help_text=parameter.hint,
            widget=forms.TextInput(attrs={"spellcheck": "false"}),
        )
        self._parameter = parameter

    def validate(self, value: str) -> None:
        """Within its range, or among its choices."""
        super().validate(value)
        try:
            self._parameter.values(value)
        except BadInputError as error:
            raise forms.ValidationError(str(error)) from error


class TemplateForm(forms.Form):
    """One field for each parameter."""

    def __init__(self, data: QueryDict | None, *, template: Template) -> None:
        super().__init__(data)
        self._template = template
        self.fields |= {each.name: ParameterField(each) for each in template.parameters}

    def save(self, owner: User) -> Draft | None:
        """Keep a draft with the ini; None, and errors above the form, where that cannot be."""
        template = self._template
        ini = fill(template.text, template.parameters, self.cleaned_data)
        try:
            return make_draft(
                owner=owner, files={USUAL_INI: ini.encode()}, simulator=template.simulator
            )
        except SubmissionError as error:
            for fault in error.shown:
                self.add_error(None, fault.message)
            return None
