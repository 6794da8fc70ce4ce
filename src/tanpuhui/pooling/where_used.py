"""Where used: what became of the tonnes of a sale: who has them now, or who used them, for what. Names no resident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.pooling.models import Sale
from tanpuhui.registry.models import Block, Lot, Movement
from tanpuhui.registry.serial import written


@dataclass(frozen=True)
class Use:
    """A range of serial numbers, in whose hands it is, in which state, since when, and what was said of it."""

    lot: str
    first: int
    last: int
    serials: str
    state: str
    company: Organisation | None
    said: Mapping[str, str]
    since: datetime

    @property
    def tonnes(self) -> int:
        return self.last - self.first + 1

    @property
    def is_surrendered(self) -> bool:
        """Used by a company against a year's emissions."""
        return self.state == Block.RETIRED and self.said.get("purpose") == "surrender"

    @property
    def is_retired(self) -> bool:
        """Given up by a company in another way, for somebody or something."""
        return self.state == Block.RETIRED and not self.is_surrendered

    @property
    def is_cancelled(self) -> bool:
        return self.state == Block.CANCELLED

    def as_json(self) -> dict[str, Any]:
        return {
            "lot": self.lot,
            "serial_first": self.first,
            "serial_last": self.last,
            "tonnes": self.tonnes,
            "serials": self.serials,
            "state": self.state,
            "company": self.company.code if self.company else None,
            "company_name_zh": self.company.name_zh if self.company else None,
            "company_name_en": self.company.name_en if self.company else None,
            "said": dict(self.said),
            "since": self.since.isoformat(),
        }


def uses_of(sales: Iterable[Sale]) -> dict[int, tuple[Use, ...]]:
    """What became of each sale's tonnes, by the sale's number; a range for each hand, state and word."""
    found = {sale.pk: _of_ranges(sale.ranges) for sale in sales}
    companies = _companies(move.to_owner for moves in found.values() for _, _, move in moves)
    lots = Lot.objects.in_bulk({move.lot_id for moves in found.values() for _, _, move in moves})
    return {
        number: tuple(
            Use(
                lot=move.lot_id,
                first=first,
                last=last,
                serials=written(lots[move.lot_id], first, last),
                state=move.to_state,
                company=companies.get(move.to_owner),
                said=move.said,
                since=move.made_at,
            )
            for first, last, move in moves
        )
        for number, moves in found.items()
    }


def _of_ranges(ranges: Iterable[Mapping[str, Any]]) -> list[tuple[int, int, Movement]]:
    return [piece for one in ranges for piece in _newest(one["lot"], one["serial_first"], one["serial_last"])]


def _newest(lot: str, first: int, last: int) -> list[tuple[int, int, Movement]]:
    """The last move of each number of a range: the newest moves are laid first, and what they leave free after them."""
    free, found = [(first, last)], []
    moves = Movement.objects.filter(lot=lot, first__lte=last, last__gte=first).order_by("-id")
    for move in moves.iterator(chunk_size=100):
        rest = []
        for start, end in free:
            low, high = max(start, move.first), min(end, move.last)
            if low > high:
                rest.append((start, end))
                continue
            found.append((low, high, move))
            rest += [piece for piece in ((start, low - 1), (high + 1, end)) if piece[0] <= piece[1]]
        free = rest
        if not free:
            break
    assert not free, "what was sold was moved"
    return sorted(found, key=lambda piece: piece[0])


def _companies(owners: Iterable[int]) -> dict[int, Organisation]:
    numbers = {owner - FIRST_ORGANISATION for owner in owners if owner >= FIRST_ORGANISATION}
    return {one.pk + FIRST_ORGANISATION: one for one in Organisation.objects.filter(pk__in=numbers)}
