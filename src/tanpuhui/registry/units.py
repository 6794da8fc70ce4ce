"""Units: whole tonnes with their serial numbers, and how a verb moves them from one hand or state to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset, lot_code
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.registry.models import Annulment, Block, Lot, Movement
from tanpuhui.registry.refusals import BadParts, LotAnnulled, LotUnknown, NotEnoughUnits

#: Advisory locks of whole-tonne verbs, with the hash of the lot's code: one of them at a time in a lot.
LOCK = 0x6C6F75


@dataclass(frozen=True)
class Part:
    """So many whole tonnes of a lot."""

    lot: str
    tonnes: int


@dataclass(frozen=True)
class UnitOrder:
    """Whole tonnes of one holder (the ledger's owner), by lot, once under its key; ``said`` is kept with it."""

    key: str
    holder: int
    parts: tuple[Part, ...]
    effective_on: date
    said: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where whole tonnes are: a state and a hand, and the kind of account that has their milligrams."""

    state: str
    owner: int
    kind: Kind
    hold: int | None = None


@dataclass(frozen=True)
class Range:
    """Serial numbers of a lot, both ends included."""

    lot: str
    first: int
    last: int

    @property
    def tonnes(self) -> int:
        return self.last - self.first + 1


def held_by(owner: int) -> Place:
    return Place(Block.HELD, owner, Kind.COMPANY)


def retired_by(owner: int) -> Place:
    return Place(Block.RETIRED, owner, Kind.RETIRED)


def cancelled_of(owner: int) -> Place:
    return Place(Block.CANCELLED, owner, Kind.CANCELLED)


def move_units(
    verb: str,
    order: UnitOrder,
    source: Place,
    target: Place,
    at: datetime,
    *,
    account: int | None = None,
    to_account: int | None = None,
) -> tuple[Range, ...]:
    """Move milligrams and serial numbers together, in the caller's transaction; a repeat has the same answer.

    ``account`` has the milligrams, or ``to_account`` gets them, where it is not the holder's own: a pool's, whose
    numbers are open.
    """
    lock_lots(part.lot for part in order.parts)
    manifest = digest_json([verb, order.holder, target.owner, order.said])
    known = answered(verb, order.key)
    if not known:
        refuse_short(order.parts, source)
    legs = tuple(
        leg
        for part in sorted(order.parts, key=lambda part: part.lot)
        for leg in move(
            source=account_id(source.kind, source.owner) if account is None else account,
            target=account_id(target.kind, target.owner) if to_account is None else to_account,
            asset_id=asset_of(part.lot),
            amount=part.tonnes * TONNE_MG,
        )
    )
    posted = TransferOrder(f"{verb}:{order.key}", verb, order.effective_on, legs, manifest)
    transfer(connection, posted, at=at).accepted()
    return known or move_blocks(verb, order, source, target, at)


def lock_lots(lots: Iterable[str]) -> None:
    """Let this transaction alone move whole tonnes of these lots until it ends; in one order: nobody waits for ever."""
    with connection.cursor() as cursor:
        for lot in sorted(set(lots)):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, lot])


def answered(verb: str, key: str) -> tuple[Range, ...]:
    """The ranges that an order moved, if it was done before."""
    return tuple(
        Range(*row)
        for row in Movement.objects.filter(verb=verb, key=key)
        .order_by("lot", "first")
        .values_list("lot", "first", "last")
    )


def refuse_short(parts: Sequence[Part], source: Place) -> None:
    """Refuse parts that are none, of lots that are not there or annulled, or more than the holder has there."""
    lots = [part.lot for part in parts]
    if not parts or len(set(lots)) != len(lots) or any(part.tonnes < 1 for part in parts):
        raise BadParts(parts=", ".join(f"{part.lot}: {part.tonnes} t" for part in parts) or "nothing")
    for part in parts:
        if not Lot.objects.filter(pk=part.lot).exists():
            raise LotUnknown(code=part.lot)
        if Annulment.objects.filter(pk=part.lot).exists():
            raise LotAnnulled(lot=part.lot)
        available = sum(block.tonnes for block in live_blocks(part.lot, source))
        if part.tonnes > available:
            raise NotEnoughUnits(
                lot=part.lot, state=source.state, available_t=available, wanted_t=part.tonnes
            )


def live_blocks(lot: str, place: Place) -> list[Block]:
    """The blocks of a lot in a place, in the order of their numbers."""
    found = Block.objects.filter(lot=lot, state=place.state, owner=place.owner, closed_at__isnull=True)
    return list(found.filter(hold=place.hold).order_by("first"))


def move_blocks(verb: str, order: UnitOrder, source: Place, target: Place, at: datetime) -> tuple[Range, ...]:
    """Take the lowest numbers of each lot from one place to another: split where needed, and join neighbours there."""
    moved = []
    for part in sorted(order.parts, key=lambda part: part.lot):
        wanted = part.tonnes
        for block in live_blocks(part.lot, source):
            if wanted == 0:
                break
            taken = min(wanted, block.tonnes)
            _split(block, taken, target, at)
            moved.append(Range(part.lot, block.first, block.first + taken - 1))
            wanted -= taken
        assert wanted == 0, "the ledger and the blocks agree on what a holder has"
        join_neighbours(part.lot, target, at)
    Movement.objects.bulk_create(
        Movement(
            verb=verb,
            key=order.key,
            lot_id=one.lot,
            first=one.first,
            last=one.last,
            from_state=source.state,
            from_owner=source.owner,
            to_state=target.state,
            to_owner=target.owner,
            said=order.said,
            made_at=at,
        )
        for one in moved
    )
    return tuple(moved)


def _split(block: Block, taken: int, target: Place, at: datetime) -> None:
    """The first numbers of a block go to the target; the rest stays, as a block of its own."""
    _close([block], at)
    _open(block.lot_id, block.first, block.first + taken - 1, target, at)
    if taken < block.tonnes:
        rest = Place(block.state, block.owner, Kind.COMPANY, block.hold)
        _open(block.lot_id, block.first + taken, block.last, rest, at)


def join_neighbours(lot: str, place: Place, at: datetime) -> None:
    """Make one block of those in a place whose numbers follow each other."""
    runs: list[list[Block]] = []
    for block in live_blocks(lot, place):
        if runs and runs[-1][-1].last + 1 == block.first:
            runs[-1].append(block)
        else:
            runs.append([block])
    for run in runs:
        if len(run) > 1:
            _close(run, at)
            _open(lot, run[0].first, run[-1].last, place, at)


def _close(blocks: list[Block], at: datetime) -> None:
    Block.objects.filter(pk__in=[block.pk for block in blocks]).update(closed_at=at)


def _open(lot: str, first: int, last: int, place: Place, at: datetime) -> None:
    Block.objects.create(
        lot_id=lot,
        first=first,
        last=last,
        state=place.state,
        owner=place.owner,
        hold=place.hold,
        opened_at=at,
    )


def asset_of(lot: str) -> int:
    return get_or_create_asset(connection, lot_code(lot)).id


def ranges_as_json(ranges: Sequence[Range]) -> list[dict[str, Any]]:
    """Ranges with their numbers as they are printed."""
    from tanpuhui.registry.serial import written

    lots = Lot.objects.in_bulk([one.lot for one in ranges])
    return [
        {
            "lot": one.lot,
            "serial_first": one.first,
            "serial_last": one.last,
            "tonnes": one.tonnes,
            "serials": written(lots[one.lot], one.first, one.last),
        }
        for one in ranges
    ]
