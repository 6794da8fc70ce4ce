"""Keys and retractions: what a provider's programs sign with, and acts that never were."""

from __future__ import annotations

from typing import cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tanpuhui.access.audit import record
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.close.installation import places, zone
from tanpuhui.copies.kinds import kind_name
from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.provider_key import add_key, find_key, keys_of, read_public_key, revoke_key
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ACT_KINDS
from tanpuhui.evidence.retract import retract as take_back
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.provider.forms import KeyForm, RetractionForm, RevokeForm
from tanpuhui.web.shared.access import MemberRequest, organisation_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

DOERS = (Membership.ADMIN, Membership.MEMBER)


@organisation_page(Organisation.PROVIDER)
def keys(request: HttpRequest) -> HttpResponseBase:
    """Every key with its state; an administrator registers a further one."""
    mine = cast(MemberRequest, request)
    is_admin = mine.membership.role == Membership.ADMIN
    form = KeyForm(request.POST if request.method == "POST" and is_admin else None)
    status = 200 if request.method == "GET" or is_admin else 403
    if form.is_bound and form.is_valid():
        try:
            _add(mine, form.cleaned_data["public_key"])
        except Refusal as refusal:
            form.add_error("public_key", text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("The key is registered and in force."))
            return redirect("provider:keys", organisation=mine.organisation.code)
    elif form.is_bound:
        status = 422
    now = utc_now()
    rows = [{"key": key, "state": key.state(now)} for key in reversed(keys_of(mine.organisation.code))]
    context = {"form": form, "rows": rows, "is_admin": is_admin}
    return render(request, "provider/keys.html", context, status=status)


@organisation_page(Organisation.PROVIDER, Membership.ADMIN)
def revoke(request: HttpRequest, key: str) -> HttpResponseBase:
    """Revoke a key for good; the last one in force stays."""
    mine = cast(MemberRequest, request)
    found = find_key(f"{mine.organisation.code}:{key}", provider=mine.organisation.code)
    form = RevokeForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            _revoke(mine, found.key_id, form.cleaned_data["reason"])
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            messages.success(request, _("The key is revoked."))
            return redirect("provider:keys", organisation=mine.organisation.code)
    elif form.is_bound:
        status = 422
    return render(request, "provider/revoke.html", {"form": form, "key": found}, status=status)


@organisation_page(Organisation.PROVIDER, *DOERS)
def retract(request: HttpRequest) -> HttpResponseBase:
    """Say of an act that it never was: what was credited for it is taken back at the next close of its day."""
    mine = cast(MemberRequest, request)
    contract = contracts.in_force(mine.organisation.code, utc_now().astimezone(ZoneInfo(zone())).date())
    shapes = format_called(contract.format).shapes(contract.terms())
    is_possible = any("action" in shape.optional for shape in shapes)
    kinds = [(kind, kind_name(kind)) for kind in contract.kinds if kind in ACT_KINDS]
    form = RetractionForm(kinds, request.POST if request.method == "POST" and is_possible else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            answer = _take_back(mine.organisation.code, form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, text_of(refusal))
            status = status_of(refusal)
        else:
            return redirect("provider:batch", organisation=mine.organisation.code, batch=answer.batch)
    elif form.is_bound:
        status = 422
    context = {"form": form, "is_possible": is_possible, "contract": contract}
    return render(request, "provider/retract.html", context, status=status)


def _take_back(provider: str, given: dict[str, object]) -> Receipt:
    row = {name: str(value) for name, value in given.items()}
    where = places()
    with transaction.atomic():
        return take_back(
            provider,
            [row],
            key=f"retract:{digest_json(row)}",
            at=utc_now(),
            lake=where.lake,
            buckets=where.buckets,
            zone=zone(),
        )


def _add(mine: MemberRequest, text: str) -> None:
    now = utc_now()
    with transaction.atomic():
        key = add_key(
            mine.organisation.code, read_public_key(text), valid_from=now, made_by=_who(mine), at=now
        )
        _note(mine, "add_provider_key", key.key_id)


def _revoke(mine: MemberRequest, key_id: str, reason: str) -> None:
    with transaction.atomic():
        revoke_key(key_id, reason=reason, at=utc_now(), by=_who(mine), provider=mine.organisation.code)
        _note(mine, "revoke_provider_key", key_id, reason)


def _who(mine: MemberRequest) -> str:
    return f"user:{mine.user.pk}"


def _note(mine: MemberRequest, verb: str, key_id: str, reason: str = "") -> None:
    record(
        verb,
        who=mine.user,
        at=utc_now(),
        organisation=mine.organisation,
        object_kind="provider_key",
        object_key=key_id,
        reason=reason,
        request_id=current(),
    )
