"""Rules: scenes of the jurisdiction, and methodologies with their factors, differences and effects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Max
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.close.models import Manifest
from tanpuhui.console import cells, jobs, names
from tanpuhui.console.cells import Table
from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest, request_id
from tanpuhui.console.kinds import MONTH
from tanpuhui.console.library import library
from tanpuhui.console.refusals import UnknownMethodology
from tanpuhui.console.verb import DayInput, VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.compare import compare, compare_texts
from tanpuhui.methodology.describe import factor_rows, overdue
from tanpuhui.methodology.methodology import Methodology, Text
from tanpuhui.quantify.rule_tables import FOREVER, Rule


def said(text: Text) -> str:
    """A text in the reader's language."""
    return text.zh if (get_language() or "").startswith("zh") else text.en


def find(place: str, name: str, version: int) -> Methodology:
    """A methodology of the library; refuses one that is not there."""
    known = library().methodologies.get((f"{place}/{name}", version))
    if known is None:
        raise UnknownMethodology(code=f"{place}/{name}", version=version)
    return known


def in_force(methodology: Methodology) -> str:
    """The days on which it is in force."""
    last = methodology.valid_to.isoformat() if methodology.valid_to else ""
    return f"{methodology.valid_from.isoformat()} – {last}"


def address(methodology: Methodology, name: str = "methodology") -> str:
    return reverse(f"console:{name}", args=[*methodology.code.split("/"), methodology.version])


def _link(methodology: Methodology) -> Any:
    """A version by title and key, with the way to its page."""
    place = [*methodology.code.split("/"), methodology.version]
    return cells.link(names.named(said(methodology.title), methodology), "methodology", *place)


def scenes(request: ConsoleRequest) -> HttpResponse:
    """The jurisdiction's file, as it is: nothing of it is changed here."""
    rules = jurisdiction()
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    rows = [
        [
            names.kind(scene.kind),
            names.methodology(scene.methodology),
            cells.listed(map(names.party, scene.providers)) or _("every provider"),
            cells.day(scene.first_day),
            cells.NOTHING if scene.last_day == FOREVER else cells.day(scene.last_day),
            cells.day(scene.factors_of),
        ]
        for scene in sorted(rules.scenes, key=lambda scene: (scene.kind, scene.first_day), reverse=False)
    ]
    return draw(
        request,
        "detail",
        title=_("Scenes"),
        eyebrow=rules.title.get(language, rules.code),
        lead=rules.notice.get(language, ""),
        facts=[
            (_("Jurisdiction"), cells.code(rules.code)),
            (_("Digest of its file"), cells.code(rules.digest)),
            (_("Time zone"), rules.zone),
            (_("Serial numbers"), cells.code(rules.serial_format)),
        ],
        tables=[
            Table(
                [
                    _("Kind of act"), _("Methodology"), _("Providers"), _("From"), _("To"),
                    _("With the factors of"),
                ],
                rows,
                caption=_("Scenes"),
            ),
            _rules(_("Statuses of factors from which lots may be certified"), rules.accepted_statuses),
            _rules(_("Scopes that another market covers"), rules.excluded_scopes),
        ],
    )  # fmt: skip


def _said(rule: Rule) -> Any:
    """The statuses that a rule accepts, or the scope that it leaves out."""
    statuses = rule.content.get("statuses")
    return (
        cells.beside(*map(cells.badge, statuses)) if statuses else cells.code(rule.content.get("scope", ""))
    )


def _rules(caption: str, rules: tuple[Rule, ...]) -> Table:
    rows = [
        [
            _said(rule),
            cells.day(rule.first_day),
            cells.NOTHING if rule.last_day == FOREVER else cells.day(rule.last_day),
            cells.badge(rule.status),
            rule.source,
        ]
        for rule in rules
    ]
    headers = [_("Rule"), _("From"), _("To"), _("Status"), _("Source")]
    return Table(headers, rows, caption=caption, empty=_("None."))


def methodologies(request: ConsoleRequest) -> HttpResponse:
    """Every version of every methodology, and the factors that are due for review."""
    today = timezone.localdate()
    found = library().all()
    rows = [
        [
            _link(methodology),
            names.kind(methodology.kind),
            cells.day(methodology.valid_from),
            cells.day(methodology.valid_to),
            cells.badge(methodology.weakest_status(methodology.periods[-1].valid_from)),
            cells.state("good", _("sealed")) if methodology.sealed else cells.state("plain", _("not sealed")),
        ]
        for methodology in found
    ]
    return draw(
        request,
        "detail",
        title=_("Methodologies"),
        tables=[
            stale(today),
            Table(
                [
                    _("Methodology"), _("Kind of act"), _("From"), _("To"), _("Weakest status"),
                    _("Seal"),
                ],
                rows,
                caption=_("All versions"),
            ),
        ],
    )  # fmt: skip


def stale(today: Any) -> Table:
    """Factors in force whose review date is over."""
    rows = [
        [
            _link(methodology),
            cells.code(each["parameter"]),
            cells.badge(each["status"]),
            each["review_by"],
        ]
        for methodology in library().all()
        for each in overdue(methodology, today)
    ]
    return Table(
        [_("Methodology"), _("Factor"), _("Status"), _("Review was due by")],
        rows,
        caption=_("Factors due for review"),
        empty=_("No factor is past its review date."),
    )


