"""Challenges: what the city sets out to avoid together: announced once, and counted whenever it is asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import SimpleListFilter, display
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, pgettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.community.challenge import Terms, announce, get_challenge, shows_sum
from tanpuhui.community.goal import KG, share_percent
from tanpuhui.community.models import Challenge, Tally
from tanpuhui.console import cells, jobs, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest, record, request_id
from tanpuhui.console.library import library
from tanpuhui.console.lists import ReadOnlyList
from tanpuhui.console.verb import DayInput, VerbPage
from tanpuhui.kit.moment import utc_now

#: A million tonnes: more than any city asks of its people.
MOST_KG = 1_000_000_000
TALLIES_SHOWN = 20
COMING, RUNNING, OVER = "coming", "running", "over"


def title_of(found: Challenge) -> str:
    """Its title in the reader's language."""
    return found.title_zh if (get_language() or "").startswith("zh") else found.title_en


def _state(found: Challenge) -> Any:
    today = timezone.localdate()
    if today < found.starts_on:
        return cells.state("plain", pgettext_lazy("challenge", "comes"))
    if today > found.ends_on:
        return cells.state("plain", pgettext_lazy("challenge", "is over"))
    return cells.state("good", pgettext_lazy("challenge", "runs"))


def _sum(participants: int | None, credited_mg: int | None) -> Any:
    """What was counted; nothing of so few people that it would say what one of them did."""
    if participants is None or credited_mg is None:
        return cells.NOTHING
    return cells.mass(credited_mg) if shows_sum(participants) else _("too few people to show a sum")


def _share(participants: int | None, credited_mg: int | None, target_mg: int) -> str:
    if participants is None or credited_mg is None or not shows_sum(participants):
        return cells.NOTHING
    return _("%(percent)s%%") % {"percent": share_percent(credited_mg, target_mg)}


def _counting(found: Challenge) -> Any:
    """The methodologies whose credits count."""
    if not found.methodologies:
        return _("all of them")
    return cells.listed(names.methodology(code) for code in found.methodologies)


