"""``tanpuhui market``: members, listings, negotiated trades, auctions, trades and prices."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import App, Parameter

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.places import jurisdiction
from tanpuhui.cli.points import moment, show, show_all
from tanpuhui.kit.moment import utc_now

app = App(name="market", help="Trade whole tonnes between organisations: list, negotiate, auction; prices.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]
Key = Annotated[
    str | None, Parameter(help="Names this order: a repeat gives the same answer. A new one when left out.")
]
Currency = Annotated[str, Parameter(help="ISO 4217 code of the currency.")]


@app.command
def admit(
    organisation: str, /, *, reason: str, group: str = "", key: Key = None, as_json: Json = False
) -> int:
    """Let an organisation trade, a suspended one again.

    Example: tanpuhui market admit acme --reason "contract 17" --group acme-holding

    Parameters
    ----------
    organisation
        Code of the organisation.
    reason
        Why: it is kept with the row.
    group
        Organisations of one group do not trade with each other; as before when left out.
    """
    from tanpuhui.market.member import MembershipOrder
    from tanpuhui.market.member import admit as do

    return _done(do, MembershipOrder(_key(key), organisation, reason, group), as_json=as_json)


@app.command
def suspend(organisation: str, /, *, reason: str, key: Key = None, as_json: Json = False) -> int:
    """Let a member trade no longer: what it lists is not taken, its bids get nothing. Made trades stand.

    Example: tanpuhui market suspend acme --reason "under inquiry"

    Parameters
    ----------
    organisation
        Code of the organisation.
    reason
        Why: it is kept with the row.
    """
    from tanpuhui.market.member import MembershipOrder
    from tanpuhui.market.member import suspend as do

    return _done(do, MembershipOrder(_key(key), organisation, reason), as_json=as_json)


@app.command
def members(*, as_json: Json = False) -> int:
    """Every organisation that was ever admitted, and whether it may trade now.

    Example: tanpuhui market members --json
    """
    from tanpuhui.market.member import describe
    from tanpuhui.market.member import members as all_members

    return show_all([describe(one) for one in all_members()], as_json=as_json)


@app.command(name="list")
def list_(
    seller: str,
    lot: str,
    tonnes: int,
    price: str,
    /,
    *,
    currency: Currency = "CNY",
    until: str | None = None,
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Offer whole tonnes of a lot at a price to everybody; they are locked until taken, cancelled or over.

    Example: tanpuhui market list acme DEMO-000001 100 70.00 --key l-1 --json

    Parameters
    ----------
    seller
        Code of the organisation that has them.
    lot
        Code of the lot.
    tonnes
        How many.
    price
        Of a tonne: a decimal, in whole ticks.
    until
        A moment with its zone; as long as the rule lets when left out.
    """
    from tanpuhui.market.listing import ListOrder, list_units

    order = ListOrder(_key(key), seller, lot, tonnes, price, currency, _until(until))
    return _done(list_units, order, jurisdiction(), as_json=as_json)


@app.command
def take(listing: int, tonnes: int, /, *, buyer: str, key: Key = None, as_json: Json = False) -> int:
    """Take all or a part of a listing: it settles at once, or waits for a payment under the trade's reference.

    Example: tanpuhui market take 1 40 --buyer bolt --key t-1 --json

    Parameters
    ----------
    listing
        Its number.
    tonnes
        How many.
    buyer
        Code of the organisation that takes them.
    """
    from tanpuhui.market.listing import TakeOrder
    from tanpuhui.market.listing import take as do

    return _done(do, TakeOrder(_key(key), listing, buyer, tonnes), jurisdiction(), as_json=as_json)


