"""A market for tests of pages: the company of the site is admitted, and another one that has units to sell."""

from __future__ import annotations

from datetime import timedelta

from market.exchange import new_key
from money.bank import pay_in
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import get_organisation
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.auction import AuctionOrder, open_auction
from tanpuhui.market.listing import ListOrder, list_units
from tanpuhui.market.member import MembershipOrder, admit
from tanpuhui.market.models import Trade
from tanpuhui.market.negotiate import ProposeOrder, propose
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from web.companies import holding
from web.site import other_code, own_code

PLACE = load_jurisdiction("demo")
OWN, OTHER = own_code("company"), other_code("company")


def admitted(code: str) -> Organisation:
    admit(MembershipOrder(new_key(), code, "contract"), at=utc_now()).accepted()
    return get_organisation(code)


def open_market(tonnes: int = 100, money: str = "") -> str:
    """Both companies may trade; the other one has a lot, and the own one what was paid in."""
    admitted(OTHER)
    own = admitted(OWN)
    if money:
        pay_in(own, money)
    return holding(tonnes, code=OTHER, jurisdiction="demo", status="illustrative")


def listed(lot: str, tonnes: int, price: str, *, seller: str = OTHER) -> int:
    order = ListOrder(new_key(), seller, lot, tonnes, price, "CNY")
    return int(list_units(order, PLACE, at=utc_now()).accepted()["listing"])


def proposed(lot: str, tonnes: int, price: str, *, seller: str = OTHER, buyer: str = OWN) -> int:
    order = ProposeOrder(new_key(), seller, buyer, lot, tonnes, price, "CNY")
    return int(propose(order, PLACE, at=utc_now()).accepted()["proposal"])


def auctioned(lot: str, tonnes: int, reserve: str, *, seller: str = OTHER, hours: int = 1) -> int:
    closes_at = utc_now() + timedelta(hours=hours)
    order = AuctionOrder(new_key(), seller, lot, tonnes, reserve, "CNY", closes_at)
    return int(open_auction(order, PLACE, at=utc_now()).accepted()["auction"])


def newest_trade() -> Trade:
    return Trade.objects.latest("pk")
