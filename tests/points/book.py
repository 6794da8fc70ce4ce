"""A small second book for tests: sponsors with budgets, merchants with offers, residents with certified milligrams."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.consent.models import Resident
from tanpuhui.ledger.account import LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset, lot_code, points_code
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.invariants import check as check_points
from tanpuhui.points.models import Offer, Redemption, Sponsor
from tanpuhui.points.offer import OfferOrder, publish
from tanpuhui.points.redeem import CaptureOrder, Redeemed, RedeemOrder, capture, redeem
from tanpuhui.points.rule import ConversionRule
from tanpuhui.points.sponsor import FundOrder, available_of_account, fund, open_sponsor, resident_account
from unjudged import unjudged

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 25)
KG = 1_000_000
#: One point a kilogram, which uses the claim up; good for a year.
RULE = ConversionRule("demo", KG, True, 12, False, "illustrative", "a test's own rule")
_numbers = itertools.count(1)


def new_key() -> str:
    return str(uuid.uuid4())


def new_organisation(kind: str = Organisation.MERCHANT, code: str | None = None) -> Organisation:
    number = next(_numbers)
    code = code or f"{kind}-{number}-{uuid.uuid4().hex[:6]}"
    return Organisation.objects.create(
        kind=kind, code=code, name_zh=f"机构{number}", name_en=f"Organisation {number}", made_at=AT
    )


def new_sponsor(budget: str | None = "10000.00", value_minor: int = 200) -> Sponsor:
    organisation = new_organisation(Organisation.OPERATOR)
    sponsor = open_sponsor(organisation.code, currency="CNY", point_value_minor=value_minor, at=AT)
    if budget:
        fund(FundOrder(new_key(), sponsor.code, budget, "CNY", "T-1"), at=AT).accepted()
    return sponsor


def new_resident(certified_mg: int = 0, lot: str | None = None) -> int:
    resident = int(Resident.objects.create(opened_at=AT).pk)
    if certified_mg:
        certify(resident, certified_mg, lot)
    return resident


def certify(resident: int, amount_mg: int, lot: str | None = None) -> int:
    asset = get_or_create_asset(connection, lot_code(lot or f"T-{uuid.uuid4().hex}")).id
    legs = move(
        source=account_id(Kind.ISSUANCE, LEDGER_ITSELF),
        target=account_id(Kind.RESIDENT_CERTIFIED, resident),
        asset_id=asset,
        amount=amount_mg,
    )
    with unjudged():
        transfer(connection, TransferOrder(new_key(), "certify", DAY, legs), at=AT).accepted()
    return asset


def with_points(sponsor: Sponsor, points: int, rule: ConversionRule = RULE) -> int:
    """A resident who has converted so many points."""
    resident = new_resident(points * rule.mg_per_point)
    convert(ConvertOrder(new_key(), sponsor.code, resident, points, DAY), rule, at=AT).accepted()
    return resident


def points_of(resident: int, sponsor: Sponsor) -> tuple[int, int]:
    """What a resident has of a sponsor's points: available, and held."""
    return available_of_account(resident_account(resident), points_code(sponsor.code))


def certified_of(resident: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(available), 0) FROM ledger_balance WHERE account_id = %s",
            [account_id(Kind.RESIDENT_CERTIFIED, resident)],
        )
        return int(cursor.fetchone()[0])


def offering(sponsor: Sponsor | None, merchant: Organisation | None = None, **changes: Any) -> OfferOrder:
    """A coffee for three points, for a week."""
    values: dict[str, Any] = {
        "code": f"coffee-{uuid.uuid4().hex[:10]}",
        "kind": Offer.DISCOUNT,
        "organisation": (merchant or new_organisation()).code,
        "sponsor": sponsor.code if sponsor else None,
        "title_zh": "咖啡",
        "title_en": "Coffee",
        "text_zh": "一杯咖啡",
        "text_en": "One coffee",
        "price_points": 3,
        "starts_at": AT - timedelta(days=1),
        "ends_at": AT + timedelta(days=6),
    }
    return OfferOrder(**{**values, **changes})


def new_offer(sponsor: Sponsor | None, merchant: Organisation | None = None, **changes: Any) -> Offer:
    return publish(offering(sponsor, merchant, **changes), at=AT)


def wanting(offer: Offer, resident: int, quantity: int = 1, key: str | None = None) -> RedeemOrder:
    return RedeemOrder(key or new_key(), offer.code, resident, quantity, DAY)


def held(offer: Offer, resident: int, quantity: int = 1) -> int:
    return redeem(wanting(offer, resident, quantity), at=AT).accepted()


def taking(
    offer: Offer, redemption: int, quantity: int | None = None, key: str | None = None
) -> CaptureOrder:
    return CaptureOrder(key or new_key(), redemption, offer.organisation.code, quantity)


def captured(offer: Offer, resident: int, quantity: int = 1, at: datetime = AT) -> Redemption:
    redemption = redeem(wanting(offer, resident, quantity), at=at).accepted()
    capture(taking(offer, redemption), day=DAY, at=at).accepted()
    return Redemption.objects.get(pk=redemption)


def code_of(answer: Redeemed | Any) -> str:
    assert answer.refusal is not None
    return str(answer.refusal.code)


def findings() -> list[Any]:
    """What the checks of both books find."""
    return [*check_ledger(connection), *check_points(connection)]
