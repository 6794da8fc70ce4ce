"""Held: acts that a rule against fraud keeps from being credited; two people release one, or confirm that it is held.

An act has the number of its record here, and nobody's name or account.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib.admin import SimpleListFilter, display
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.acts import Act, acts_of
from tanpuhui.close.installation import places
from tanpuhui.console import cells, four_eyes, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.console.lists import ReadOnlyList, choice_filter
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.integrity.held import standing_flags
from tanpuhui.integrity.models import Appeal, Flag, Verdict
from tanpuhui.integrity.patterns.find import PATTERNS, pattern_named
from tanpuhui.integrity.refusals import NotHeld
from tanpuhui.kit.moment import utc_now

RELEASE, CONFIRM = "act.release", "act.confirm"
HELD, RELEASED = "held", "released"


def reason_of(pattern: str) -> str:
    """What a rule looks for, in the reader's language; its id alone where the version is no longer here."""
    known = pattern_named(pattern)
    if known is None:
        return pattern
    return known.reason_zh if (get_language() or "").startswith("zh") else known.reason_en


def _state(found: Flag) -> Any:
    decisions = {verdict.decision for verdict in found.verdicts.all()}
    if Verdict.RELEASED in decisions:
        return cells.state("plain", pgettext("held act", "released"))
    if Verdict.CONFIRMED in decisions:
        return cells.state("bad", pgettext("held act", "held, and confirmed"))
    return cells.state("busy", pgettext("held act", "held"))


def _appeal(found: Appeal | None) -> Any:
    if found is None:
        return _("none")
    if not hasattr(found, "answer"):
        return cells.state("busy", _("waits for an answer"))
    return cells.state("plain", found.answer.get_decision_display())


def _appeals(flags: Sequence[Flag]) -> dict[int, Appeal]:
    """The last appeal against each act."""
    found = Appeal.objects.filter(record_id__in=[flag.record_id for flag in flags])
    return {one.record_id: one for one in found.select_related("answer").order_by("round")}


def _acts(flags: Sequence[Flag]) -> dict[int, Act]:
    """The acts as the closes that stand left them; a record whose person was erased has none."""
    where = places()
    found: dict[int, Act] = {}
    for account, day in {(flag.account, flag.day) for flag in flags}:
        found |= {act.record_id: act for act in acts_of(account, [day], where)}
    return {flag.record_id: found[flag.record_id] for flag in flags if flag.record_id in found}


def _value(act: Act | None) -> Any:
    """What is not credited while it is held; what is, once it is released."""
    return cells.mass(act.avoided_mg) if act else cells.NOTHING


