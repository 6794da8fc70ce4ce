"""An asset: what is counted in an account. Two assets never mix in a sum."""

from __future__ import annotations

from dataclasses import dataclass

from tanpuhui.ledger.connection import Connection, fetch_one
from tanpuhui.ledger.refusals import AssetUnit

MG = "mg"


@dataclass(frozen=True)
class Asset:
    """A numbered asset with its code and the unit of its amounts."""

    id: int
    code: str
    unit: str


def pending_code(methodology: str, version: int, vintage_year: int) -> str:
    """Reductions that wait for certification, in mg CO2e.

    >>> pending_code("shenzhen/metro", 1, 2026)
    'pending:shenzhen/metro@1:2026'
    """
    return f"pending:{methodology}@{version}:{vintage_year}"


def owed_code(methodology: str, version: int, vintage_year: int) -> str:
    """What was taken back after it was certified and is not made good yet, in mg CO2e.

    >>> owed_code("shenzhen/metro", 1, 2026)
    'owed:shenzhen/metro@1:2026'
    """
    return f"owed:{methodology}@{version}:{vintage_year}"


def lot_code(lot: str | int) -> str:
    """Certified reductions of one lot, in mg CO2e."""
    return f"lot:{lot}"


def points_code(issuer: str) -> str:
    """Points that an issuer funds and owes."""
    return f"points:{issuer}"


def get_or_create_asset(connection: Connection, code: str, unit: str = MG) -> Asset:
    """The asset of a code, numbered on first use; raises :class:`AssetUnit` when its unit is another."""
    query = "SELECT id, code, unit FROM ledger_asset_id(%s, %s)"
    asset = Asset(*fetch_one(connection, query, [code, unit]))
    if asset.unit != unit:
        raise AssetUnit(asset=code, unit=asset.unit, wanted=unit)
    return asset


def find_asset(connection: Connection, code: str) -> Asset | None:
    """The asset of a code, or ``None`` where nothing was ever counted in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, code, unit FROM ledger_asset WHERE code = %s", [code])
        row = cursor.fetchone()
    return Asset(*row) if row else None
