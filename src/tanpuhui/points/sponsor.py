"""Sponsor: an organisation that funds points: opened once, funded, and shown what it owes at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from tanpuhui.access.models import Organisation
from tanpuhui.ledger.account import Kind, account_id, organisation
from tanpuhui.ledger.asset import get_or_create_asset, points_code
from tanpuhui.ledger.balance import balance_at, balances
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.money.account import OUTSIDE, lock_money
from tanpuhui.money.amounts import known_currency, to_minor, to_text
from tanpuhui.money.models import BankLine
from tanpuhui.money.refusals import BadAmount
from tanpuhui.points.answer import Answer, once
from tanpuhui.points.models import Funding, Sponsor
from tanpuhui.points.refusals import (
    FundedBefore,
    OtherCurrency,
    ReferenceMissing,
    SponsorKnown,
    UnknownOrganisation,
    UnknownSponsor,
)

#: No point is worth more than ten million.
MOST_VALUE_MINOR = 1_000_000_000


def money_code(sponsor: str) -> str:
    """The ledger's asset of the money behind a sponsor's points."""
    return f"budget:{sponsor}"


def budget_account(organisation_id: int) -> int:
    """Money of a sponsor that stands behind nothing yet: its budget."""
    return account_id(Kind.COMPANY, organisation(organisation_id))


def reserve_account(organisation_id: int) -> int:
    """Money of a sponsor that stands behind points outstanding."""
    return account_id(Kind.POOL, organisation(organisation_id))


def payable_account(organisation_id: int) -> int:
    """Money that is settled with a merchant and not paid yet."""
    return account_id(Kind.BUFFER, organisation(organisation_id))


def liability_account(organisation_id: int) -> int:
    """Where a sponsor's points come from and go back to."""
    return account_id(Kind.POINTS_LIABILITY, organisation(organisation_id))


def taken_account(organisation_id: int) -> int:
    """Points that an organisation took for its offers and that are not settled yet. It has no row of its own."""
    return account_id(Kind.POINTS_TAKEN, organisation(organisation_id))


def resident_account(account: int) -> int:
    """A resident's points."""
    return account_id(Kind.RESIDENT_POINTS, account)


def get_organisation(code: str) -> Organisation:
    """An organisation by its code; refuses an unknown one."""
    found = Organisation.objects.filter(code=code).first()
    if found is None:
        raise UnknownOrganisation(organisation=code)
    return found


def get_sponsor(code: str) -> Sponsor:
    """A sponsor by its organisation's code."""
    sponsor = Sponsor.objects.filter(code=code).first()
    if sponsor is None:
        raise UnknownSponsor(sponsor=code)
    return sponsor


def open_sponsor(code: str, *, currency: str, point_value_minor: int, at: datetime) -> Sponsor:
    """Make an organisation a sponsor, whose points are worth so much each, for good."""
    known_currency(currency)
    if not 1 <= point_value_minor <= MOST_VALUE_MINOR:
        raise BadAmount(amount=str(point_value_minor))
    found = get_organisation(code)
    if Sponsor.objects.filter(pk=found.pk).exists():
        raise SponsorKnown(sponsor=code)
    return Sponsor.objects.create(
        organisation=found,
        code=code,
        currency=currency,
        point_value_minor=point_value_minor,
        points_asset=get_or_create_asset(connection, points_code(code), "point").id,
        money_asset=get_or_create_asset(connection, money_code(code), f"{currency}-minor").id,
        opened_at=at,
    )


@dataclass(frozen=True)
class FundOrder:
    """Money that came in for a sponsor's budget, under the reference by which the bank knows it."""

    key: str
    sponsor: str
    amount: str
    currency: str
    reference: str


def fund(order: FundOrder, *, at: datetime) -> Answer:
    """Enter money into a budget, once; refuses another currency, too many decimals, and a payment that counted."""
    content = [order.sponsor, order.amount, order.currency, order.reference]
    return once("fund", order.key, content, lambda: _fund(order, at), at=at)


def _fund(order: FundOrder, at: datetime) -> dict[str, Any]:
    amount_minor = to_minor(order.amount, order.currency)
    sponsor = get_sponsor(order.sponsor)
    if sponsor.currency != order.currency:
        raise OtherCurrency(sponsor=sponsor.code, currency=sponsor.currency, given=order.currency)
    reference = " ".join(order.reference.split())
    _refuse_reference(sponsor, reference)
    made = enter(sponsor, amount_minor, f"points.fund:{order.key}", reference, day=at.date(), at=at)
    return {
        "sponsor": sponsor.code,
        "amount_minor": amount_minor,
        "currency": sponsor.currency,
        "tx": made.tx_id,
    }


