"""``tanpuhui market`` and ``money``: from a deposit to a cleared auction, from a terminal."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from market.exchange import findings, units_for
from money.bank import bank_file
from points.book import new_organisation
from tanpuhui.cli import market, money
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.market.models import Trade

pytestmark = pytest.mark.django_db


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture()
def lot(fresh_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Two members: one with twenty tonnes, the other with a thousand yuan."""
    acme = new_organisation("company", "acme")
    new_organisation("company", "bolt")
    for code in ("acme", "bolt"):
        market.admit(code, reason="contract", key=code, as_json=True)
    capsys.readouterr()
    money.deposit_reference("bolt", as_json=True)
    reference = printed(capsys)["reference"]
    statement = tmp_path / "bank.xml"
    statement.write_bytes(bank_file((reference, "1000.00", "CRDT")))
    assert money.bank(statement, as_json=True) == 0
    capsys.readouterr()
    return units_for(acme, 20)


def test_from_a_listing_to_the_price_of_the_day(
    lot: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market.list_("acme", lot, 10, "70.00", key="l", as_json=True)
    listing = printed(capsys)["listing"]
    market.listings(as_json=True)
    assert [one["left_t"] for one in printed(capsys)] == [10]
    market.take(listing, 4, buyer="bolt", key="t", as_json=True)
    assert printed(capsys)["state"] == "settled"
    market.buy(6, buyer="bolt", at_most="70.00", key="b", as_json=True)
    bought = printed(capsys)
    assert bought["taken"][0]["why"].startswith("lowest price")

    market.propose("acme", "bolt", lot, 5, "80.00", key="p", as_json=True)
    proposal = printed(capsys)["proposal"]
    market.proposals(organisation="bolt", as_json=True)
    assert [one["proposal"] for one in printed(capsys)] == [proposal]
    market.accept(proposal, buyer="bolt", key="a", as_json=True)
    waiting = printed(capsys)
    assert (waiting["state"], waiting["amount"]) == ("waiting", "400.00")
    statement = tmp_path / "second.xml"
    statement.write_bytes(bank_file((waiting["trade"], "400.00", "CRDT"), opening="1.00"))
    assert money.bank(statement, as_json=True) == 0
    capsys.readouterr()

    market.trades(buyer="bolt", state="settled", as_json=True)
    assert [one["tonnes"] for one in printed(capsys)] == [5, 6, 4]
    market.prices("demo", as_json=True)
    # 10 t at 70.00 and 5 t at 80.00: 1100 / 15 = 73.33
    (day,) = printed(capsys)
    assert (day["tonnes"], day["low"], day["high"], day["average"]) == (15, "70.00", "80.00", "73.33")
    market.prices(form="csv")
    assert capsys.readouterr().out.startswith("product,day,currency,trades,tonnes")
    money.balance("acme", as_json=True)
    assert printed(capsys)[0]["available"] == "1100.00"
    money.withdraw("acme", "1100.00", key="w", as_json=True)
    out = printed(capsys)["withdrawal"]
    money.cancel_withdrawal(out, key="c", as_json=True)
    assert printed(capsys)["state"] == "cancelled"
    money.withdrawals(as_json=True)
    assert [one["withdrawal"] for one in printed(capsys)] == [out]
    assert findings() == []


def test_an_auction_is_opened_bid_for_and_cleared(
    lot: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    closes = (now + timedelta(hours=1)).isoformat()
    market.open_auction("acme", lot, 10, "60.00", closes=closes, key="o", as_json=True)
    auction = printed(capsys)["auction"]
    market.bid(auction, 10, "72.00", buyer="bolt", key="b", as_json=True)
    assert printed(capsys)["held"] == "720.00"
    with pytest.raises(Refusal, match="sealed") as early:
        market.clear(auction, key="early", as_json=True)
    assert early.value.code == "market.auction_open"

    monkeypatch.setattr(market, "utc_now", lambda: now + timedelta(hours=2))
    market.clear(auction, key="c", as_json=True)
    cleared = printed(capsys)

    assert (cleared["price"], cleared["sold_t"], cleared["fills"][0]["tonnes"]) == ("72.00", 10, 10)
    market.auctions()
    market.auctions(as_json=True)
    assert capsys.readouterr().out
    assert Trade.objects.get().settled_at is not None
    assert findings() == []


def test_what_ends_by_hand_or_by_the_clock(lot: str, capsys: pytest.CaptureFixture[str]) -> None:
    market.list_("acme", lot, 10, "70.00", key="l", as_json=True)
    listing = printed(capsys)["listing"]
    market.propose("acme", "bolt", lot, 5, "70.00", key="p", as_json=True)
    market.decline(printed(capsys)["proposal"], buyer="bolt", key="d", as_json=True)
    assert printed(capsys)["state"] == "declined"
    with pytest.raises(Refusal) as unknown:
        market.cancel("market", 1, reason="because", key="x")
    market.cancel("listing", listing, reason="sold elsewhere", organisation="acme", key="c", as_json=True)
    assert printed(capsys)["state"] == "cancelled"
    market.expire(as_json=True)
    assert set(printed(capsys).values()) == {0}
    market.suspend("acme", reason="under inquiry", key="s", as_json=True)
    capsys.readouterr()
    market.members(as_json=True)
    assert [one["state"] for one in printed(capsys)] == ["suspended", "admitted"]

    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            market.list_("acme", lot, 1, "70.00", key="no")
        assert refused.value.code == "market.suspended"
    assert unknown.value.code == "market.unknown_kind"
    assert findings() == []
