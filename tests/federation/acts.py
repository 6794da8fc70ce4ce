"""What people do on two platforms, as the tests of federation share it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from close.town import Town, act
from federation.platforms import TODAY, Pair, Platform
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.federation.answer_ask import certify_ask, open_asks
from tanpuhui.federation.ask_lot import ask_lot
from tanpuhui.federation.models import Ask
from tanpuhui.federation.peer import city, get_peer, holder_of
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id, organisation
from tanpuhui.ledger.asset import lot_code
from tanpuhui.ledger.balance import balances
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.invariants import exceptions as found_by
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import Order
from tanpuhui.registry.models import Block, Lot
from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
from tanpuhui.registry.reconcile import INVARIANTS
from tanpuhui.registry.retire import retire
from tanpuhui.registry.transfer import transfer_units
from tanpuhui.registry.units import Part, UnitOrder

DAYS = (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4))
#: 0.42 t/MWh: a gets 2.1 t, b 1.26 t, c 0.84 t; 4.2 t together.
FIRST_WH = {"a": 5_000_000, "b": 3_000_000, "c": 2_000_000}
POOL = organisation(900)


def town_of(platform: Platform) -> Town:
    return Town(platform.home, load_library(), load_jurisdiction(platform.code), buckets=1)


def roofs(energy_wh: dict[str, int], day: date, revision: int = 0) -> list[dict[str, Any]]:
    """What roofs gave on a day, by person."""
    more = {"revision": revision} if revision else {}
    return [
        act("rooftop_pv_output", f"{person}-{day}", person, day=day, energy_wh=amount, **more)
        for person, amount in energy_wh.items()
    ]


def ask(pair: Pair, through: date = DAYS[0]) -> Ask:
    """Pudong asks for a lot of what it closed."""

    def verb() -> Ask:
        order = Order("shanghai/rooftop-pv", 1, 2026, through, "Pudong", "Green Audit Ltd", pair.district.now)
        return ask_lot(order, places=places(), jurisdiction=jurisdiction(), library=load_library())

    made: Ask = pair.district.do(verb)
    return made


def certify(pair: Pair) -> Lot:
    """Shanghai certifies the one thing that is asked for."""

    def verb() -> Lot:
        (asked,) = open_asks()
        return certify_ask(
            asked["ask"],
            operator="Shanghai registry",
            jurisdiction=jurisdiction(),
            library=load_library(),
            at=pair.city.now,
        )

    made: Lot = pair.city.do(verb)
    return made


def certified(pair: Pair) -> Lot:
    """Pudong's first day as a lot on both sides."""
    ask(pair)
    pair.settle()
    lot = certify(pair)
    pair.settle()
    return lot


def sell_to_city(pair: Pair, lot: str, tonnes: int) -> None:
    """Pudong's residents give whole tonnes to the city's company, through a pool."""

    def verb() -> None:
        peer = city()
        assert peer is not None
        offers = tuple(Offer(*row) for row in residents_of(lot))
        on = TODAY
        gather(GatherOrder("round-1", POOL, lot, tonnes * TONNE_MG, offers, on), at=pair.district.now)
        order = UnitOrder("round-1", POOL, (Part(lot, tonnes),), on)
        deliver(order, to=holder_of(peer), at=pair.district.now)

    pair.district.do(verb)


def use_in_city(pair: Pair, lot: str, tonnes: int) -> None:
    """A company buys of Pudong's tonnes in Shanghai, and uses one of them."""

    def verb() -> None:
        acme = organise(Organisation.COMPANY, "acme", name_zh="安可", name_en="Acme", at=pair.city.now)
        mine = organisation(acme.pk)
        owner = holder_of(get_peer("pudong"))
        transfer_units(UnitOrder("bought", owner, (Part(lot, tonnes),), TODAY), to=mine, at=pair.city.now)
        said = {"purpose": "surrender", "year": "2026", "beneficiary": "Acme"}
        retire(UnitOrder("used", mine, (Part(lot, 1),), TODAY, said), at=pair.city.now)

    pair.city.do(verb)


def residents_of(lot: str) -> list[tuple[int, int]]:
    """Who has how many milligrams of a lot."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id >> 4, available FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND account_id & 15 = 2 AND available > 0 ORDER BY 1",
            [lot_code(lot)],
        )
        return [(int(account), int(amount)) for account, amount in cursor.fetchall()]


def has_mg(owner: int, kind: Kind, lot: str) -> int:
    rows = balances(connection, [account_id(kind, owner)])
    return sum(row.available for row in rows if row.asset == lot_code(lot))


def blocks(platform: Platform, lot: str) -> list[tuple[int, int, str]]:
    with platform.inside():
        live = Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first")
        return list(live.values_list("first", "last", "state"))


def sound(platform: Platform) -> bool:
    """Whether the checks of the ledger and of lots find nothing there."""
    with platform.inside():
        found = [*check(connection), *(one for each in INVARIANTS for one in found_by(connection, each))]
    assert found == []
    return True
