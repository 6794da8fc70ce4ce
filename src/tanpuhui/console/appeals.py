"""Appeals: what residents say against how an act ended, and the answer that they read."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import places
from tanpuhui.close.reported import Reported, Wanted, reported
from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import ReadOnlyList, choice_filter
from tanpuhui.console.people import name_of
from tanpuhui.console.verb import VerbPage
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.appeal import MOST_CHARACTERS
from tanpuhui.integrity.models import Answer, Appeal
from tanpuhui.integrity.refusals import UnknownAppeal
from tanpuhui.kit.moment import utc_now
from tanpuhui.quantify.outcome import MEANING, Outcome

#: Characters of a person's words that a list shows; the page of the appeal has all of them.
SHOWN = 90


def waiting() -> int:
    """How many appeals wait for an answer."""
    return Appeal.objects.filter(answer__isnull=True).count()


def _state(found: Appeal) -> Any:
    if not hasattr(found, "answer"):
        return cells.state("busy", _("waits for an answer"))
    return cells.state("plain", found.answer.get_decision_display())


def _meaning(outcome: str) -> str:
    return MEANING[Outcome[outcome]][0 if (get_language() or "").startswith("zh") else 1]


def _words(found: Appeal) -> str:
    return found.written.words if hasattr(found, "written") else _("(removed with the person)")


def _reported(found: list[Appeal]) -> dict[int, Reported]:
    return reported([Wanted(one.record_id, one.account, one.day) for one in found], places())


def _provider(known: Reported | None) -> Any:
    return names.provider(known.provider) if known else cells.NOTHING


def _kind(known: Reported | None) -> Any:
    return names.kind(known.kind) if known and known.kind else cells.NOTHING


class AppealList(ReadOnlyList):
    heading = _l("Appeals")
    says = _l("What residents say against how an act ended. What waits longest comes first.")
    empty = _l("Nobody appealed yet.")
    place = "appeals"
    list_display = ("number", "state_", "day_", "outcome_", "words_", "provider_", "kind_", "asked")
    list_filter = (
        choice_filter(
            _l("state"),
            "open",
            lambda: [("True", _l("waits for an answer")), ("False", _l("answered"))],
            "answer__isnull",
        ),
        choice_filter(_l("answer"), "decision", lambda: Answer.DECISIONS, "answer__decision"),
    )
    list_per_page = 25
    list_select_related = ("written", "answer")
    exported: ClassVar = [
        ("appeal", lambda row: row.pk),
        ("account", lambda row: row.account),
        ("record", lambda row: row.record_id),
        ("day", lambda row: row.day),
        ("outcome", lambda row: row.outcome),
        ("round", lambda row: row.round),
        ("asked_at", lambda row: row.asked_at),
        ("decision", lambda row: row.answer.decision if hasattr(row, "answer") else ""),
        ("answered_at", lambda row: row.answer.at if hasattr(row, "answer") else None),
    ]

    def get_ordering(self, request: Any) -> Any:
        """What waits first, the oldest before; then what was answered, the newest before."""
        return [F("answer__at").desc(nulls_first=True), "asked_at", "id"]

    def get_changelist_instance(self, request: Any) -> Any:
        """The page, each of whose rows knows who reported what it is about."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        known = _reported(found.result_list)
        for row in found.result_list:
            row.reported = known.get(row.record_id)
        return found

    @display(description=_l("Appeal"), ordering="id")
    def number(self, row: Appeal) -> int:
        return row.pk

    @display(description=_l("Day"), ordering="day")
    def day_(self, row: Appeal) -> Any:
        return cells.day(row.day)

    @display(description=_l("End"), ordering="outcome")
    def outcome_(self, row: Appeal) -> str:
        return _meaning(row.outcome)

    @display(description=_l("Provider"))
    def provider_(self, row: Any) -> Any:
        return _provider(row.reported)

    @display(description=_l("Kind of act"))
    def kind_(self, row: Any) -> Any:
        return _kind(row.reported)

    @display(description=_l("In their words"))
    def words_(self, row: Appeal) -> str:
        return Truncator(_words(row)).chars(SHOWN)

    @display(description=_l("Asked at"), ordering="asked_at")
    def asked(self, row: Appeal) -> Any:
        return cells.moment(row.asked_at)

    @display(description=_l("State"))
    def state_(self, row: Appeal) -> Any:
        return _state(row)

    def page(self, request: ConsoleRequest, found: Appeal) -> dict[str, Any]:
        with transaction.atomic():
            record(
                request,
                "account.appeal_seen",
                at=utc_now(),
                object_kind="account",
                object_key=found.account,
                facts={"appeal": found.pk},
            )
        is_open = not hasattr(found, "answer")
        may_answer = is_open and request.may_act
        return {
            "title": _("Appeal %(number)s") % {"number": found.pk},
            "eyebrow": _("Resident"),
            "facts": [
                (_("In their words"), cells.words(_words(found))),
                (_("State"), _state(found)),
                *_facts(found),
                *([] if is_open else _answer(found.answer)),
            ],
            "tables": [_others(found), trail("account", str(found.account))],
            "tools": [(_("Answer"), reverse("console:appeal_answer", args=[found.pk]))] if may_answer else [],
        }


