"""Privacy: who saw what, the copy of everything, requests about one's own record, and closing the account."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tanpuhui.access.audit import record
from tanpuhui.access.models import ApiToken
from tanpuhui.close.installation import jurisdiction
from tanpuhui.community.board import end_nickname
from tanpuhui.community.challenge import step_out_of_all
from tanpuhui.community.group import leave_all
from tanpuhui.consent.age import ZONE
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.district import district_of, forget_district, say_district
from tanpuhui.consent.show import get_resident, standings, wards_of
from tanpuhui.copies.acts import all_acts
from tanpuhui.copies.archive import archive
from tanpuhui.copies.parties import party_names
from tanpuhui.copies.record import entries_about
from tanpuhui.copies.record import record as kept_record
from tanpuhui.copies.state_names import state_name
from tanpuhui.copies.titles import method_of, title_of
from tanpuhui.federation.link import end_all as end_all_links
from tanpuhui.integrity.look import appeals_of, decisions_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.statement import statement
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.registry.districts import districts_of, known_district
from tanpuhui.registry.refusals import NoDistricts, UnknownDistrict
from tanpuhui.rights.answer import take_back
from tanpuhui.rights.ask import MOST_CHARACTERS, ask
from tanpuhui.rights.breach import notices_of
from tanpuhui.rights.letter import end_letter
from tanpuhui.rights.models import Request
from tanpuhui.rights.show import requests_of, shown
from tanpuhui.web.resident.act_names import act_name
from tanpuhui.web.resident.activities import shown as shown_acts
from tanpuhui.web.resident.trail import trail
from tanpuhui.web.resident.words import outcome_name
from tanpuhui.web.shared.access import ResidentRequest, own_or_404, resident_page
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

LINES_A_PAGE = 20


class RequestForm(forms.Form):
    """A request in one's own words."""

    words = forms.CharField(
        label=gettext_lazy("In your own words"),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class CloseForm(forms.Form):
    """Closing an account is typed, so that it never happens by a slip."""

    number = forms.CharField(
        label=gettext_lazy("Type the number of your account"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def __init__(self, *arguments: Any, account: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.account = account

    def clean_number(self) -> str:
        given: str = self.cleaned_data["number"].strip()
        if given != str(self.account):
            raise forms.ValidationError(_("This is not the number of your account. Nothing was closed."))
        return given


@resident_page
def privacy(request: HttpRequest) -> HttpResponse:
    """Who saw what and when, and what one may ask for."""
    account = cast(ResidentRequest, request).account
    lines = Paginator(cast(Any, entries_about(account)), LINES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "account": account,
        "page": lines,
        "trail": trail(list(lines), request.user),
        "requests": [{"shown": one, "state": request_state(one.state.value)} for one in requests_of(account)],
        "kinds": Request.OWN,
        "breaches": notices_of(account),
        "today": timezone.localdate(),
        "resident": get_resident(account),
    }
    there = districts_of(jurisdiction())
    language = get_language() or ""
    context["districts"] = [(one.code, one.name(language)) for one in there]
    context["district"] = district_of(account)
    return render(request, "resident/privacy.html", context)


@require_POST
@resident_page
def district(request: HttpRequest) -> HttpResponse:
    """Say in which district one lives, or take it back; nobody has to."""
    account = cast(ResidentRequest, request).account
    code = request.POST.get("district", "")
    try:
        with transaction.atomic():
            if code:
                say_district(account, known_district(code, jurisdiction()).code, at=utc_now())
            else:
                forget_district(account)
            _write_down(request, "say_district", {"said": bool(code)})
    except (UnknownDistrict, NoDistricts) as refusal:
        messages.error(request, text_of(refusal))
    else:
        messages.success(request, _("Kept.") if code else _("Forgotten."))
    return redirect("resident:privacy")


@require_POST
@resident_page
def export(request: HttpRequest) -> HttpResponse:
    """Everything about this account in one zip; that it was taken is written down."""
    account = cast(ResidentRequest, request).account
    now = utc_now()
    with transaction.atomic():
        _write_down(request, "export_record", {"form": "zip"})
        made = archive(account, at=now)
    answer = HttpResponse(made, content_type="application/zip")
    day = timezone.localdate().isoformat()
    answer["Content-Disposition"] = f'attachment; filename="tanpuhui-account-{account}-{day}.zip"'
    return answer


@resident_page
def readable(request: HttpRequest) -> HttpResponse:
    """The same to read and to print."""
    account = cast(ResidentRequest, request).account
    now = utc_now()
    with transaction.atomic():
        _write_down(request, "export_record", {"form": "page"})
        kept = kept_record(account, at=now)
    drawn = statement(connection, account, at=now)
    found = standings(account, at=now)
    names = party_names({one.grant.provider for one in found} | {one.grant.recipient for one in found})
    entries = list(entries_about(account))
    context = {
        "account": account,
        "at": now,
        "record": kept,
        "birth_on": kept["account"]["birth_on"],
        "drawn": drawn,
        "lines": [
            {
                "effective_on": line.effective_on,
                "of": _of_what(line.asset),
                "amount": line.amount,
                "unit": line.unit,
            }
            for line in drawn.lines
        ],
        "grants": [
            {
                "standing": one,
                "provider": names[one.grant.provider],
                "recipient": names[one.grant.recipient],
                "kinds": [act_name(kind) for kind in one.grant.kinds],
                "state": state_name(one.state),
            }
            for one in found
        ],
        "requests": [
            {"shown": one, "kind": one.request.get_kind_display(), "state": request_state(one.state.value)}
            for one in requests_of(account)
        ],
        "acts": _acts(account),
        "appeals": [(one, outcome_name(Outcome[one.outcome])) for one in appeals_of(account)],
        "verdicts": decisions_of(account),
        "links": _links(kept["identifiers"]),
        "trail": trail(entries, request.user),
    }
    return render(request, "resident/readable.html", context)


@resident_page
def new_request(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Ask for a correction, an erasure or a restriction; what it does stands on the page."""
    account = cast(ResidentRequest, request).account
    if kind not in dict(Request.OWN):
        raise Http404
    form = RequestForm(request.POST or None)
    refused, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                with transaction.atomic():
                    made = ask(account, kind, form.cleaned_data["words"], at=utc_now(), zone=ZONE)
                    _write_down(request, "ask_right", {"kind": kind})
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                messages.success(request, _("Your request is recorded. The answer appears here."))
                return redirect("resident:request", request_id=made.pk)
    context = {"kind": kind, "kind_name": dict(Request.KINDS)[kind], "form": form, "refused": refused}
    return render(request, "resident/new_request.html", context, status=status)


@resident_page
def one_request(request: HttpRequest, request_id: UUID) -> HttpResponseBase:
    """One request with its steps; it can be taken back until it is answered."""
    account = cast(ResidentRequest, request).account
    own_or_404(Request.objects.filter(account=account), pk=request_id)
    if request.method == "POST":
        with transaction.atomic():
            take_back(request_id, at=utc_now())
            _write_down(request, "take_back_right", {})
        messages.success(request, _("Your request is taken back."))
        return redirect("resident:privacy")
    one = shown(request_id)
    context = {
        "shown": one,
        "kind_name": one.request.get_kind_display(),
        "state": request_state(one.state.value),
        "is_late": one.is_late(timezone.localdate()),
        "steps": [
            {"at": step.at, "state": request_state(step.state), "words": step.words}
            for step in one.request.steps.order_by("seq")
        ],
    }
    return render(request, "resident/request.html", context)


@resident_page
def close(request: HttpRequest) -> HttpResponseBase:
    """Close the account: what then happens to each thing, in plain words; typed, and signed out afterwards."""
    reader = cast(ResidentRequest, request)
    account, now = reader.account, utc_now()
    form = CloseForm(request.POST or None, account=account)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            ended = close_account(account, at=now, method="web")
            leave_all(account, at=now)
            end_all_links(account, at=now)
            step_out_of_all(account, at=now)
            end_nickname(account, at=now)
            end_letter(account, at=now)
            ApiToken.objects.filter(user=reader.user, revoked_at__isnull=True).update(revoked_at=now)
            _write_down(request, "close_account", {"grants_ended": ended})
        logout(request)
        messages.success(request, _("The account is closed, and you are signed out."))
        return redirect("home")
    drawn = statement(connection, account, at=now, limit=1)
    found = standings(account, at=now)
    context = {
        "account": account,
        "form": form,
        "is_closed": get_resident(account).closed_at is not None,
        "pending_mg": drawn.pending_mg(),
        "certified_mg": drawn.certified_mg(),
        "grants": sum(not one.is_over for one in found),
        "children": wards_of(account, on=timezone.localdate()),
    }
    return render(request, "resident/close.html", context, status=422 if form.errors else 200)


def _acts(account: int) -> list[dict[str, Any]]:
    """Every act of the account in words, with its methodology's title."""
    language = get_language() or ""
    return [
        {"shown": one, "act": one.act, "by": title_of(one.act.methodology.partition("@")[0], language)}
        if one.act.methodology
        else {"shown": one, "act": one.act, "by": ""}
        for one in shown_acts(all_acts(account))
    ]


def _links(identifiers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where an identifier is linked, by the provider's name."""
    names = party_names(one["provider"] for one in identifiers)
    return [{"provider": names[one["provider"]], "linked_at": one["linked_at"]} for one in identifiers]


def _of_what(asset: str) -> str:
    """What a line of the ledger is about: the methodology's title, or the asset as it is."""
    code = method_of(asset)
    return title_of(code, get_language() or "") if code else asset


def request_state(state: str) -> str:
    """What the state of a request is called."""
    return {
        "received": pgettext("state of a request", "received"),
        "in_hand": pgettext("state of a request", "in hand"),
        "done": pgettext("state of a request", "done"),
        "refused": pgettext("state of a request", "refused, with reasons"),
        "taken_back": pgettext("state of a request", "taken back"),
    }[state]


def _write_down(request: HttpRequest, verb: str, facts: dict[str, Any]) -> None:
    reader = cast(ResidentRequest, request)
    record(
        verb,
        who=reader.user,
        at=utc_now(),
        object_kind="account",
        object_key=reader.account,
        facts=facts,
        request_id=current(),
    )
