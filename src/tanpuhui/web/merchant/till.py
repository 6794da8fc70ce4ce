"""Till: somebody shows a code; it is looked up, shown, and taken, all or a part, or let go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext, pgettext_lazy

from tanpuhui.access.models import Organisation
from tanpuhui.copies.points_words import title_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points import code
from tanpuhui.points.models import Offer, Redemption
from tanpuhui.points.redeem import (
    MOST_AT_ONCE,
    CaptureOrder,
    ReleaseOrder,
    capture,
    get_redemption,
    release,
    state_of,
)
from tanpuhui.points.refusals import CodeElsewhere, UnknownRedemption
from tanpuhui.web.merchant.views import note
from tanpuhui.web.shared import errors
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.limit import is_over
from tanpuhui.web.shared.offering import DOERS
from tanpuhui.web.shared.refused import status_of, text_of

#: Read-out codes that one merchant may try in a minute; six letters are thirty bits.
MOST_TRIES, WITHIN_S = 120, 60
#: What a code is at most: it has a few short fields and a signature.
MOST_LETTERS = 2_000


class CodeForm(forms.Form):
    """What was scanned, pasted or read out."""

    code = forms.CharField(
        label=pgettext_lazy("redemption", "Code"),
        help_text=_l("Scan it, or type what the person reads out, such as 1042-7K3QF9."),
        max_length=MOST_LETTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false"}),
    )


class TakeForm(forms.Form):
    """How many of what is held; the key names this taking, so that a second sending takes nothing more."""

    code = forms.CharField(max_length=MOST_LETTERS, widget=forms.HiddenInput)
    quantity = forms.IntegerField(
        label=_l("How many"),
        min_value=1,
        max_value=MOST_AT_ONCE,
        help_text=_l("Fewer, and the rest is free again."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


@organisation_page(Organisation.MERCHANT, *DOERS)
def till(request: HttpRequest) -> HttpResponseBase:
    """Look a code up; with the same page it is taken or let go."""
    mine = cast(MemberRequest, request)
    step = request.POST.get("do", "look")
    form = CodeForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    status = 200
    if form.is_bound and form.is_valid():
        if code.number_of(form.cleaned_data["code"]) is not None and _is_over(mine):
            return errors.too_many(request)
        try:
            found = find(mine.organisation, form.cleaned_data["code"])
            if step == "look" or not _done(request, mine, found, step, context):
                context |= _shown(request, found, context.get("take"))
            else:
                return redirect("merchant:till", organisation=mine.organisation.code)
            status = 422 if "take" in context and context["take"].errors else 200
        except Refusal as refusal:
            form.add_error("code", text_of(refusal))
            status = status_of(refusal)
    elif form.is_bound:
        status = 422
    return render(request, "merchant/till.html", context, status=status)


def find(organisation: Organisation, text: str) -> Redemption:
    """The redemption of a code that was scanned or read out; refuses what is forged or for somebody else."""
    number = code.number_of(text)
    if number is None:
        said = code.read(text, code.public_key())
        if said.organisation != organisation.code:
            raise CodeElsewhere(organisation=said.organisation, merchant=organisation.code)
        return get_redemption(said.redemption)
    found = (
        Redemption.objects.filter(pk=number, organisation_id=organisation.pk, state=Redemption.HELD)
        .select_related("closing")
        .first()
    )
    if found is None or code.spoken(code.sign(found, _offer(found)), number) != code.as_spoken(text):
        raise UnknownRedemption(redemption=number)
    return found


def take(
    mine: MemberRequest, redemption: int, *, key: str, quantity: int | None, at: datetime, way: str = "till"
) -> None:
    """Capture once under a key, and write down who did; refuses what the verb refuses."""
    order = CaptureOrder(key, redemption, mine.organisation.code, quantity)
    with transaction.atomic():
        answer = capture(order, day=timezone.localdate(at), at=at)
        if answer.refusal is None and not answer.repeated:
            facts = {"way": way, **({"quantity": quantity} if quantity else {})}
            note(mine, "redemption.captured", "redemption", redemption, at=at, facts=facts)
    answer.accepted()


def _done(
    request: HttpRequest, mine: MemberRequest, found: Redemption, step: str, context: dict[str, Any]
) -> bool:
    """Take it or let it go; what cannot be done so stays on the page."""
    offer, now = _offer(found), utc_now()
    if step == "release":
        order = ReleaseOrder(
            f"web:let-go:{mine.organisation.pk}:{found.pk}", found.pk, organisation=mine.organisation.code
        )
        with transaction.atomic():
            answer = release(order, at=now)
            if answer.refusal is None and not answer.repeated:
                note(mine, "redemption.released", "redemption", found.pk, at=now)
        answer.accepted()
        messages.success(request, _("It is let go; the points are the person's again."))
        return True
    form = context["take"] = TakeForm(request.POST)
    if not form.is_valid():
        return False
    quantity = form.cleaned_data["quantity"]
    take(mine, found.pk, key=f"web:take:{form.cleaned_data['key']}", quantity=quantity, at=now)
    points = found.points // found.quantity * quantity
    said = ngettext(
        "Taken: %(count)s × %(title)s, %(points)s point.",
        "Taken: %(count)s × %(title)s, %(points)s points.",
        points,
    )
    messages.success(request, said % {"count": quantity, "title": title_of(offer), "points": points})
    return True


def _shown(request: HttpRequest, found: Redemption, form: TakeForm | None) -> dict[str, Any]:
    given = request.POST.get("code", "")
    state = state_of(found)
    now = utc_now()
    return {
        "found": found,
        "offer": _offer(found),
        "state": state,
        "ended_at": found.closing.at if hasattr(found, "closing") else None,
        "may_take": state == Redemption.HELD and found.expires_at is not None and now < found.expires_at,
        "is_late": state == Redemption.HELD and found.good_until is not None and now > found.good_until,
        "take": form or TakeForm(initial={"code": given, "quantity": found.quantity, "key": uuid4()}),
    }


def _offer(found: Redemption) -> Offer:
    return Offer.objects.select_related("organisation").get(pk=found.offer_id)


def _is_over(mine: MemberRequest) -> bool:
    return is_over("till-codes", mine.organisation.pk, most=MOST_TRIES, within_s=WITHIN_S)
