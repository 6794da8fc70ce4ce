"""Trade: units against money. Both move in one transaction, or the trade waits for its money with the units locked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from tanpuhui.access.models import Organisation
from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.ledger.account import organisation as owner_of
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.market.models import Listing, Proposal, Trade, TradeEnding, UnitLock
from tanpuhui.market.refusals import UnknownTrade
from tanpuhui.market.rule import MarketRule
from tanpuhui.market.units import free, is_locked, lock_for, newest_lock
from tanpuhui.money.account import available_minor, money_account, money_asset
from tanpuhui.money.amounts import to_text
from tanpuhui.money.book import book_in
from tanpuhui.money.camt import Entry
from tanpuhui.money.claimant import Claim
from tanpuhui.money.models import BankLine
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.lock import Share, transfer_locked
from tanpuhui.registry.units import Range, UnitOrder, lock_lots, ranges_as_json

REASON, PREFIX = "market.pay", "TPM-"


def deal(
    source: Listing | Proposal, buyer: Organisation, tonnes: int, rule: MarketRule, *, at: datetime
) -> Trade:
    """Make a trade of what is offered, or a part: settled at once where the buyer's money is there, else it waits.

    What is left of the offer is locked for it again.
    """
    held = newest_lock(source)
    amount_minor = tonnes * source.price_minor
    has_money = available_minor(money_account(buyer.pk), source.currency) >= amount_minor
    listing = source if isinstance(source, Listing) else None
    proposal = source if isinstance(source, Proposal) else None
    trade = Trade.objects.create(
        way=Trade.LISTING if listing else Trade.NEGOTIATED,
        seller=source.seller,
        buyer=buyer,
        lot=source.lot,
        product=source.product,
        tonnes=tonnes,
        price_minor=source.price_minor,
        amount_minor=amount_minor,
        currency=source.currency,
        listing=listing,
        proposal=proposal,
        pay_by=None if has_money else at + timedelta(hours=rule.payment_hours),
        at=at,
    )
    if has_money:
        settle([trade], held, day=rule.day, at=at)
    else:
        free(held, day=rule.day, at=at)
        lock_for(trade, tonnes, day=rule.day, at=at)
    if held.tonnes > tonnes:
        lock_for(source, held.tonnes - tonnes, day=rule.day, at=at)
    return trade


def settle(
    trades: Sequence[Trade], held: UnitLock, *, day: date, at: datetime, line: BankLine | None = None
) -> None:
    """Move the units under a lock to the buyers and their money to the seller, in the caller's transaction, once.

    All trades are of the lock's seller and lot, and of one currency. What they leave of the lock is free.
    """
    seller, currency = trades[0].seller_id, trades[0].currency
    assert {(trade.seller_id, trade.lot_id) for trade in trades} == {(held.seller_id, held.lot_id)}
    assert {trade.currency for trade in trades} == {currency}
    name = trades[0].reference if len(trades) == 1 else f"market:auction:{trades[0].auction_id}"
    moved = transfer_locked(
        held.hold_id,
        UnitOrder(f"market:{name}", owner_of(seller), (), day, {"trade": name}),
        tuple(Share(owner_of(trade.buyer_id), trade.tonnes, trade.pk) for trade in trades),
        at=at,
    )
    asset = money_asset(currency)
    legs = tuple(
        leg
        for trade in trades
        for leg in move(
            source=money_account(trade.buyer_id),
            target=money_account(seller),
            asset_id=asset,
            amount=trade.amount_minor,
            ref=trade.pk,
        )
    )
    paid = transfer(connection, TransferOrder(f"{REASON}:{name}", REASON, day, legs), at=at).accepted()
    TradeEnding.objects.bulk_create(
        [
            _settled(trade, ranges, units_tx=moved.tx, money_tx=paid, day=day, at=at, line=line)
            for trade, ranges in zip(trades, moved.ranges, strict=True)
        ],
        batch_size=5_000,
    )


def _settled(
    trade: Trade,
    ranges: tuple[Range, ...],
    *,
    units_tx: int,
    money_tx: int,
    day: date,
    at: datetime,
    line: BankLine | None,
) -> TradeEnding:
    return TradeEnding(
        trade=trade,
        outcome=TradeEnding.SETTLED,
        day=day,
        units_tx=units_tx,
        money_tx=money_tx,
        ranges=[[one.first, one.last] for one in ranges],
        line=line,
        at=at,
    )


def end_unpaid(trade: Trade, outcome: str, *, day: date, at: datetime) -> None:
    """End a trade whose money did not come, or whose units are gone: they are the seller's again."""
    free(trade.lock, day=day, at=at)
    TradeEnding.objects.create(trade=trade, outcome=outcome, day=day, ranges=[], at=at)


