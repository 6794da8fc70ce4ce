"""Grants: how many residents agreed to what, with small numbers kept back."""

from __future__ import annotations

from django.core.cache import caches
from django.http import HttpResponse
from django.utils.translation import gettext as _

from tanpuhui.consent.statistics import SMALLEST, GrantCell, grant_statistics
from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.draw import draw
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.kit.moment import utc_now

KEPT_S = 600


def grants(request: ConsoleRequest) -> HttpResponse:
    """Residents by provider, purpose and state; counted at most every ten minutes."""
    found: list[GrantCell] | None = caches["worker"].get("console-grants")
    if found is None:
        found = grant_statistics(utc_now())
        caches["worker"].set("console-grants", found, KEPT_S)
    few = _("fewer than %(smallest)s") % {"smallest": SMALLEST}
    rows = [
        [
            names.named(names.party(cell.provider), cell.provider),
            names.purpose(cell.purpose),
            cells.grant_state(cell.state),
            few if cell.residents is None else cells.count(cell.residents),
        ]
        for cell in found
    ]
    return draw(
        request,
        "detail",
        title=_("Grants"),
        lead=_(
            "Residents by provider, purpose and state. Numbers of few people are kept back, and so are sums."
        ),
        tables=[
            Table(
                [_("Provider"), _("Purpose"), _("State"), _("Residents")],
                rows,
                caption=_("Residents with a grant"),
                empty=_("No grant was given yet."),
                numbers=(3,),
            )
        ],
    )
