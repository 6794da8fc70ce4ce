"""Together: a goal for the month, groups, the city's challenge, and a board for those who agreed to be on it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from tanpuhui.access.audit import record
from tanpuhui.community import board as boards
from tanpuhui.community import challenge as challenges
from tanpuhui.community import goal as goals
from tanpuhui.community import group as groups
from tanpuhui.community.credited import credited_mg
from tanpuhui.community.equivalents import equivalents
from tanpuhui.community.models import Group
from tanpuhui.community.month import first_of, last_of
from tanpuhui.community.names import MOST, MOST_OF_GROUP
from tanpuhui.consent.age import ZONE
from tanpuhui.consent.policy import policy
from tanpuhui.consent.show import guardian_of
from tanpuhui.copies.titles import title_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.web.resident.consents_on_offer import ConsentOnOffer, lang_of
from tanpuhui.web.resident.sources import notice_lines
from tanpuhui.web.shared.access import ResidentRequest, resident_page
from tanpuhui.web.shared.errors import too_many
from tanpuhui.web.shared.forms import FormPage
from tanpuhui.web.shared.refused import status_of, text_of
from tanpuhui.web.shared.request_id import current

METHOD = "web"


class GoalForm(forms.Form):
    """How many kilograms of CO2 equivalent to avoid this month."""

    kg = forms.IntegerField(
        label=gettext_lazy("My goal for this month, in kilograms of CO₂"),
        help_text=gettext_lazy("A metro trip of ten kilometres avoids about half a kilogram."),
        min_value=goals.FEWEST_MG // goals.KG,
        max_value=goals.MOST_MG // goals.KG,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


class GroupForm(forms.Form):
    """A new group."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What sort of group"), choices=Group.KINDS, widget=forms.RadioSelect
    )
    name = forms.CharField(
        label=gettext_lazy("Name of the group"),
        help_text=gettext_lazy("Only its members see it."),
        max_length=MOST_OF_GROUP,
    )


class CodeForm(forms.Form):
    """The code of an invitation."""

    code = forms.CharField(
        label=gettext_lazy("Code of the invitation"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "class": "code"}
        ),
    )


