"""Programmes: homes that save together: who was held out, what was published, and what each period certifies."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.baseline.comparison import ALL, MATCHED, STRATIFIED
from tanpuhui.console import cells
from tanpuhui.console.cells import Table
from tanpuhui.console.columns import Col, ColumnList
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.programme.find import periods_of
from tanpuhui.programme.models import Period, Programme, Window

WH = 1_000


def rung(window: Window) -> str:
    """How a window compares homes."""
    names = {
        Window.L2: _("short history, shrunk"),
        Window.L3: _("ratio to the hold-out"),
        Window.L4: _("weather-normalised, ratio to the hold-out"),
        Window.L5: _("random hold-out"),
    }
    return f"{window.rung}: {names[window.rung]}"


def peers(window: Window) -> str:
    """With which homes held out a home is compared."""
    return {
        ALL: _("all homes held out"),
        STRATIFIED: _("homes held out of the same stratum"),
        MATCHED: _("the five nearest homes held out"),
    }[window.comparison]


def limit(window: Window) -> Any:
    """What a home is taken to use at most; of two the higher one counts."""
    said: list[Any] = []
    if window.limit_percent:
        said.append(_("%(percent)s %% of its own baseline") % {"percent": window.limit_percent})
    if window.limit_wh:
        said.append(_("%(energy)s a month") % {"energy": energy(window.limit_wh)})
    return cells.listed(said) if said else _("no limit declared")


def in_force(programme: Programme) -> Any:
    """The last window that a programme has: rung, comparison and limit."""
    last = max(programme.windows.all(), key=lambda one: one.starts_on)
    return cells.listed([rung(last), peers(last), limit(last)])


class ProgrammeList(ColumnList):
    heading = _l("Programmes")
    says = _l(
        "Homes that save together. Some are held out at random before anybody is asked, and the digest of the draw "
        "is published first; what the others saved in all is certified up to its lower bound, and never more."
    )
    empty = _l("No programme was begun yet.")
    place = "programmes"
    search_fields = ("code", "title_zh", "title_en")
    search_help_text = _l("Code or title")
    ordering = ("code",)
    columns: ClassVar = (
        Col("code", _l("Programme"), cells.code),
        Col("methodology", _l("Methodology"), cells.code),
        Col("homes", _l("Homes"), cells.count, is_number=True),
        Col("held_out", _l("Homes held out"), cells.count, is_number=True),
        Col("opened_at", _l("Drawn at"), cells.moment),
        Col("declared", _l("Last window"), in_force, is_sorted=False, is_of_row=True),
        Col("commitment", _l("Published digest"), cells.whole, is_detail=True),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Programme]:
        found: QuerySet[Programme] = super().get_queryset(request)
        return found.select_related("opening").prefetch_related("windows")

    def page(self, request: ConsoleRequest, found: Programme) -> dict[str, Any]:
        zh = (get_language() or "").startswith("zh")
        opening = getattr(found, "opening", None)
        shown = super().page(request, found)
        shown["title"] = found.title_zh if zh else found.title_en
        if opening:
            shown["facts"] += [
                (_("Hold-out opened at"), cells.moment(opening.at)),
                (_("Seed of the draw"), cells.code(opening.content["seed"])),
            ]
        else:
            shown["facts"].append((_("Hold-out"), cells.state("busy", _("sealed"))))
        return shown | {"tables": [_windows(found), _periods(periods_of(found))]}


def energy(energy_wh: int) -> Any:
    """Watt-hours as kilowatt-hours, exact."""
    whole, rest = divmod(abs(energy_wh), WH)
    sign = "−" if energy_wh < 0 else ""
    return format_html("{}{}.{:03} kWh", sign, number_format(whole, force_grouping=True), rest)


def _windows(found: Programme) -> Table:
    rows = [
        [
            cells.day(one.starts_on),
            rung(one),
            peers(one),
            cells.day(one.baseline_from),
            cells.code(one.baseline) if one.baseline else _("not frozen"),
            limit(one),
            cells.moment(one.declared_at),
        ]
        for one in found.windows.order_by("starts_on")
    ]
    headers = [
        _("Begins on"),
        _("Rung"),
        _("Compared with"),
        _("Baseline of twelve months from"),
        _("Frozen baseline"),
        _("Most that a home uses"),
        _("Declared at"),
    ]
    return Table(headers, rows, caption=_("Windows"))


def _periods(periods: list[Period]) -> Table:
    headers = [
        _("Period"),
        _("Homes that joined"),
        _("Saved, estimated"),
        _("Standard error"),
        _("Lower bound"),
        _("Carried on"),
        _("Shared out"),
        _("Readings"),
    ]
    rows = [
        [
            cells.listed([cells.day(one.first_day), cells.day(one.last_day)]),
            cells.count(one.joined),
            energy(one.saved_wh),
            energy(one.error_wh),
            energy(one.bound_wh),
            energy(one.carried_out_wh),
            cells.mass(one.shared_mg),
            cells.code(one.readings),
        ]
        for one in periods
    ]
    return Table(
        headers,
        rows,
        caption=_("Settled periods"),
        empty=_("No period is settled yet."),
        numbers=(1, 2, 3, 4, 5, 6),
    )