def enter(
    sponsor: Sponsor,
    amount_minor: int,
    key: str,
    reference: str,
    *,
    day: date,
    at: datetime,
    line: BankLine | None = None,
) -> Funding:
    """Post money into a budget with the row that says why: a bank's line, or what the operator stated."""
    legs = move(
        source=OUTSIDE, target=budget_account(sponsor.pk), asset_id=sponsor.money_asset, amount=amount_minor
    )
    tx = transfer(connection, TransferOrder(key, "points.fund", day, legs), at=at).accepted()
    return Funding.objects.create(
        sponsor=sponsor, reference=reference, amount_minor=amount_minor, tx_id=tx, line=line, at=at
    )


def _refuse_reference(sponsor: Sponsor, reference: str) -> None:
    """One funding of a sponsor at a time, each of another payment: of those that a statement entered too."""
    if not reference:
        raise ReferenceMissing()
    lock_money()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('tanpuhui.points.fund', %s))", [sponsor.pk]
        )
    # A payment that the bank's statement entered has the bank's own reference on its line.
    named = Q(reference=reference) | Q(line__entry=reference) | Q(line__reference__iexact=reference)
    known = Funding.objects.filter(named, sponsor=sponsor).order_by("id").first()
    if known is not None:
        raise FundedBefore(
            reference=reference,
            sponsor=sponsor.code,
            amount=to_text(known.amount_minor, sponsor.currency),
            currency=sponsor.currency,
            day=known.at.date().isoformat(),
        )


@dataclass(frozen=True)
class Liability:
    """What a sponsor has and owes at a moment, from the ledger: points outstanding are covered by the reserve."""

    sponsor: str
    currency: str
    point_value_minor: int
    budget_minor: int
    reserve_minor: int
    outstanding_points: int
    residents_points: int
    merchants_points: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def liability(sponsor: Sponsor, *, at: datetime) -> Liability:
    """What a sponsor owes as the ledger had it at a moment, and what stands behind it."""
    owed = -_at(liability_account(sponsor.pk), sponsor.code, at)
    residents = _residents(sponsor.points_asset, at)
    return Liability(
        sponsor=sponsor.code,
        currency=sponsor.currency,
        point_value_minor=sponsor.point_value_minor,
        budget_minor=_at(budget_account(sponsor.pk), sponsor.code, at),
        reserve_minor=_at(reserve_account(sponsor.pk), sponsor.code, at),
        outstanding_points=owed,
        residents_points=residents,
        merchants_points=owed - residents,
    )


@dataclass(frozen=True)
class Funded:
    """Money that came into a budget: by a line of a bank's statement, or as the operator stated it."""

    amount_minor: int
    at: datetime
    by_bank: bool


def fundings(sponsor: Sponsor) -> list[Funded]:
    """Every funding of a sponsor, the newest first, from the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.amount, t.posted_at, f.line_id IS NOT NULL "
            "FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id "
            "LEFT JOIN points_funding f ON f.tx_id = t.id "
            "WHERE p.account_id = %s AND p.asset_id = %s AND t.reason = 'points.fund' ORDER BY t.id DESC",
            [budget_account(sponsor.pk), sponsor.money_asset],
        )
        return [Funded(*row) for row in cursor.fetchall()]


def available_of_account(account: int, asset: str) -> tuple[int, int]:
    """What an account has of an asset now: available, and held."""
    for balance in balances(connection, [account]):
        if balance.asset == asset:
            return balance.available, balance.held
    return 0, 0


def _at(account: int, sponsor: str, at: datetime) -> int:
    codes = (points_code(sponsor), money_code(sponsor))
    return sum(one.available for one in balance_at(connection, account, at) if one.asset in codes)


def _residents(asset: int, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(p.amount), 0)::bigint "
            "FROM ledger_posting p JOIN ledger_transaction t ON t.id = p.tx_id "
            "WHERE p.asset_id = %s AND p.account_id & 15 = %s AND t.posted_at <= %s",
            [asset, int(Kind.RESIDENT_POINTS), at],
        )
        return int(cursor.fetchone()[0])
