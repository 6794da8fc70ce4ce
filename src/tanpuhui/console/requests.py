"""Requests: what residents ask about their own record by law: taken in hand, done, or refused with reasons, in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.admin import SimpleListFilter, display
from django.db import transaction
from django.db.models import Case, DateTimeField, F, OuterRef, QuerySet, Subquery, When
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from tanpuhui.console import cells, four_eyes
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import ReadOnlyList, choice_filter
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.erasure.erase import arguments_of
from tanpuhui.erasure.refusals import NotAnErasure
from tanpuhui.kit.moment import utc_now
from tanpuhui.rights import answer, show
from tanpuhui.rights.ask import MOST_CHARACTERS
from tanpuhui.rights.models import Request, RequestStep
from tanpuhui.rights.show import Shown, shown
from tanpuhui.rights.state import FINAL, State, may_follow

#: Characters of a person's words that a list shows; the page of the request has all of them.
SHOWN = 90


def waiting() -> tuple[int, int]:
    """How many requests wait for an answer, and how many of them are overdue."""
    found, today = show.waiting(), timezone.localdate()
    return len(found), sum(one.is_late(today) for one in found)


def _state(state: str) -> Any:
    tone, text = {
        "received": ("busy", pgettext("state of a request", "received")),
        "in_hand": ("busy", pgettext("state of a request", "in hand")),
        "done": ("good", pgettext("state of a request", "done")),
        "refused": ("plain", pgettext("state of a request", "refused, with reasons")),
        "taken_back": ("plain", pgettext("state of a request", "taken back")),
    }[state]
    return cells.state(tone, text)


def _due(one: Shown) -> Any:
    if not one.is_late(timezone.localdate()):
        return cells.day(one.request.due_on)
    overdue = cells.state("bad", _("overdue"))
    return cells.beside(cells.day(one.request.due_on), overdue)


class StateFilter(SimpleListFilter):
    """Waiting, overdue or answered."""

    title = _l("state")
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [
            ("waiting", _("waits for an answer")),
            ("overdue", _("overdue")),
            ("answered", _("answered or taken back")),
        ]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        found = queryset.filter(ended_at__isnull=self.value() != "answered")
        if self.value() == "overdue":
            return found.filter(due_on__lt=timezone.localdate())
        return found if self.value() in ("waiting", "answered") else queryset.none()


class RequestList(ReadOnlyList):
    heading = _l("Requests")
    says = _l(
        "What residents ask about their own record: to correct, to erase, to restrict. What is due first comes first."
    )
    empty = _l("Nobody asked for anything.")
    place = "requests"
    list_display = ("what", "account_", "words_", "made", "due", "state_")
    list_filter = (StateFilter, choice_filter(_l("kind"), "kind", lambda: Request.KINDS))
    exported: ClassVar = [
        ("request", lambda row: row.pk),
        ("account", lambda row: row.account),
        ("kind", lambda row: row.kind),
        ("made_at", lambda row: row.made_at),
        ("due_on", lambda row: row.due_on),
        ("state", lambda row: row.last_state),
        ("since", lambda row: row.last_at),
    ]

    def get_queryset(self, request: Any) -> Any:
        """Each with its last step; ``ended_at`` is empty while it waits."""
        last = RequestStep.objects.filter(request=OuterRef("pk")).order_by("-seq")
        final = [state.value for state in FINAL]
        found = super().get_queryset(request)
        found = found.annotate(
            last_state=Subquery(last.values("state")[:1]),
            last_at=Subquery(last.values("at")[:1]),
            last_words=Subquery(last.values("words")[:1]),
        )
        ended_at = Case(When(last_state__in=final, then=F("last_at")), output_field=DateTimeField())
        return found.annotate(ended_at=ended_at)

    def get_ordering(self, request: Any) -> Any:
        """What waits first, by its deadline; then what was answered, the newest before."""
        return [F("ended_at").desc(nulls_first=True), "due_on", "made_at", "id"]

    @display(description=_l("Request"), ordering="kind")
    def what(self, row: Request) -> str:
        return row.get_kind_display()

    @display(description=_l("Account"), ordering="account")
    def account_(self, row: Request) -> Any:
        return row.account

    @display(description=_l("In their words"))
    def words_(self, row: Request) -> str:
        return Truncator(row.words).chars(SHOWN)

    @display(description=_l("Asked at"), ordering="made_at")
    def made(self, row: Request) -> Any:
        return cells.moment(row.made_at)

    @display(description=_l("Answer until"), ordering="due_on")
    def due(self, row: Any) -> Any:
        return _due(Shown(row, State(row.last_state), row.last_at, row.last_words))

    @display(description=_l("State"))
    def state_(self, row: Any) -> Any:
        return _state(row.last_state)

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        with transaction.atomic():
            record(
                request,
                "account.request_seen",
                at=utc_now(),
                object_kind="account",
                object_key=found.account,
                facts={"request": str(found.pk)},
            )
        one = shown(found.pk)
        verbs = (
            (State.IN_HAND, _("Take in hand"), "request_in_hand"),
            (State.DONE, _("Say that it is done"), "request_done"),
            (State.REFUSED, _("Refuse"), "request_refuse"),
            (State.DONE, _("Erase"), "request_erase"),
        )
        return {
            "title": found.get_kind_display(),
            "eyebrow": _("Request"),
            "facts": [(_("In their words"), cells.words(found.words)), *_facts(one)],
            "tables": [_steps(found), trail("account", str(found.account))],
            "tools": [
                (text, reverse(f"console:{name}", args=[found.pk]))
                for state, text, name in verbs
                if request.may_act and may_follow(one.state, state)
                if name != "request_erase" or found.kind == Request.ERASURE
            ],
        }


def _facts(one: Shown) -> list[tuple[Any, Any]]:
    found = one.request
    return [
        (_("State"), _state(one.state.value)),
        (_("Answer until"), _due(one)),
        (_("Account"), cells.link(found.account, "consent_resident_change", found.account)),
        (_("Asked at"), cells.moment(found.made_at)),
    ]


def _steps(found: Request) -> Table:
    who = {
        "resident": _("the resident"),
        "guardian": _("the guardian"),
        "operator": _("the operator"),
    }
    rows = [
        [cells.moment(step.at), _state(step.state), who.get(step.by, step.by), step.words or cells.NOTHING]
        for step in found.steps.order_by("seq")
    ]
    return Table([_("At"), _("State"), _("Who"), _("Answer")], rows, caption=_("Steps"))


class Words(forms.Form):
    """What the person reads."""

    words = forms.CharField(
        label=_l("Answer"),
        help_text=_l("The person reads this. Say what was done, in plain words; name nobody else."),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class Reasons(Words):
    """Why not; whoever is told no is told why."""

    words = forms.CharField(
        label=_l("Reasons"),
        help_text=_l("The person reads this. Name the rule, and where they can complain."),
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 5}),
    )


class RequestVerb(VerbPage):
    """One step of a request; the person sees it at once."""

    def facts(self, *, request_id: UUID) -> list[tuple[Any, Any]]:
        one = shown(request_id)
        return [
            (_("Request"), one.request.get_kind_display()),
            (_("In their words"), cells.words(one.request.words)),
            *_facts(one),
        ]

    if TYPE_CHECKING:

        def step(self, request_id: UUID, form: Any, at: Any) -> RequestStep:
            """The step that is taken; each verb says it."""

    def do(self, form: Any, *, request_id: UUID) -> str:
        at = utc_now()
        account = shown(request_id).request.account
        step = self.step(request_id, form, at)
        record(
            self.request,
            f"answer_{step.state}",
            at=at,
            object_kind="account",
            object_key=account,
            reason=step.words,
            facts={"request": str(request_id), "method": "console"},
        )
        self.say(_("The step is recorded, and the person can see it."))
        return reverse("console:rights_request_change", args=[request_id])


class TakeInHand(RequestVerb):
    title = _l("Take a request in hand")
    says = _l("The person sees that somebody works on it. The deadline stays as it is.")
    button = _l("Take in hand")
    form_class = forms.Form

    def step(self, request_id: UUID, form: Any, at: Any) -> RequestStep:
        return answer.take_in_hand(request_id, at=at)


class Done(RequestVerb):
    title = _l("Say that a request is done")
    says = _l("Do first what was asked for, then say here what was done. The request is closed with it.")
    button = _l("It is done")
    form_class = Words

    def step(self, request_id: UUID, form: Any, at: Any) -> RequestStep:
        return answer.done(request_id, form.cleaned_data["words"], at=at)


class RefuseRequest(RequestVerb):
    title = _l("Refuse a request")
    says = _l("The person reads the reasons, and can ask again. The request is closed with it.")
    button = _l("Refuse")
    form_class = Reasons
    is_grave = True

    def step(self, request_id: UUID, form: Any, at: Any) -> RequestStep:
        return answer.refuse(request_id, form.cleaned_data["words"], at=at)


class AskErase(RequestVerb):
    title = _l("Erase a person")
    says = _l(
        "A colleague must agree. Then 'tanpuhui request erase' on the machine of the database takes out everything "
        "that says who this is and what they did; certified reductions stay as nobody's, points go back to their "
        "sponsors. Nothing brings it back."
    )
    button = _l("Ask a colleague")
    form_class = Reasoned
    takes_two = True
    is_grave = True

    def do(self, form: Any, *, request_id: UUID) -> str:
        found = shown(request_id).request
        if found.kind != Request.ERASURE:
            raise NotAnErasure(kind=found.kind)
        approval = four_eyes.ask(
            self.request,
            four_eyes.ERASE,
            arguments_of(found),
            reason=form.cleaned_data["reason"],
            at=utc_now(),
        )
        self.say(_("A colleague was asked. When they agree, run 'tanpuhui request erase' with this request."))
        return reverse("console:access_approval_change", args=[approval.pk])