class StateFilter(SimpleListFilter):
    title = _l("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            (RUNNING, pgettext_lazy("challenge", "runs")),
            (COMING, pgettext_lazy("challenge", "comes")),
            (OVER, pgettext_lazy("challenge", "is over")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today, wanted = timezone.localdate(), self.value()
        if wanted is None:
            return queryset
        found = {
            RUNNING: {"starts_on__lte": today, "ends_on__gte": today},
            COMING: {"starts_on__gt": today},
            OVER: {"ends_on__lt": today},
        }.get(wanted)
        return queryset.filter(**found) if found else queryset.none()


class ChallengeList(ReadOnlyList):
    heading = _l("Challenges")
    says = _l(
        "What the city sets out to avoid together. Residents take part of their own will; what was announced is never "
        "changed, and ends by itself."
    )
    empty = _l("No challenge was announced yet.")
    place = "challenges"
    list_display = ("title_", "state_", "first_", "last_", "aim", "share_", "people_", "counted")
    list_filter = (StateFilter,)
    search_fields = ("code", "title_zh", "title_en")
    search_help_text = _l("Code or title")
    ordering = ("-ends_on", "code")
    numbers = (4, 5, 6)
    exported: ClassVar = [
        ("challenge", lambda row: row.code),
        ("title_zh", lambda row: row.title_zh),
        ("title_en", lambda row: row.title_en),
        ("starts_on", lambda row: row.starts_on),
        ("ends_on", lambda row: row.ends_on),
        ("methodologies", lambda row: " ".join(row.methodologies)),
        ("target_mg", lambda row: row.target_mg),
        ("participants", lambda row: row.participants_counted),
        (
            "credited_mg",
            lambda row: row.counted_mg if shows_sum(row.participants_counted or 0) else None,
        ),
        ("counted_at", lambda row: row.counted_at),
        ("announced_at", lambda row: row.set_at),
    ]

    def get_queryset(self, request: Any) -> Any:
        """Challenges with what was counted last."""
        newest = Tally.objects.filter(challenge=OuterRef("pk")).order_by("-id")
        return (
            super()
            .get_queryset(request)
            .annotate(
                participants_counted=Subquery(newest.values("participants")[:1]),
                counted_mg=Subquery(newest.values("credited_mg")[:1]),
                counted_at=Subquery(newest.values("counted_at")[:1]),
            )
        )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Announce a challenge"), reverse("console:challenge_announce"))] if request.may_act else []

    @display(description=_l("Challenge"), ordering="code")
    def title_(self, row: Challenge) -> Any:
        return names.named(title_of(row), row.code)

    @display(description=_l("State"), ordering="ends_on")
    def state_(self, row: Challenge) -> Any:
        return _state(row)

    @display(description=_l("First day"), ordering="starts_on")
    def first_(self, row: Challenge) -> Any:
        return cells.day(row.starts_on)

    @display(description=_l("Last day"), ordering="ends_on")
    def last_(self, row: Challenge) -> Any:
        return cells.day(row.ends_on)

    @display(description=_l("Aim"), ordering="target_mg")
    def aim(self, row: Challenge) -> Any:
        return cells.mass(row.target_mg)

    @display(description=_l("Reached"))
    def share_(self, row: Any) -> str:
        return _share(row.participants_counted, row.counted_mg, row.target_mg)

    @display(description=_l("Take part"), ordering="participants_counted")
    def people_(self, row: Any) -> str:
        return cells.count(row.participants_counted)

    @display(description=_l("Counted at"), ordering="counted_at")
    def counted(self, row: Any) -> Any:
        return cells.moment(row.counted_at)

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        may_count = request.may_act and found.starts_on <= timezone.localdate()
        return {
            "title": title_of(found),
            "eyebrow": _("Challenge"),
            "facts": [
                (_("State"), _state(found)),
                (_("Reached"), _share(found.participants_counted, found.counted_mg, found.target_mg)),
                (_("Aim"), cells.mass(found.target_mg)),
                (_("Days"), f"{found.starts_on} – {found.ends_on}"),
                (_("Methodologies whose credits count"), _counting(found)),
                (pgettext("identifier", "Code"), cells.code(found.code)),
                (_("Title in Chinese"), found.title_zh),
                (_("What it is about, in Chinese"), cells.words(found.text_zh)),
                (_("Title in English"), found.title_en),
                (_("What it is about, in English"), cells.words(found.text_en)),
                (_("Announced at"), cells.moment(found.set_at)),
            ],
            "tables": [_tallies(found), trail("challenge", found.code)],
            "tools": [(_("Count now"), reverse("console:challenge_count", args=[found.code]))]
            if may_count
            else [],
        }


def _tallies(found: Challenge) -> Table:
    rows = [
        [
            cells.moment(one.counted_at),
            cells.count(one.participants),
            _sum(one.participants, one.credited_mg),
            _share(one.participants, one.credited_mg, found.target_mg),
        ]
        for one in found.tallies.order_by("-id")[:TALLIES_SHOWN]
    ]
    headers = [_("Counted at"), _("Take part"), _("Credited"), _("Reached")]
    return Table(headers, rows, caption=_("Tallies"), empty=_("It was not counted yet."), numbers=(1, 2, 3))


class Announcement(forms.Form):
    """What is announced; residents read it, so it is in both languages."""

    title_zh = forms.CharField(label=_l("Title in Chinese"), max_length=80)
    title_en = forms.CharField(label=_l("Title in English"), max_length=80)
    text_zh = forms.CharField(
        label=_l("What it is about, in Chinese"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    text_en = forms.CharField(
        label=_l("What it is about, in English"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    starts_on = forms.DateField(label=_l("First day"), widget=DayInput())
    ends_on = forms.DateField(
        label=_l("Last day"), help_text=_l("Acts of both days count."), widget=DayInput()
    )
    target_kg = forms.IntegerField(
        label=_l("Aim in kilograms"),
        help_text=_l("What all who take part avoid together, in kg CO2e. 1 t is 1,000 kg."),
        min_value=1,
        max_value=MOST_KG,
    )
    methodologies = forms.MultipleChoiceField(
        label=_l("Methodologies whose credits count"),
        help_text=_l("Choose none, and all of them count."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    code = forms.RegexField(
        regex=r"\A[a-z0-9][a-z0-9-]*\Z",
        label=pgettext_lazy("identifier", "Code"),
        help_text=_l("It is in the address of the residents' page: small letters, digits and hyphens."),
        max_length=60,
        error_messages={"invalid": _l("Use small letters, digits and hyphens, and begin with no hyphen.")},
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        codes = sorted({methodology.code for methodology in library().all()})
        choices = [(code, names.methodology(code)) for code in codes]
        self.fields["methodologies"].choices = choices  # type: ignore[attr-defined]

    def clean_ends_on(self) -> Any:
        ends_on, starts_on = self.cleaned_data["ends_on"], self.cleaned_data.get("starts_on")
        if starts_on and ends_on < starts_on:
            raise forms.ValidationError(_("Let it end on its first day or later."))
        if ends_on < timezone.localdate():
            raise forms.ValidationError(
                _("Nobody can take part in what is over. Choose today or a later day.")
            )
        return ends_on


class AnnounceChallenge(VerbPage):
    title = _l("Announce a challenge")
    says = _l(
        "Residents see it at once, and take part of their own will. What was announced is never changed: look at it "
        "twice."
    )
    button = _l("Announce")
    #: What residents read says why it is announced.
    form_class = Announcement

    def do(self, form: Any, **named: Any) -> str:
        given, at = dict(form.cleaned_data), utc_now()
        target_mg = given.pop("target_kg") * KG
        methodologies = tuple(sorted(given.pop("methodologies")))
        announced = announce(Terms(**given, target_mg=target_mg, methodologies=methodologies), at=at)
        if announced.set_at == at:
            record(
                self.request,
                "challenge.announced",
                at=at,
                object_kind="challenge",
                object_key=announced.code,
                facts={
                    "starts_on": announced.starts_on.isoformat(),
                    "ends_on": announced.ends_on.isoformat(),
                    "target_mg": target_mg,
                    "methodologies": list(methodologies),
                },
            )
        self.say(_("The challenge is announced."))
        return reverse("console:community_challenge_change", args=[announced.pk])


class CountChallenge(VerbPage):
    title = _l("Count a challenge")
    says = _l(
        "What everybody who takes part was credited in its days is added up and kept; residents see the sum that was "
        "counted last. Do it after the day's closes."
    )
    button = _l("Count now")
    #: Counting needs no reason: it is the day's work.
    form_class = forms.Form

    def facts(self, *, challenge: str) -> list[tuple[Any, Any]]:
        found = get_challenge(challenge)
        return [
            (_("Challenge"), title_of(found)),
            (_("Days"), f"{found.starts_on} – {found.ends_on}"),
            (_("Aim"), cells.mass(found.target_mg)),
        ]

    def do(self, form: Any, *, challenge: str) -> str:
        del form
        job = jobs.ask(
            "challenge.tally",
            {"challenge": get_challenge(challenge).code},
            by=self.request.user,
            organisation=self.request.organisation,
            at=utc_now(),
            request_id=request_id(self.request),
        )
        return reverse("console:console_job_change", args=[job.pk])