class NicknameForm(forms.Form):
    """A nickname for the board."""

    nickname = forms.CharField(
        label=gettext_lazy("Nickname on the board"),
        help_text=gettext_lazy("2 to 16 letters or digits. Choose one that does not lead to you."),
        max_length=MOST,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class BoardForm(NicknameForm):
    """Agreeing to be on the board: not ticked for anybody."""

    notice = forms.CharField(widget=forms.HiddenInput, max_length=100)
    agrees = forms.BooleanField(
        label=gettext_lazy(
            "I have read the notice, and I agree that my nickname, the share of my goal and what I avoid are published."
        ),
        error_messages={"required": gettext_lazy("Tick this if you agree; if not, nothing changes.")},
    )

    def __init__(self, *arguments: Any, digest: str, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.digest = digest
        self.fields["notice"].initial = digest

    def clean_notice(self) -> str:
        if self.cleaned_data["notice"] != self.digest:
            raise forms.ValidationError(
                _("The notice has changed since you read it. Read it again, then decide.")
            )
        return self.digest


@resident_page
def together(request: HttpRequest) -> HttpResponse:
    """All of it at a glance."""
    account = cast(ResidentRequest, request).account
    today, now = timezone.localdate(), utc_now()
    month_mg = credited_mg(account, first_of(today), last_of(first_of(today)))
    language = get_language() or ""
    found = [challenges.standing(one, account) for one in challenges.challenges(today, most=4)]
    publication = boards.publication(account, at=now)
    context = {
        "progress": goals.progress(account, today=today),
        "month": today,
        "month_mg": month_mg,
        "equivalents": equivalents(month_mg),
        "groups": groups.groups_of(account),
        "challenges": [_challenge(one, language, today) for one in found],
        "nickname": boards.nickname_of(account) if publication and publication.is_used else "",
    }
    return render(request, "resident/together.html", context)


@method_decorator(resident_page, name="dispatch")
class GoalPage(FormPage):
    """Set the goal of this month."""

    form_class = GoalForm
    template_name = "resident/goal.html"
    success_url = reverse_lazy("resident:together")

    def get_initial(self) -> dict[str, Any]:
        known = goals.newest(self._account, first_of(timezone.localdate()))
        return {"kg": known.target_mg // goals.KG} if known else {}

    def do(self, form: GoalForm) -> None:
        goals.set_goal(
            self._account, form.cleaned_data["kg"] * goals.KG, today=timezone.localdate(), at=utc_now()
        )
        messages.success(self.request, _("Your goal is set."))

    @property
    def _account(self) -> int:
        return cast(ResidentRequest, self.request).account


@method_decorator(resident_page, name="dispatch")
class NewGroupPage(FormPage):
    """Found a group."""

    form_class = GroupForm
    template_name = "resident/new_group.html"

    def do(self, form: GroupForm) -> HttpResponseBase:
        account = cast(ResidentRequest, self.request).account
        made = groups.found(account, form.cleaned_data["kind"], form.cleaned_data["name"], at=utc_now())
        messages.success(self.request, _("The group is founded. Give its code to those you invite."))
        return redirect("resident:group", group=made.pk)


@method_decorator(resident_page, name="dispatch")
class JoinGroupPage(FormPage):
    """Join by a code; slowed, so that no code is found by trying."""

    form_class = CodeForm
    template_name = "resident/join_group.html"

    def post(self, request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if not ratelimit.consume(request, action="join_group", user=request.user):
            return too_many(request)
        return super().post(request, *arguments, **named)

    def do(self, form: CodeForm) -> HttpResponseBase:
        account = cast(ResidentRequest, self.request).account
        joined = groups.join(account, form.cleaned_data["code"], at=utc_now())
        messages.success(self.request, _("You are in. Others see sums only, never a single act of yours."))
        return redirect("resident:group", group=joined.pk)


@resident_page
def group(request: HttpRequest, group: UUID) -> HttpResponseBase:
    """One group that one is in: its sum, its code, and the way out."""
    account = cast(ResidentRequest, request).account
    try:
        found, code = groups.group_of(account, group)
    except Refusal:
        raise Http404 from None
    if request.method == "POST":
        return _change_group(request, account, found)
    context = {
        "group": found,
        "code": code,
        "sum": groups.sum_of(found.pk, today=timezone.localdate(), zone=ZONE),
        "fewest": groups.FEWEST_IN_A_SUM,
    }
    return render(request, "resident/group.html", context)


@resident_page
def challenge(request: HttpRequest, challenge: str) -> HttpResponseBase:
    """One challenge of the city: take part, or step out."""
    account = cast(ResidentRequest, request).account
    today = timezone.localdate()
    try:
        known = challenges.get_challenge(challenge)
    except Refusal:
        raise Http404 from None
    if request.method == "POST":
        with transaction.atomic():
            if request.POST.get("do") == "take_part":
                challenges.take_part(account, known.code, today=today, at=utc_now())
                messages.success(request, _("You take part. You can step out at any time."))
            elif request.POST.get("do") == "step_out":
                challenges.step_out(account, known.code, at=utc_now())
                messages.success(request, _("You no longer take part."))
            else:
                raise BadRequest
        return redirect("resident:challenge", challenge=known.code)
    context = _challenge(challenges.standing(known, account), get_language() or "", today)
    return render(request, "resident/challenge.html", {"one": context})


@resident_page
def board(request: HttpRequest) -> HttpResponseBase:
    """The board, and being on it: off until one agrees, and off again at once."""
    account = cast(ResidentRequest, request).account
    offer = _publication()
    notice = offer.notice(get_language() or "")
    publication = boards.publication(account, at=utc_now())
    may_join = publication is None and guardian_of(account, on=timezone.localdate()) is None
    verb = request.POST.get("do", "") if request.method == "POST" else ""
    join_form = BoardForm(request.POST if verb == "join" else None, digest=notice.digest)
    name_form = NicknameForm(
        request.POST if verb == "rename" else None, initial={"nickname": boards.nickname_of(account)}
    )
    refused, status = "", 200
    if verb:
        form = {"join": join_form, "rename": name_form}.get(verb)
        if form is not None and not form.is_valid():
            status = 422
        else:
            try:
                _change_board(request, account, verb, form)
            except Refusal as refusal:
                refused, status = text_of(refusal), status_of(refusal)
            else:
                return redirect("resident:board")
    by_share = request.GET.get("order") != "amount"
    context = {
        "rows": boards.board(today=timezone.localdate(), at=utc_now(), own=account, by_share=by_share),
        "by_share": by_share,
        "month": timezone.localdate(),
        "publication": publication,
        "may_join": may_join,
        "join_form": join_form,
        "name_form": name_form,
        "nickname": boards.nickname_of(account),
        "notice": notice_lines(offer),
        "refused": refused,
    }
    return render(request, "resident/board.html", context, status=status)


def _change_group(request: HttpRequest, account: int, found: Group) -> HttpResponseBase:
    with transaction.atomic():
        if request.POST.get("do") == "leave":
            groups.leave(account, found.pk, at=utc_now())
            messages.success(request, _("You left the group."))
            return redirect("resident:together")
        if request.POST.get("do") == "renew":
            groups.renew_code(account, found.pk, at=utc_now())
            messages.success(request, _("There is a new code; the old one opens nothing."))
            return redirect("resident:group", group=found.pk)
    raise BadRequest


def _change_board(request: HttpRequest, account: int, verb: str, form: Any) -> None:
    now = utc_now()
    with transaction.atomic():
        if verb == "join":
            language = lang_of(get_language() or "")
            name = form.cleaned_data["nickname"]
            grant = boards.join_board(account, name, at=now, lang=language, method=METHOD)
            _write_down(request, "join_board", {"grant": grant.pk})
            messages.success(request, _("You are on the board."))
        elif verb == "rename":
            boards.rename(account, form.cleaned_data["nickname"], at=now)
            messages.success(request, _("Your nickname is changed."))
        elif verb == "leave":
            boards.leave_board(account, at=now, method=METHOD)
            _write_down(request, "leave_board", {})
            messages.success(request, _("You are no longer on the board."))
        else:
            raise BadRequest


def _publication() -> ConsentOnOffer:
    rules = policy()
    purpose = rules.purpose(boards.PURPOSE)
    name = rules.name_of(boards.RECIPIENT, get_language() or "")
    return ConsentOnOffer(boards.PROVIDER, boards.RECIPIENT, purpose, name, boards.KINDS, True, ())


def _challenge(one: challenges.Standing, language: str, today: Any) -> dict[str, Any]:
    known = one.challenge
    is_chinese = language.startswith("zh")
    return {
        "standing": one,
        "title": known.title_zh if is_chinese else known.title_en,
        "text": known.text_zh if is_chinese else known.text_en,
        "methods": [title_of(code, language) for code in known.methodologies],
        "is_over": one.is_over(today),
        "is_coming": one.is_coming(today),
        "address": reverse("resident:challenge", kwargs={"challenge": known.code}),
    }


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


goal = GoalPage.as_view()
new_group = NewGroupPage.as_view()
join_group = JoinGroupPage.as_view()