class StateFilter(SimpleListFilter):
    title = _l("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        del request, model_admin
        return [(HELD, _("held")), (RELEASED, pgettext("held act", "released"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        released = Verdict.objects.filter(decision=Verdict.RELEASED).values("flag")
        if self.value() == HELD:
            return queryset.exclude(pk__in=released)
        return queryset.filter(pk__in=released) if self.value() == RELEASED else queryset


class HeldList(ReadOnlyList):
    heading = _l("Held acts")
    says = _l(
        "Acts that a rule against fraud found. They are not credited until they are released; the person reads "
        "the rule, what is decided here and why, and can appeal. An act has a number here, and no name."
    )
    empty = _l("No act is held.")
    place = "held"
    list_display = ("record", "day_", "rule", "why", "value", "since", "appeal", "state_")
    list_filter = (
        StateFilter,
        choice_filter(_l("rule"), "rule", lambda: [(one.name, one.name) for one in PATTERNS], "pattern"),
    )
    list_per_page = 25
    numbers = (4,)
    exported: ClassVar = [
        ("record", lambda row: row.record_id),
        ("day", lambda row: row.day),
        ("rule", lambda row: row.pattern),
        ("found_at", lambda row: row.found_at),
        ("verdicts", lambda row: "+".join(sorted(one.decision for one in row.verdicts.all()))),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flag]:
        found: QuerySet[Flag] = super().get_queryset(request)
        return found.prefetch_related("verdicts")

    def get_ordering(self, request: HttpRequest) -> Any:
        del request
        return ["-found_at", "-id"]

    def get_changelist_instance(self, request: Any) -> Any:
        """The page, each of whose rows knows its act and the last appeal against it."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        acts, appeals = _acts(found.result_list), _appeals(found.result_list)
        for row in found.result_list:
            row.act, row.last_appeal = acts.get(row.record_id), appeals.get(row.record_id)
        return found

    @display(description=_l("Record"), ordering="record_id")
    def record(self, row: Flag) -> Any:
        return cells.code(row.record_id)

    @display(description=_l("Day"), ordering="day")
    def day_(self, row: Flag) -> Any:
        return cells.day(row.day)

    @display(description=_l("Rule"), ordering="pattern")
    def rule(self, row: Flag) -> Any:
        return cells.code(row.pattern)

    @display(description=_l("What it looks for"))
    def why(self, row: Flag) -> str:
        return reason_of(row.pattern)

    @display(description=_l("Value"))
    def value(self, row: Any) -> Any:
        return _value(row.act)

    @display(description=_l("Held since"), ordering="found_at")
    def since(self, row: Flag) -> Any:
        return cells.moment(row.found_at)

    @display(description=_l("Appeal"))
    def appeal(self, row: Any) -> Any:
        return _appeal(row.last_appeal)

    @display(description=_l("State"))
    def state_(self, row: Flag) -> Any:
        return _state(row)

    def page(self, request: ConsoleRequest, found: Flag) -> dict[str, Any]:
        tools = []
        if request.may_act and standing_flags().filter(pk=found.pk).exists():
            tools.append((pgettext("held act", "Release"), reverse("console:act_release", args=[found.pk])))
        if request.may_act and _to_confirm(found.record_id):
            tools.append((pgettext("held act", "Confirm"), reverse("console:act_confirm", args=[found.pk])))
        return {
            "title": _("Record %(number)s") % {"number": found.record_id},
            "eyebrow": _("Held acts"),
            "facts": [*_facts(found), (_("State"), _state(found))],
            "tables": [_verdicts(found), trail("record", str(found.record_id))],
            "tools": tools,
        }


def _facts(found: Flag) -> list[tuple[Any, Any]]:
    act, appeal = _acts([found]).get(found.record_id), _appeals([found]).get(found.record_id)
    said = _appeal(appeal)
    return [
        (_("Record"), cells.code(found.record_id)),
        (_("Day"), cells.day(found.day)),
        (_("Rule"), cells.code(found.pattern)),
        (_("What it looks for"), reason_of(found.pattern)),
        (_("Provider"), names.provider(act.provider) if act else cells.NOTHING),
        (_("Kind of act"), names.kind(act.kind) if act else cells.NOTHING),
        (_("Value"), _value(act)),
        (_("Held since"), cells.moment(found.found_at)),
        (_("Appeal"), cells.link(said, "integrity_appeal_change", appeal.pk) if appeal else said),
    ]


def _verdicts(found: Flag) -> Table:
    rows = [
        [one.get_decision_display(), one.reason, cells.moment(one.at)]
        for one in found.verdicts.order_by("at")
    ]
    headers = [_("Decision"), _("Reason"), _("At")]
    return Table(headers, rows, caption=_("Decisions"), empty=_("Nobody decided yet."))


def _to_confirm(record: int) -> bool:
    """Whether something holds an act of which nobody decided that it stays so."""
    return standing_flags().filter(record_id=record).exclude(verdicts__decision=Verdict.CONFIRMED).exists()


class ReasonForPerson(Reasoned):
    """Why: whoever the act is of reads it."""

    reason = forms.CharField(
        label=_l("Reason"),
        help_text=_l("The person reads it, and it is kept. Name nobody, and nothing about anybody else."),
        max_length=500,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class DecideAct(VerbPage):
    """What two people decide about a held act."""

    button = _l("Ask a colleague")
    form_class = ReasonForPerson
    takes_two = True
    verb: ClassVar[str]
    #: What the next page says.
    asked: ClassVar[Any]

    def facts(self, *, flag: int) -> list[tuple[Any, Any]]:
        found = _get(flag)
        return [*_facts(found), (_("State"), _state(found))]

    if TYPE_CHECKING:

        def is_open(self, record: int) -> bool:
            """Whether there is anything to decide; each verb says so."""

    def do(self, form: Any, *, flag: int) -> str:
        found = _get(flag)
        if not self.is_open(found.record_id):
            raise NotHeld(record=found.record_id)
        reason = form.cleaned_data["reason"]
        arguments = {"record": found.record_id, "day": found.day.isoformat()}
        approval = four_eyes.ask(self.request, self.verb, arguments, reason=reason, at=utc_now())
        self.say(self.asked)
        return reverse("console:access_approval_change", args=[approval.pk])


class ReleaseAct(DecideAct):
    title = _l("Release a held act")
    says = _l(
        "The act is let go by every rule that holds it, its day is closed again, and it is credited like any other; it "
        "stays released. The person reads the reason. A colleague agrees first."
    )
    verb = RELEASE
    asked = _l("A colleague was asked. When they agree, the act is released and its day closed again.")

    def is_open(self, record: int) -> bool:
        return standing_flags().filter(record_id=record).exists()


class ConfirmAct(DecideAct):
    title = _l("Confirm that an act stays held")
    says = _l(
        "It stays uncredited for good, unless an appeal is upheld or it is released. At a sorting station it takes no "
        "part from others any more: days there are due, and others may be credited more, at most what was fetched. "
        "The person reads the reason. A colleague agrees first."
    )
    is_grave = True
    verb = CONFIRM
    asked = _l("A colleague was asked. When they agree, it is decided that the act stays held.")

    def is_open(self, record: int) -> bool:
        return _to_confirm(record)


def _get(flag: int) -> Flag:
    found = Flag.objects.prefetch_related("verdicts").filter(pk=flag).first()
    if found is None:
        raise Http404
    return found