@app.command
def buy(
    tonnes: int,
    /,
    *,
    buyer: str,
    at_most: str,
    product: str | None = None,
    lot: str | None = None,
    currency: Currency = "CNY",
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Buy at the best prices listed, all or nothing: lowest price first, then the oldest. The answer says why.

    Example: tanpuhui market buy 100 --buyer bolt --at-most 75.00 --json

    Parameters
    ----------
    tonnes
        How many.
    buyer
        Code of the organisation that buys.
    at_most
        The most that a tonne may cost.
    product
        Units of which place; this installation's when left out.
    lot
        Only of this lot.
    """
    from tanpuhui.market.best import BuyOrder
    from tanpuhui.market.best import buy as do

    place = jurisdiction()
    order = BuyOrder(_key(key), buyer, product or place.code, tonnes, at_most, currency, lot)
    return _done(do, order, place, as_json=as_json)


@app.command
def propose(
    seller: str,
    buyer: str,
    lot: str,
    tonnes: int,
    price: str,
    /,
    *,
    currency: Currency = "CNY",
    until: str | None = None,
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Offer whole tonnes at a price to one buyer; they are locked until accepted, declined or over.

    Example: tanpuhui market propose acme bolt DEMO-000001 100 70.00 --key p-1

    Parameters
    ----------
    seller
        Code of the organisation that has them.
    buyer
        Code of the organisation that they are offered to.
    lot
        Code of the lot.
    tonnes
        How many.
    price
        Of a tonne: a decimal, in whole ticks.
    until
        A moment with its zone; as long as the rule lets when left out.
    """
    from tanpuhui.market.negotiate import ProposeOrder
    from tanpuhui.market.negotiate import propose as do

    order = ProposeOrder(_key(key), seller, buyer, lot, tonnes, price, currency, _until(until))
    return _done(do, order, jurisdiction(), as_json=as_json)


@app.command
def accept(proposal: int, /, *, buyer: str, key: Key = None, as_json: Json = False) -> int:
    """Accept a proposal: the trade settles at once, or waits for a payment under its reference.

    Example: tanpuhui market accept 1 --buyer bolt

    Parameters
    ----------
    proposal
        Its number.
    buyer
        Code of the organisation that it is for.
    """
    from tanpuhui.market.negotiate import ReplyOrder
    from tanpuhui.market.negotiate import accept as do

    return _done(do, ReplyOrder(_key(key), proposal, buyer), jurisdiction(), as_json=as_json)


@app.command
def decline(proposal: int, /, *, buyer: str, key: Key = None, as_json: Json = False) -> int:
    """Decline a proposal; its units are the seller's again.

    Example: tanpuhui market decline 1 --buyer bolt

    Parameters
    ----------
    proposal
        Its number.
    buyer
        Code of the organisation that it is for.
    """
    from tanpuhui.market.negotiate import ReplyOrder
    from tanpuhui.market.negotiate import decline as do

    return _done(do, ReplyOrder(_key(key), proposal, buyer), jurisdiction(), as_json=as_json)


@app.command(name="open-auction")
def open_auction(
    seller: str,
    lot: str,
    tonnes: int,
    reserve: str,
    /,
    *,
    closes: str,
    currency: Currency = "CNY",
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Auction whole tonnes of a lot off: sealed bids until it closes, one price for all.

    Example: tanpuhui market open-auction acme DEMO-000001 100 60.00 --closes 2026-12-01T15:00:00+08:00

    Parameters
    ----------
    seller
        Code of the organisation that has them.
    lot
        Code of the lot.
    tonnes
        How many.
    reserve
        The least that a tonne may cost: a decimal, in whole ticks.
    closes
        A moment with its zone.
    """
    from tanpuhui.market.auction import AuctionOrder
    from tanpuhui.market.auction import open_auction as do

    order = AuctionOrder(_key(key), seller, lot, tonnes, reserve, currency, moment(closes))
    return _done(do, order, jurisdiction(), as_json=as_json)


@app.command
def bid(
    auction: int,
    tonnes: int,
    price: str,
    /,
    *,
    buyer: str,
    currency: Currency = "CNY",
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Enter a sealed bid; the most that it can cost is held until the auction is cleared. It is not taken back.

    Example: tanpuhui market bid 1 40 72.00 --buyer bolt --key b-1

    Parameters
    ----------
    auction
        Its number.
    tonnes
        How many at most.
    price
        Of a tonne, at most: a decimal, in whole ticks.
    buyer
        Code of the organisation that bids.
    """
    from tanpuhui.market.auction import BidOrder
    from tanpuhui.market.auction import bid as do

    order = BidOrder(_key(key), auction, buyer, tonnes, price, currency)
    return _done(do, order, jurisdiction(), as_json=as_json)


@app.command
def clear(auction: int, /, *, key: Key = None, as_json: Json = False) -> int:
    """Clear an auction that has closed: one price, money and units moved together, and who got what and why.

    Example: tanpuhui market clear 1 --json

    Parameters
    ----------
    auction
        Its number.
    """
    from django.db import transaction

    from tanpuhui.market.auction import clear_auction

    with transaction.atomic():
        answer = clear_auction(auction, jurisdiction(), key=_key(key), at=utc_now())
    return show(answer.accepted(), as_json=as_json)


@app.command
def cancel(
    kind: str,
    number: int,
    /,
    *,
    reason: str,
    organisation: str | None = None,
    key: Key = None,
    as_json: Json = False,
) -> int:
    """Take back a listing, a proposal or an auction; units and held money are free again. Made trades stand.

    Example: tanpuhui market cancel listing 1 --reason "sold elsewhere" --organisation acme

    Parameters
    ----------
    kind
        listing, proposal or auction.
    number
        Its number.
    reason
        Why: it is kept.
    organisation
        The seller that does so; the operator when left out, who alone cancels auctions.
    """
    from tanpuhui.market.cancel import CancelOrder
    from tanpuhui.market.cancel import cancel as do

    return _done(
        do, CancelOrder(_key(key), kind, number, reason, organisation), jurisdiction(), as_json=as_json
    )


@app.command
def listings(*, product: str | None = None, lot: str | None = None, as_json: Json = False) -> int:
    """What can be taken now, in the order in which the best are taken.

    Example: tanpuhui market listings --json

    Parameters
    ----------
    product
        Only units of this place.
    lot
        Only of this lot.
    """
    from tanpuhui.market.listing import describe, open_listings

    found = open_listings(utc_now(), product=product, lot=lot)
    return show_all([describe(one) for one in found], as_json=as_json)


@app.command
def proposals(*, organisation: str | None = None, as_json: Json = False) -> int:
    """Proposals, newest first.

    Example: tanpuhui market proposals --organisation bolt --json

    Parameters
    ----------
    organisation
        Only those from or for this one.
    """
    from tanpuhui.market.negotiate import describe
    from tanpuhui.market.negotiate import proposals as found

    return show_all([describe(one) for one in found(organisation)], as_json=as_json)


@app.command
def auctions(*, as_json: Json = False) -> int:
    """Auctions, newest first; of bids there is nothing before an auction is cleared, and then everything.

    Example: tanpuhui market auctions --json
    """
    from tanpuhui.market.auction import auctions as found
    from tanpuhui.market.auction import describe

    rows = [describe(one) for one in found()]
    if not as_json:
        rows = [{name: row.get(name, "") for name in _AUCTION} for row in rows]
    return show_all(rows, as_json=as_json)


_AUCTION = (
    "auction",
    "seller",
    "lot",
    "tonnes",
    "reserve",
    "currency",
    "state",
    "closes_at",
    "price",
    "sold_t",
)


@app.command
def trades(
    *,
    seller: str | None = None,
    buyer: str | None = None,
    state: str | None = None,
    as_json: Json = False,
) -> int:
    """Trades, newest first, with what they wait for.

    Example: tanpuhui market trades --state waiting --json

    Parameters
    ----------
    seller
        Only of this one.
    buyer
        Only of this one.
    state
        waiting, settled, expired or lost.
    """
    from tanpuhui.market.trade import describe
    from tanpuhui.market.trade import trades as found

    rows = [describe(one) for one in found(seller, buyer, state)]
    if not as_json:
        rows = [{name: value for name, value in row.items() if name in _TRADE} for row in rows]
    return show_all(rows, as_json=as_json)


_TRADE = (
    "trade",
    "way",
    "seller",
    "buyer",
    "lot",
    "tonnes",
    "price",
    "amount",
    "currency",
    "state",
    "pay_by",
)


@app.command
def prices(
    product: str | None = None,
    /,
    *,
    since: str | None = None,
    until: str | None = None,
    form: str = "table",
    as_json: Json = False,
) -> int:
    """What settled trades cost on each day: volume, low, high, and the weighted average.

    Example: tanpuhui market prices demo --since 2026-11-01 --form csv

    Parameters
    ----------
    product
        Units of which place; all when left out.
    since
        First day, YYYY-MM-DD.
    until
        Last day, YYYY-MM-DD.
    form
        table or csv.
    """
    from tanpuhui.market.prices import as_csv, day_prices

    found = day_prices(
        product,
        since=parse_day(since, "--since") if since else None,
        until=parse_day(until, "--until") if until else None,
    )
    if form == "csv":
        sys.stdout.write(as_csv(found))
        return 0
    return show_all([row.as_json() for row in found], as_json=as_json)


@app.command
def expire(*, as_json: Json = False) -> int:
    """End what was not taken, accepted or paid in time; its units are free again. Run it every hour.

    Example: tanpuhui market expire --json
    """
    from django.db import transaction

    from tanpuhui.market.expire import expire as end

    place, now, counted = jurisdiction(), utc_now(), dict[str, int]()
    while True:
        with transaction.atomic():
            some = end(place, at=now)
        counted = {kind: counted.get(kind, 0) + count for kind, count in some.items()}
        if not any(some.values()):
            break
    return show(counted, as_json=as_json)


def _key(given: str | None) -> str:
    return given or str(uuid4())


def _until(given: str | None) -> datetime | None:
    return moment(given) if given else None


def _done(verb: Any, *given: Any, as_json: bool) -> int:
    """Do a verb of the market in a transaction of its own, then show its answer, or raise its refusal."""
    from django.db import transaction

    with transaction.atomic():
        answer = verb(*given, at=utc_now())
    return show(answer.accepted(), as_json=as_json)