def methodology(request: ConsoleRequest, place: str, name: str, version: int) -> HttpResponse:
    """One version: formula, factors with status and review date, clauses, text, and the way to other versions."""
    found = find(place, name, version)
    others = [each for each in library().versions(found.code) if each.version != version]
    tools = [
        (
            _("Compare with v%(version)s") % {"version": other.version},
            f"{address(found, 'methodology_compare')}?with={other.version}",
        )
        for other in others
    ]
    if request.may_act:
        tools.append((_("Effect on closed days"), address(found, "methodology_effect")))
    factors = [
        [
            cells.code(row["name"]),
            f"{row['value']} {row['unit']}",
            row["from"],
            row["to"] or cells.NOTHING,
            cells.badge(row["status"]),
            row["review_by"],
            row["source"],
        ]
        for row in factor_rows(found)
    ]
    steps = [[cells.code(step.name), cells.code(step.formula), step.unit.symbol] for step in found.steps]
    clauses = [[cells.code(clause.id), said(clause.text)] for clause in found.clauses]
    return draw(
        request,
        "detail",
        title=said(found.title),
        eyebrow=_("Methodology"),
        lead=said(found.summary),
        facts=[
            (pgettext("identifier", "Code"), cells.code(found)),
            (_("Kind of act"), names.kind(found.kind)),
            (_("In force"), in_force(found)),
            (_("Document"), f"{found.document.title}, {found.document.issuer}"),
            (_("Source"), found.document.source),
            (_("Digest"), cells.code(found.digest)),
            (_("Seal"), _("sealed") if found.sealed else _("not sealed")),
        ],
        tables=[
            Table(
                [
                    _("Factor"), _("Value"), _("From"), _("To"), _("Status"), _("Review by"), _("Source"),
                ],
                factors,
                caption=_("Factors"),
                empty=_("It has no factors."),
            ),
            Table([_("Step"), _("Formula"), _("Unit")], steps, caption=_("Formula")),
            Table([_("Clause"), _("Text")], clauses, caption=_("Clauses"), empty=_("None.")),
        ],
        texts=[(_("Text"), (found.folder / "README.md").read_text(encoding="utf-8"))],
        tools=tools,
    )  # fmt: skip


def methodology_compare(request: ConsoleRequest, place: str, name: str, version: int) -> HttpResponse:
    """What this version says otherwise than another one."""
    found = find(place, name, version)
    given = request.GET.get("with", "")
    other = find(place, name, int(given) if given.isascii() and given.isdecimal() else version)
    then, now = sorted((found, other), key=lambda each: each.version)
    names = {
        "identity": _("identity"),
        "fields": _("fields"),
        "steps": _("formula"),
        "factors": _("factors"),
        "clauses": _("clauses"),
        "caps": _("caps"),
    }
    rows = [
        [names[each.section], cells.code(each.name), each.then or cells.NOTHING, each.now or cells.NOTHING]
        for each in compare(then, now)
    ]
    return draw(
        request,
        "compare",
        title=_("%(then)s and v%(now)s") % {"then": then, "now": now.version},
        eyebrow=said(now.title),
        table=Table(
            [_("Part"), _("Place"), then, now],
            rows,
            caption=_("What differs"),
            empty=_("Nothing differs: formula, factors, clauses and caps are the same."),
        ),
        lines=[
            ("added" if line.startswith("+") else "removed" if line.startswith("-") else "kept", line)
            for line in compare_texts(then, now)
        ],
        tools=[
            (_("Effect of %(version)s on closed days") % {"version": now}, address(now, "methodology_effect"))
        ]
        if request.may_act
        else [],
    )


class Days(forms.Form):
    """From one day to another, at most three months."""

    first = forms.DateField(label=_l("First day"), widget=DayInput())
    last = forms.DateField(label=_l("Last day"), widget=DayInput())

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        first, last = given.get("first"), given.get("last")
        if first and last and not timedelta(0) <= last - first <= timedelta(days=92):
            raise forms.ValidationError(_("Let the last day follow the first one, by three months at most."))
        return given


class EffectPage(VerbPage):
    title = _l("Effect on closed days")
    says = _l(
        "The closes that stand are reckoned again with this version, from their own frozen inputs, and compared with "
        "what was credited. Nothing is posted; it may take some minutes."
    )
    button = _l("Work it out")
    form_class = Days

    def facts(self, *, place: str, name: str, version: int) -> list[tuple[Any, Any]]:
        found = find(place, name, version)
        return [(_("Methodology"), names.named(said(found.title), found)), (_("In force"), in_force(found))]

    def initial(self, **named: Any) -> dict[str, Any]:
        last = Manifest.objects.aggregate(last=Max("day"))["last"] or timezone.localdate()
        return {"first": last - MONTH, "last": last}

    def do(self, form: Any, *, place: str, name: str, version: int) -> str:
        found = find(place, name, version)
        job = jobs.ask(
            "methodology.effect",
            {
                "methodology": found.code,
                "version": found.version,
                "first": form.cleaned_data["first"].isoformat(),
                "last": form.cleaned_data["last"].isoformat(),
            },
            by=self.request.user,
            organisation=self.request.organisation,
            at=utc_now(),
            request_id=request_id(self.request),
        )
        return reverse("console:console_job_change", args=[job.pk])
