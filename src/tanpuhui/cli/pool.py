"""``tanpuhui pool``: pools, rounds of whole tonnes, their sale and pay-out. No command names a resident."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import uuid4

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.places import jurisdiction
from tanpuhui.kit.moment import utc_now

app = App(name="pool", help="Pools: residents' reductions sold as whole tonnes, and paid out to them.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


@app.command(name="open")
def open_(
    organisation: str,
    /,
    *,
    currency: str = "CNY",
    pays: Literal["money", "points"] = "money",
    sponsor: str | None = None,
    as_json: Json = False,
) -> int:
    """Make a company the operator of a pool, under the installation's jurisdiction, for good.

    Example: tanpuhui pool open city_pool --pays points --sponsor city

    Parameters
    ----------
    organisation
        Code of the company. The consent policy must name it as a recipient of the purpose pooling.
    currency
        ISO 4217 code of the currency in which it sells and pays.
    pays
        What residents get: money, or a sponsor's points, and what is below a point in money.
    sponsor
        Whose points, at what one of them is worth.
    """
    from django.db import transaction

    from tanpuhui.pooling.pool import PoolOrder, open_pool
    from tanpuhui.pooling.report import pool_as_json

    order = PoolOrder(organisation, currency, pays, sponsor)
    with transaction.atomic():
        made = open_pool(order, jurisdiction(), at=utc_now())
    return _print(pool_as_json(made), as_json=as_json)


@app.command(name="list")
def list_(*, as_json: Json = False) -> int:
    """Every pool: whose it is and what it pays with.

    Example: tanpuhui pool list --json
    """
    from tanpuhui.pooling.pool import pools
    from tanpuhui.pooling.report import pool_as_json

    return _print_rows(
        [pool_as_json(one) for one in pools()], ("pool", "jurisdiction", "currency", "pays"), as_json
    )


@app.command
def members(pool: str, /, *, as_json: Json = False) -> int:
    """How many residents are in a pool, and what of each lot they would lend, by the price for a tonne.

    Example: tanpuhui pool members city_pool --json

    Parameters
    ----------
    pool
        Code of the pool.
    """
    from tanpuhui.pooling.pool import get_pool
    from tanpuhui.pooling.report import supply_of

    said = supply_of(get_pool(pool), at=utc_now())
    if as_json:
        print_json(said)
        return 0
    console.print(f"{said['residents']:,} residents are in {said['pool']}.", highlight=False)
    table = Table("Lot", "Year", "At a price of", "Residents", "They have")
    for lot in said["lots"]:
        for step in lot["steps"]:
            mass = mg_as_mass(step["available_mg"])
            table.add_row(lot["lot"], str(lot["vintage"]), step["price"], f"{step['residents']:,}", mass)
    console.print(table)
    return 0


@app.command
def open_round(
    pool: str, /, *, lot: str, tonnes: int, price: str, key: str | None = None, as_json: Json = False
) -> int:
    """Take whole tonnes of a lot from residents whose terms fit, in proportion to what they have.

    Example: tanpuhui pool open-round city_pool --lot DEMO-000001 --tonnes 10 --price 60.00 --key round-1

    Parameters
    ----------
    pool
        Code of the pool.
    lot
        Code of the lot.
    tonnes
        Whole tonnes: all of them, or a refusal.
    price
        The least that a tonne is sold for, a decimal with at most the currency's places.
    key
        Names this round: repeated with the same key it is answered as before. A new one when left out.
    """
    from django.db import transaction

    from tanpuhui.money.amounts import to_minor
    from tanpuhui.pooling.open_round import RoundOrder
    from tanpuhui.pooling.open_round import open_round as take
    from tanpuhui.pooling.pool import get_pool
    from tanpuhui.pooling.report import round_as_json

    price_minor = to_minor(price, get_pool(pool).currency)
    with transaction.atomic():
        made = take(RoundOrder(key or str(uuid4()), pool, lot, tonnes, price_minor), at=utc_now())
    return _print_round(round_as_json(made), as_json=as_json)


@app.command
def rounds(*, pool: str | None = None, as_json: Json = False) -> int:
    """Every round, or those of a pool, the newest first.

    Example: tanpuhui pool rounds --pool city_pool --json

    Parameters
    ----------
    pool
        Code of a pool.
    """
    from tanpuhui.pooling.models import Round
    from tanpuhui.pooling.pool import get_pool
    from tanpuhui.pooling.report import round_as_json

    found = Round.objects.select_related("pool__organisation", "pool__sponsor").order_by("-id")
    if pool is not None:
        found = found.filter(pool=get_pool(pool))
    columns = ("round", "pool", "lot", "tonnes", "price", "residents", "sold_t", "kept_t", "back_t", "state")
    return _print_rows([round_as_json(one) for one in found], columns, as_json)


@app.command
def show(number: int, /, *, as_json: Json = False) -> int:
    """A round with its sales, their serial numbers and what was paid out.

    Example: tanpuhui pool show 1 --json

    Parameters
    ----------
    number
        Number of the round.
    """
    from tanpuhui.pooling.report import round_as_json
    from tanpuhui.pooling.rounds import get_round

    return _print_round(round_as_json(get_round(number)), as_json=as_json)


@app.command
def sell(
    number: int, /, *, to: str, tonnes: int, price: str, key: str | None = None, as_json: Json = False
) -> int:
    """Sell tonnes of a round to a company that has paid money in: tonnes and money change hands together.

    Example: tanpuhui pool sell 1 --to acme --tonnes 4 --price 62.50 --key sale-1

    Parameters
    ----------
    number
        Number of the round.
    to
        Code of the company.
    tonnes
        Whole tonnes.
    price
        What a tonne costs: the round's price or more.
    key
        Names this sale, as with open-round.
    """
    from django.db import transaction

    from tanpuhui.money.amounts import to_minor
    from tanpuhui.pooling.report import sale_as_json
    from tanpuhui.pooling.rounds import get_round
    from tanpuhui.pooling.sell import SellOrder
    from tanpuhui.pooling.sell import sell as hand_over

    price_minor = to_minor(price, get_round(number).pool.currency)
    with transaction.atomic():
        made = hand_over(SellOrder(key or str(uuid4()), number, to, tonnes, price_minor), at=utc_now())
    return _print_sale(sale_as_json(made), as_json=as_json)


@app.command(name="offer")
def offer_(
    number: int,
    /,
    *,
    tonnes: int,
    price: str,
    days: int | None = None,
    key: str | None = None,
    as_json: Json = False,
) -> int:
    """List tonnes of a round on the market, at its price or more: whoever takes them buys them of the round.

    Example: tanpuhui pool offer 1 --tonnes 6 --price 65.00 --days 10 --key offer-1

    Parameters
    ----------
    number
        Number of the round.
    tonnes
        Whole tonnes.
    price
        What a tonne costs: the round's price or more, within the market's band.
    days
        For how long; the market's most when left out.
    key
        Names this offer, as with open-round.
    """
    from django.db import transaction

    from tanpuhui.pooling.on_market import OfferOrder, offer
    from tanpuhui.pooling.report import round_as_json
    from tanpuhui.pooling.rounds import get_round

    with transaction.atomic():
        offer(OfferOrder(key or str(uuid4()), number, tonnes, price, days), at=utc_now())
    return _print_round(round_as_json(get_round(number)), as_json=as_json)


@app.command
def settle(number: int, /, *, as_json: Json = False) -> int:
    """Write down what the market sold of a round, and keep again what came back. Again, it changes nothing.

    Example: tanpuhui pool settle 1 --json

    Parameters
    ----------
    number
        Number of the round.
    """
    from django.db import transaction

    from tanpuhui.pooling.on_market import settle_round
    from tanpuhui.pooling.report import round_as_json

    with transaction.atomic():
        settled = settle_round(number, at=utc_now())
    return _print_round(round_as_json(settled), as_json=as_json)


@app.command
def take_back(number: int, /, *, reason: str, as_json: Json = False) -> int:
    """Cancel what a round has listed on the market. What was taken and waits for its money stays taken.

    Example: tanpuhui pool take-back 1 --reason "the round ends" --json

    Parameters
    ----------
    number
        Number of the round.
    reason
        Why: it is kept with the listing.
    """
    from django.db import transaction

    from tanpuhui.pooling.on_market import take_back as cancel_listings
    from tanpuhui.pooling.report import round_as_json

    with transaction.atomic():
        settled = cancel_listings(number, reason=reason, at=utc_now())
    return _print_round(round_as_json(settled), as_json=as_json)


@app.command
def pay_out(sale: int, /, *, key: str | None = None, as_json: Json = False) -> int:
    """Pay a sale out to the residents whose milligrams it took, once, to the last unit.

    Example: tanpuhui pool pay-out 1 --json

    Parameters
    ----------
    sale
        Number of the sale.
    key
        Names this step: repeated with the same key it is answered as before. One for the sale when left out.
    """
    from django.db import transaction

    from tanpuhui.pooling.pay_out import pay_out as pay
    from tanpuhui.pooling.report import sale_as_json
    from tanpuhui.pooling.sale import get_sale

    with transaction.atomic():
        pay(sale, key=key or f"cli:{sale}", at=utc_now())
    return _print_sale(sale_as_json(get_sale(sale)), as_json=as_json)


@app.command
def close_round(number: int, /, *, as_json: Json = False) -> int:
    """End a round: what was not sold goes back to the residents who lent it, to the milligram.

    Example: tanpuhui pool close-round 1 --json

    Parameters
    ----------
    number
        Number of the round.
    """
    from django.db import transaction

    from tanpuhui.pooling.close_round import close_round as end
    from tanpuhui.pooling.report import round_as_json
    from tanpuhui.pooling.rounds import get_round

    with transaction.atomic():
        end(number, at=utc_now())
    return _print_round(round_as_json(get_round(number)), as_json=as_json)


@app.command
def withdrawals(*, as_json: Json = False) -> int:
    """What is to be paid to residents' banks: reference, payee's token and amount, the oldest first.

    Example: tanpuhui pool withdrawals --json
    """
    from tanpuhui.money.amounts import to_text
    from tanpuhui.pooling.withdraw import open_withdrawals

    rows = [
        {
            "withdrawal": one.reference,
            "payee": token,
            "amount": to_text(one.amount_minor, one.currency),
            "currency": one.currency,
            "asked_at": one.asked_at.isoformat(),
        }
        for one, token in open_withdrawals()
    ]
    return _print_rows(rows, ("withdrawal", "payee", "amount", "currency", "asked_at"), as_json)


def _print(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    for name, value in said.items():
        console.print(f"{name}: {value}", highlight=False, markup=False)
    return 0


def _print_rows(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> int:
    if as_json:
        print_json(rows)
        return 0
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    console.print(table)
    return 0


def _print_round(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    console.print(
        f"Round {said['round']} of {said['pool']}: {said['tonnes']:,} t of {said['lot']} from {said['residents']:,} "
        f"residents at {said['price']} {said['currency']} a tonne or more, {said['state']}",
        highlight=False,
    )
    left = f"left {said['kept_t']:,} t, on the market {said['on_market_t']:,} t"
    console.print(f"sold {said['sold_t']:,} t, {left}, went back {said['back_t']:,} t", highlight=False)
    for sale in said["sales"]:
        _print_sale(sale, as_json=False)
    return 0


def _print_sale(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    paid = "paid out" if said["paid_out"] else "to be paid out"
    console.print(
        f"Sale {said['sale']}: {said['tonnes']:,} t to {said['buyer']} for {said['amount']} {said['currency']}, {paid}",
        highlight=False,
    )
    for one in said["ranges"]:
        console.print(f"  {one['serials']}", highlight=False)
    return 0
