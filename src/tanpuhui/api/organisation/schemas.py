"""Schemas: what goes in and out of the API of merchants and companies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from tanpuhui.api.provider.schemas import NO_NUL, Name, Number, Strict

Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]
Year = Annotated[int, Field(ge=2000, le=2100)]
Milligrams = Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)]
#: Whole tonnes of which the milligrams still are a number of the ledger.
Tonnes = Annotated[int, Field(ge=1, le=9_000_000_000)]


class Offer(Schema):
    """An offer of yours, and how many of it are left; nothing where it has no limit."""

    code: str
    kind: str
    title_zh: str
    title_en: str
    price_points: int
    starts_at: str
    ends_at: str
    left: int | None


class Redemption(Schema):
    """A redemption of an offer of yours. Nothing of it says whose it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "redemption": 17,
                "offer": "coffee",
                "quantity": 2,
                "points": 6,
                "state": "captured",
                "captured": 2,
                "captured_points": 6,
                "refunded_points": 0,
                "good_until": "2026-12-01T08:15:00+00:00",
                "expires_at": "2026-12-02T08:15:00+00:00",
            }
        }
    )
    redemption: int
    offer: str
    quantity: int
    points: int
    state: Literal["held", "refused", "captured", "released", "expired"]
    captured: int
    captured_points: int
    refunded_points: int
    good_until: str | None
    expires_at: str | None


class Shown(Schema):
    """The code that somebody shows, as it was scanned."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=NO_NUL)]


class Page(Schema):
    """From where to go on."""

    before: Name | None = None


class FileForm(Schema):
    """Which file is wanted."""

    form: Literal["csv", "camt"] = "csv"


class Capture(Strict):
    """How many are taken of what is held; all of them where nothing is said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"quantity": 1}})
    quantity: Quantity | None = None


class Release(Strict):
    """Nothing has to be said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})


class Refund(Strict):
    """Points that go back, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"points": 3, "reason": "the coffee was cold"}}
    )
    points: Number
    reason: Name


class Settlement(Schema):
    """What a sponsor owes you through a moment, and whether it was paid."""

    settlement: str
    organisation: str
    sponsor: str
    points: int
    amount_minor: int
    currency: str
    lines: int
    through: str
    paid: bool


class Settlements(Schema):
    """Settlements, newest first; go on with ``before`` from ``earlier`` until that is null."""

    settlements: list[Settlement]
    earlier: str | None


class SettlementFile(Schema):
    """A settlement as a file: CSV, or ISO 20022 camt.053."""

    name: str
    media_type: str
    content: str


class CodeKey(Schema):
    """The public key (JWK) with which a phone checks codes without a network."""

    kty: str
    crv: str
    x: str


class Holding(Schema):
    """Milligrams of a lot: free to use, and set aside."""

    lot: str
    available_mg: int
    held_mg: int


class Holdings(Schema):
    """What you hold, lot by lot."""

    holdings: list[Holding]


class Cap(Schema):
    """How much may be offset, by which rule, and the arithmetic."""

    model_config = ConfigDict(extra="allow")
    cap_mg: int
    arithmetic: str


class Lot(Schema):
    """Units that you hold, and why they may not be used; empty where they may."""

    lot: str
    tonnes: int
    is_local: bool
    why_not: str


class Reservation(Schema):
    """Whole tonnes set aside for a year: ``reserved``, ``surrendered`` or ``released``."""

    model_config = ConfigDict(extra="allow")
    reservation: int
    year: int
    amount_mg: int
    state: str
    ranges: list[dict[str, Any]]


class CompanyYear(Schema):
    """Your year: cap, what is used and left of it, which of your lots may be used, and your filings."""

    model_config = ConfigDict(extra="allow")
    jurisdiction: str
    year: int
    cap: Cap
    used_mg: int
    left_mg: int
    lots: list[Lot]
    reservations: list[Reservation]


class Declaration(Strict):
    """What you emitted in a year, verified, and who says so."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "year": 2022,
                "verified_emissions_mg": 1_000_000_000_000_000,
                "source": "verification report 17",
            }
        },
    )
    year: Year
    verified_emissions_mg: Milligrams
    allowances_mg: Milligrams | None = None
    source: Name


class NewReservation(Strict):
    """Whole tonnes to set aside for a year."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"year": 2022, "amount_t": 60_000}}
    )
    year: Year
    amount_t: Tonnes


class Ending(Strict):
    """Nothing has to be said."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})
