"""Annul: a lot turned out to be wrong; what is left of it is cancelled, and what was used has to be replaced."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.release import release
from tanpuhui.ledger.transfer import Leg, TransferOrder, transfer
from tanpuhui.registry.certify import LOCK as CERTIFY
from tanpuhui.registry.delegate import kept_elsewhere, refuse_use_elsewhere
from tanpuhui.registry.freeze import REASON as FREEZE
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.refusals import LotUnknown, ReasonMissing
from tanpuhui.registry.units import (
    Part,
    Place,
    UnitOrder,
    asset_of,
    cancelled_of,
    held_by,
    lock_lots,
    move_blocks,
)

VERB = "annul"
#: What is taken from whoever has it: used tonnes stay used, and are replaced by whoever used them.
_KINDS = (Kind.RESIDENT_CERTIFIED, Kind.POOL, Kind.COMPANY, Kind.BUFFER)


def annul(code: str, *, reason: str, at: datetime, said_by: str = "") -> Annulment:
    """Annul a lot, in the caller's transaction: holds are let go first. The same again changes nothing.

    A lot that another registry keeps is annulled there; ``said_by`` is the registry that told us so.
    """
    if not reason.strip():
        raise ReasonMissing()
    if kept_elsewhere([code]).get(code, said_by) != said_by:
        refuse_use_elsewhere([code])
    lot = Lot.objects.filter(pk=code).first()
    if lot is None:
        raise LotUnknown(code=code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CERTIFY])
    lock_lots([code])
    known = Annulment.objects.filter(pk=code).first()
    if known is not None:
        return known
    frozen = _let_go(code, at)
    _freeze_again(code, frozen, at)
    _cancel_milligrams(lot, reason, at)
    _cancel_blocks(lot, reason, at)
    return Annulment.objects.create(lot=lot, reason=reason, annulled_at=at)


def _let_go(code: str, at: datetime) -> dict[int, list[HoldLine]]:
    """Release every hold that has something of the lot; answers what those holds had of anything else.

    Whole tonnes of other lots that were locked under them are their holder's again.
    """
    asset = asset_of(code)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.id, h.reason, l.account_id, l.asset_id, l.amount FROM ledger_hold h "
            "JOIN ledger_hold_line l ON l.hold_id = h.id WHERE h.state = 'open' AND h.id IN "
            "(SELECT hold_id FROM ledger_hold_line WHERE asset_id = %s) ORDER BY h.id, l.line",
            [asset],
        )
        rows = cursor.fetchall()
    holds = sorted({int(row[0]) for row in rows})
    locked = list(Block.objects.filter(hold__in=holds, closed_at__isnull=True).order_by("lot", "first"))
    lock_lots({block.lot_id for block in locked} - {code})
    for block in locked:
        key = f"{VERB}:{code}:{block.pk}"
        order = UnitOrder(key, block.owner, (Part(block.lot_id, block.tonnes),), at.date())
        source = Place(Block.LOCKED, block.owner, Kind.COMPANY, block.hold)
        move_blocks("unlock", order, source, held_by(block.owner), at)
    for hold_id in holds:
        release(connection, hold_id, at=at)
    frozen: dict[int, list[HoldLine]] = {}
    for hold_id, reason, *line in rows:
        if reason == FREEZE and line[1] != asset:
            frozen.setdefault(int(hold_id), []).append(HoldLine(*line))
    return frozen


def _freeze_again(code: str, frozen: dict[int, list[HoldLine]], at: datetime) -> None:
    """What was frozen of anything else stays so: it has nothing to do with this lot."""
    for hold_id, lines in frozen.items():
        order = HoldOrder(f"freeze:after:{VERB}:{code}:{hold_id}", FREEZE, tuple(lines))
        hold(connection, order, at=at).accepted()


def _cancel_milligrams(lot: Lot, reason: str, at: datetime) -> None:
    asset = asset_of(lot.code)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, available FROM ledger_balance WHERE asset_id = %s AND available > 0 "
            "AND account_id & 15 = ANY(%s) ORDER BY account_id",
            [asset, [int(kind) for kind in _KINDS]],
        )
        rows = [(int(account), int(amount)) for account, amount in cursor.fetchall()]
    if not rows:
        return
    legs = []
    for account, amount in rows:
        # A company's tonnes are cancelled in its name, as its serial numbers are; residents' milligrams in no one's.
        owner = account >> 4 if account & 15 == Kind.COMPANY else LEDGER_ITSELF
        legs += [Leg(account, asset, -amount), Leg(account_id(Kind.CANCELLED, owner), asset, amount)]
    order = TransferOrder(
        f"{VERB}:{lot.code}", VERB, at.date(), tuple(legs), digest_json([VERB, lot.code, reason])
    )
    transfer(connection, order, at=at).accepted()


def _cancel_blocks(lot: Lot, reason: str, at: datetime) -> None:
    living = Block.objects.filter(lot=lot, closed_at__isnull=True, state__in=(Block.OPEN, Block.HELD))
    tonnes: dict[tuple[str, int], int] = {}
    for block in living.order_by("first"):
        tonnes[block.state, block.owner] = tonnes.get((block.state, block.owner), 0) + block.tonnes
    for (state, owner), count in sorted(tonnes.items()):
        order = UnitOrder(
            f"{lot.code}:{state}:{owner}", owner, (Part(lot.code, count),), at.date(), {"reason": reason}
        )
        move_blocks(VERB, order, Place(state, owner, Kind.COMPANY), cancelled_of(owner), at)