def find_trade(reference: str) -> Trade | None:
    """A trade by its reference; banks may write it in small letters."""
    number = reference[4:]
    if reference[:4].upper() != PREFIX or not (number.isascii() and number.isdecimal()) or len(number) > 18:
        return None
    return _with_all(Trade.objects.filter(pk=int(number))).first()


def get_trade(reference: str) -> Trade:
    """A trade by its reference; refuses an unknown one."""
    found = find_trade(reference)
    if found is None:
        raise UnknownTrade(trade=reference)
    return found


def trades(seller: str | None = None, buyer: str | None = None, state: str | None = None) -> list[Trade]:
    """Trades, newest first: of a seller or buyer, and ``waiting``, ``settled``, ``expired`` or ``lost``."""
    found = _with_all(Trade.objects.order_by("-id"))
    if seller is not None:
        found = found.filter(seller__code=seller)
    if buyer is not None:
        found = found.filter(buyer__code=buyer)
    if state is not None:
        found = found.filter(ending=None) if state == "waiting" else found.filter(ending__outcome=state)
    return list(found)


def _with_all(found: QuerySet[Trade]) -> QuerySet[Trade]:
    return found.select_related("seller", "buyer", "lot", "ending")


def describe(trade: Trade) -> dict[str, Any]:
    """A trade as JSON-ready values."""
    ended = TradeEnding.objects.filter(pk=trade.pk).first()
    ranges = [Range(trade.lot_id, first, last) for first, last in ended.ranges] if ended else []
    return {
        "trade": trade.reference,
        "way": trade.way,
        "from": trade.listing_id or trade.proposal_id or trade.auction_id,
        "seller": trade.seller.code,
        "buyer": trade.buyer.code,
        "lot": trade.lot_id,
        "tonnes": trade.tonnes,
        "price": to_text(trade.price_minor, trade.currency),
        "amount": to_text(trade.amount_minor, trade.currency),
        "amount_minor": trade.amount_minor,
        "currency": trade.currency,
        "state": ended.outcome if ended else "waiting",
        "made_at": trade.at.isoformat(),
        "pay_by": trade.pay_by.isoformat() if trade.pay_by else None,
        "ended_at": ended.at.isoformat() if ended else None,
        "ranges": ranges_as_json(ranges),
    }


class Payments:
    """The claimant of buyers' payments under trades' references: the money comes in, and both sides move at once."""

    name = "market.trade"

    def look(self, entry: Entry) -> Claim | None:
        if entry.reference[:4].upper() != PREFIX:
            return None
        trade = find_trade(entry.reference)
        return Claim(trade.reference if trade else entry.reference, why_not(entry, trade))

    def take(self, line: BankLine, *, at: datetime) -> None:
        trade = get_trade(line.subject)
        book_in(line, money_account(trade.buyer_id), at=at)
        day = local_day(to_us(at), load_jurisdiction(trade.product).zone)
        settle([trade], trade.lock, day=day, at=at, line=line)


def lock_lots_of(entries: Sequence[Entry]) -> None:
    """Lock the lots of all trades that a statement names, in one order: they stay as they are until it is imported."""
    named = [find_trade(entry.reference) for entry in entries]
    lock_lots(trade.lot_id for trade in named if trade is not None)


def why_not(entry: Entry, trade: Trade | None) -> str:
    """Why an entry is not the payment of a trade; nothing where it is."""
    if trade is None:
        return "no_such_trade"
    if entry.is_debit:
        return "money_out"
    ended = TradeEnding.objects.filter(pk=trade.pk).first()
    if ended is not None:
        return "paid_before" if ended.outcome == TradeEnding.SETTLED else "trade_over"
    if entry.currency != trade.currency:
        return "currency_differs"
    if entry.amount_minor != trade.amount_minor:
        return "amount_differs"
    return "" if is_locked(trade.lock) else "units_gone"
