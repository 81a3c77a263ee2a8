"""The account page: addresses, password, tokens of the API."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from simcrate.errors import BadInputError
from simcrate.portal.access import UserRequest, for_users
from simcrate.portal.accounts.forms import TokenForm
from simcrate.portal.accounts.models import ApiToken
from simcrate.portal.accounts.queries import confirmed_addresses
from simcrate.portal.accounts.services import issue_token


@require_http_methods(["GET", "POST"])
@for_users
def account(request: UserRequest) -> HttpResponse:
    """Show the account; a POST makes a token and shows its value this once."""
    form = TokenForm(request.POST or None)
    fresh = None
    if request.method == "POST" and form.is_valid():
        try:
            _, fresh = issue_token(owner=request.user, **form.cleaned_data)
            form = TokenForm()
        except BadInputError as error:
            form.add_error("name", str(error))
    context = {
        "form": form,
        "fresh_token": fresh.reveal() if fresh else "",
        "tokens": request.user.api_tokens.all(),
        "addresses": confirmed_addresses(request.user),
    }
    return render(request, "accounts/account.html", context, status=422 if form.errors else 200)


@require_POST
@for_users
def revoke_token(request: UserRequest, token_id: int) -> HttpResponse:
    """End a token."""
    token = get_object_or_404(ApiToken, pk=token_id, owner=request.user)
    token.delete()
    messages.success(request, f"The token “{token.name}” is revoked.")
    return redirect("account")
