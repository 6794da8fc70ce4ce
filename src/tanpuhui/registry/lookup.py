"""Look-up: a lot by code or by any serial number in it, and where its milligrams are now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tanpuhui.close.post import key_parts
from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import BadSerial, LotUnknown, SerialUnknown
from tanpuhui.registry.serial import written

_NUMBER = re.compile(r"[0-9]{1,18}")
#: A printed range of serials, or one printed number: pieces with hyphens, whose last one or two are numbers.
_PRINTED = re.compile(r"[A-Z0-9.]+(?:-[A-Z0-9.]+)+?-([0-9]{9,18})(?:-[0-9]{9,18})?")
_LOT = re.compile(r"[A-Z]+-[0-9]{6,}")


@dataclass(frozen=True)
class Found:
    """A lot, and the one serial number that was asked for, if one was."""

    lot: Lot
    serial: int | None = None


def find(given: str) -> Found:
    """A lot by its code, a serial number, or a serial as it is printed; refuses what names none."""
    text = "".join(given.split()).upper()
    if _NUMBER.fullmatch(text):
        return _of_serial(int(text), given)
    if _LOT.fullmatch(text):
        return Found(get_lot(text))
    printed = _PRINTED.fullmatch(text)
    if printed is None:
        raise BadSerial(given=given[:100])
    found = _of_serial(int(printed[1]), given)
    number = int(printed[1])
    before = written(found.lot, number, number).upper().partition(printed[1])[0]
    if before != text[: printed.start(1)]:
        raise SerialUnknown(given=given[:100])
    return found


def get_lot(code: str) -> Lot:
    """A lot by its code."""
    lot = Lot.objects.filter(code=code).first()
    if lot is None:
        raise LotUnknown(code=code)
    return lot


def proposal_of_lot(code: str) -> dict[str, Any]:
    """A certified lot as what a verifier is engaged for (:class:`tanpuhui.verification.engage.Proposal`)."""
    lot = get_lot(code)
    methodology, version = key_parts(lot.methodology)
    return {
        "lot": lot.code,
        "methodology": methodology,
        "version": version,
        "vintage": lot.vintage,
        "through": lot.through,
        "manifests": tuple(lot.manifests),
    }


@dataclass(frozen=True)
class Whereabouts:
    """Where a lot's milligrams are now; they sum to the lot."""

    residents_mg: int
    pool_mg: int
    companies_mg: int
    retired_mg: int
    cancelled_mg: int
    buffer_mg: int

    @property
    def total_mg(self) -> int:
        return (
            self.residents_mg
            + self.pool_mg
            + self.companies_mg
            + self.retired_mg
            + self.cancelled_mg
            + self.buffer_mg
        )


def whereabouts(lot: Lot) -> Whereabouts:
    """What happened to a lot so far, by the kinds of account that hold it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.account_id & 15, sum(b.available + b.held)::bigint FROM ledger_balance AS b "
            "JOIN ledger_asset AS a ON a.id = b.asset_id WHERE a.code = %s GROUP BY 1",
            [lot_code(lot.code)],
        )
        held = {int(kind): int(amount) for kind, amount in cursor.fetchall()}
    return Whereabouts(
        residents_mg=held.get(Kind.RESIDENT_CERTIFIED, 0),
        pool_mg=held.get(Kind.POOL, 0),
        companies_mg=held.get(Kind.COMPANY, 0),
        retired_mg=held.get(Kind.RETIRED, 0),
        cancelled_mg=held.get(Kind.CANCELLED, 0),
        buffer_mg=held.get(Kind.BUFFER, 0),
    )


def _of_serial(number: int, given: str) -> Found:
    lot = Lot.objects.filter(serial_first__lte=number, serial_last__gte=number).first()
    if lot is None:
        raise SerialUnknown(given=given[:100])
    return Found(lot, number)
