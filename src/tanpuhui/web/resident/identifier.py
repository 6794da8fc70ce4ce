"""Identifier: what a provider calls somebody, linked to their account after a second look; slowed against guessing."""

from __future__ import annotations

from typing import cast

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tanpuhui.access.audit import record
from tanpuhui.evidence.link import AlreadyLinked, link
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.resident.consents_on_offer import ConsentOnOffer, source_of
from tanpuhui.web.resident.refusals import CannotLink
from tanpuhui.web.resident.whose import Whose, whose
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.errors import too_many
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

#: One person has this many cards or meters at one provider at most; more are linked at a counter.
MOST_LINKS = 5
LONGEST = 100


class IdentifierForm(forms.Form):
    """An identifier as the provider writes it."""

    identifier = forms.CharField(
        label=gettext_lazy("Your identifier at this provider"),
        help_text=gettext_lazy(
            "As the provider writes it: the number of a card, customer or meter. Only a keyed digest is kept."
        ),
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )


@resident_page
def identifier(request: HttpRequest, provider: str, child: int | None = None) -> HttpResponseBase:
    """Enter it, look at it once more, link it. A link is never changed, so the second look is asked for."""
    for_whom = whose(cast(ResidentRequest, request), child)
    offer = source_of(for_whom.account, provider, at=utc_now())
    form = IdentifierForm(request.POST or None)
    refused, status = "", 200
    is_second_look = False
    if request.method == "POST":
        status = 422
        if form.is_valid() and request.POST.get("do") == "link":
            if not ratelimit.consume(request, action="link_identifier", user=request.user):
                return too_many(request)
            try:
                _link(request, for_whom, offer, form.cleaned_data["identifier"])
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                messages.success(
                    request,
                    _("Linked. What {name} reports about it comes to this account.").format(name=offer.name),
                )
                return redirect(for_whom.address("source", provider=provider))
        elif form.is_valid():
            is_second_look, status = True, 200
    context = {
        "whose": for_whom,
        "offer": offer,
        "form": form,
        "refused": refused,
        "is_second_look": is_second_look,
        "back": for_whom.address("source", provider=provider),
    }
    return render(request, "resident/identifier.html", context, status=status)


def _link(request: HttpRequest, for_whom: Whose, offer: ConsentOnOffer, text: str) -> None:
    """Link, and write down that it was tried: never what was typed, nor whether somebody else has it."""
    now = utc_now()
    try:
        _refuse_unfit(for_whom, offer)
        with transaction.atomic():
            link(offer.provider, text, for_whom.account, at=now)
            _write_down(request, for_whom, offer, "link_identifier")
    except (AlreadyLinked, CannotLink):
        _write_down(request, for_whom, offer, "link_identifier_refused")
        raise CannotLink from None


def _refuse_unfit(for_whom: Whose, offer: ConsentOnOffer) -> None:
    if not offer.is_offered or offer.links >= MOST_LINKS or not for_whom.may_decide:
        raise CannotLink


def _write_down(request: HttpRequest, for_whom: Whose, offer: ConsentOnOffer, verb: str) -> None:
    record(
        verb,
        who=cast(ResidentRequest, request).user,
        at=utc_now(),
        object_kind="account",
        object_key=for_whom.account,
        facts={"provider": offer.provider, "by": for_whom.by},
        request_id=current(),
    )