def _facts(found: Appeal) -> list[tuple[Any, Any]]:
    known = _reported([found]).get(found.record_id)
    return [
        (_("Account"), cells.link(found.account, "consent_resident_change", found.account)),
        (_("Day"), cells.day(found.day)),
        (_("Provider"), _provider(known)),
        (_("Kind of act"), _kind(known)),
        (_("Record"), cells.code(found.record_id)),
        (_("End"), _meaning(found.outcome)),
        (
            _("Close of this day"),
            cells.link(cells.code(found.manifest), "close_manifest_change", found.manifest),
        ),
        (_("Asked at"), cells.moment(found.asked_at)),
    ]


def _answer(given: Answer) -> list[tuple[Any, Any]]:
    return [
        (_("Reason"), given.reason),
        (_("Answered by"), name_of(given.answered_by)),
        (_("Answered at"), cells.moment(given.at)),
    ]


def _others(found: Appeal) -> Table:
    """What was said and answered about the same act before or after."""
    same = Appeal.objects.filter(account=found.account, record_id=found.record_id).exclude(pk=found.pk)
    rows = [
        [
            cells.link(one.pk, "integrity_appeal_change", one.pk),
            cells.moment(one.asked_at),
            _state(one),
            one.answer.reason if hasattr(one, "answer") else cells.NOTHING,
        ]
        for one in same.select_related("answer").order_by("round")
    ]
    headers = [_("Appeal"), _("Asked at"), _("State"), _("Reason")]
    return Table(headers, rows, caption=_("Other appeals against this act"), empty=_("None."))


class Decision(forms.Form):
    """The answer that the person reads."""

    decision = forms.ChoiceField(label=_l("Answer"), choices=Answer.DECISIONS, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_l("Reason"),
        help_text=_l("The person reads this. Say what was looked at and what follows; name nobody else."),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class AnswerAppeal(VerbPage):
    title = _l("Answer an appeal")
    says = _l(
        "An appeal is answered once, and the person reads the answer. An answer changes no amount: what follows from "
        "an appeal that is upheld is a correction by the provider or another close of the day."
    )
    button = _l("Answer")
    form_class = Decision

    def facts(self, *, appeal: int) -> list[tuple[Any, Any]]:
        found = _get(appeal)
        return [(_("In their words"), cells.words(_words(found))), *_facts(found)]

    def do(self, form: Any, *, appeal: int) -> str:
        given, at, found = form.cleaned_data, utc_now(), _get(appeal)
        made = answer(
            appeal,
            uphold=given["decision"] == Answer.UPHELD,
            reason=given["reason"],
            by=self.request.user,
            at=at,
        )
        if made.at == at:
            record(
                self.request,
                "account.appeal_answered",
                at=at,
                object_kind="account",
                object_key=found.account,
                reason=made.reason,
                facts={"appeal": found.pk, "record": found.record_id, "decision": made.decision},
            )
        self.say(_("The answer is recorded, and the person can read it."))
        return reverse("console:integrity_appeal_change", args=[found.pk])


def _get(appeal: int) -> Appeal:
    found = Appeal.objects.select_related("written", "answer").filter(pk=appeal).first()
    if found is None:
        raise UnknownAppeal
    return found
