"""Holdings: what a company has in the ledger, lot by lot; for reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.ledger.statement import Line, statement
from tanpuhui.registry.models import Lot

NEWEST = 20


@dataclass(frozen=True)
class Holding:
    """Milligrams of one lot."""

    lot: str
    methodology: str
    vintage: int | None
    amount_mg: int


@dataclass(frozen=True)
class Holdings:
    """What is held and what was retired, by lot, and the newest lines."""

    held: tuple[Holding, ...]
    retired: tuple[Holding, ...]
    lines: tuple[Line, ...]

    @property
    def held_mg(self) -> int:
        return sum(one.amount_mg for one in self.held)

    @property
    def retired_mg(self) -> int:
        return sum(one.amount_mg for one in self.retired)


def holdings(organisation: Organisation, at: datetime) -> Holdings:
    """An organisation's accounts as the ledger knows them; its owner number is that of the organisation."""
    drawn = statement(connection, owner_of(organisation.pk), at=at, limit=NEWEST)
    codes = {asset.removeprefix("lot:") for kind in drawn.totals.values() for asset in kind}
    lots = {lot.code: lot for lot in Lot.objects.filter(code__in=codes)}
    return Holdings(
        held=_of(drawn.totals.get("company", {}), lots),
        retired=_of(drawn.totals.get("retired", {}), lots),
        lines=drawn.lines,
    )


def _of(amounts: dict[str, int], lots: dict[str, Lot]) -> tuple[Holding, ...]:
    found = []
    for asset, amount in sorted(amounts.items()):
        code = asset.removeprefix("lot:")
        lot = lots.get(code)
        if amount and lot is not None:
            found.append(Holding(code, lot.methodology, lot.vintage, amount))
    return tuple(found)
