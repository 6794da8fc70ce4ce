"""An auction: how long 100,000 bids take to clear, and how long a cleared one takes to be posted.

Run: .venv/bin/python bench/auction.py [--bids 100000] [--posted 5000] [--members 50] [--rounds 3]
Clearing is the pure function, on bids from a seed. Posting is the verb, in a new embedded cluster in a temporary folder
with fsync on, as the application's role: bids are entered by the verb too, each in a transaction of its own, with its
money held; then one transaction lets all holds go, moves winners' money and units, and writes why each bid got what it
got. At the end every invariant of ledger, money and market is checked, not those of closes and lots: the bench gives
the seller its tonnes at once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
AT = datetime.now(UTC)
RESERVE_MINOR, TOP_MINOR, MOST_T = 6_000, 9_000, 500


def main() -> None:
    arguments = parse()
    rates = clearing(arguments)
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    from tanpuhui.project import embedded

    try:
        embedded.start(home)
        from tanpuhui.project.database import prepare

        prepare()
        posted = posting(arguments)
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    print(json.dumps({**rates, **posted, **machine}, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bids", type=int, default=100_000)
    parser.add_argument("--posted", type=int, default=5_000)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def clearing(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds that the pure function takes; prices in whole yuan, so that many bids share the margin."""
    from tanpuhui.market.clearing import AuctionBid, clear

    dice = random.Random(1)
    bids = [
        AuctionBid(n, dice.randrange(RESERVE_MINOR, TOP_MINOR, 100), dice.randint(1, MOST_T))
        for n in range(1, arguments.bids + 1)
    ]
    supply_t = sum(bid.tonnes for bid in bids) // 2
    took = []
    for _ in range(arguments.rounds):
        started = time.perf_counter()
        found = clear(bids, supply_t, RESERVE_MINOR)
        took.append(time.perf_counter() - started)
    assert found.sold_t == supply_t
    at_margin = sum(fill.why == "at_price" for fill in found.fills)
    return {"bids": arguments.bids, "clear_s": round(statistics.median(took), 3), "bids_at_margin": at_margin}


def posting(arguments: argparse.Namespace) -> dict[str, Any]:
    from django.db import connections, transaction

    from tanpuhui.ledger.invariants import check as check_ledger
    from tanpuhui.market.auction import clear_auction
    from tanpuhui.market.invariants import check as check_market
    from tanpuhui.market.models import Trade
    from tanpuhui.money.invariants import check as check_money

    seller, lot, buyers = people(arguments)
    auction, took = entered(arguments, seller, lot, buyers)
    place = rules()
    started = time.perf_counter()
    with transaction.atomic():
        answer = clear_auction(auction, place, key="clear", at=AT + timedelta(hours=1)).accepted()
    posted_s = time.perf_counter() - started
    connection = connections["default"]
    findings = [*check_ledger(connection), *check_money(connection), *check_market(connection)]
    assert not findings, findings
    return {
        "bids_entered": arguments.posted,
        "bids_entered_a_second": round(arguments.posted / took),
        "trades": Trade.objects.count(),
        "sold_t": answer["sold_t"],
        "clear_and_post_s": round(posted_s, 2),
    }


def rules() -> Any:
    from dataclasses import replace

    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    demo = load_jurisdiction("demo")
    (rule,) = demo.market_rules
    content = {name: value for name, value in rule.content.items() if name != "most_held_t"}
    return replace(demo, market_rules=(replace(rule, content=content),))


def people(arguments: argparse.Namespace) -> tuple[str, str, list[str]]:
    """A seller with half of what will be bid for, and buyers with money enough, by a bank's statement."""
    from django.db import connections, transaction

    from money.bank import bank_file
    from registry.units_town import given, new_lot
    from tanpuhui.access.models import Organisation
    from tanpuhui.ledger.account import organisation
    from tanpuhui.market.member import MembershipOrder, admit
    from tanpuhui.money.bank_statement import import_statement

    codes = ["seller", *(f"buyer-{number}" for number in range(arguments.members))]
    with transaction.atomic():
        for code in codes:
            made = Organisation.objects.create(
                kind="company", code=code, name_zh=code, name_en=code, made_at=AT
            )
            admit(MembershipOrder(code, made.code, "bench"), at=AT).accepted()
        entries = [(f"TPD-{code}", "9999999999.00", "CRDT") for code in codes[1:]]
        assert not import_statement(bank_file(*entries), at=AT)["unmatched"]
    # As the owner: what is issued has no close behind it here.
    default, owner = connections["default"], connections["owner"]
    connections["default"] = owner
    try:
        with transaction.atomic():
            tonnes = arguments.posted * MOST_T // 4
            lot = new_lot(tonnes)
            given(organisation(Organisation.objects.get(code="seller").pk), lot, tonnes)
    finally:
        connections["default"] = default
    return codes[0], lot, codes[1:]


def entered(arguments: argparse.Namespace, seller: str, lot: str, buyers: list[str]) -> tuple[int, float]:
    from django.db import transaction

    from tanpuhui.market.auction import AuctionOrder, BidOrder, bid, open_auction
    from tanpuhui.registry.models import Lot

    place, dice = rules(), random.Random(2)
    order = AuctionOrder(
        "open", seller, lot, Lot.objects.get(pk=lot).tonnes, "60.00", "CNY", AT + timedelta(hours=1)
    )
    with transaction.atomic():
        number = open_auction(order, place, at=AT).accepted()["auction"]
    started = time.perf_counter()
    for n in range(arguments.posted):
        price = f"{dice.randrange(RESERVE_MINOR, TOP_MINOR, 100) // 100}.00"
        wanted = BidOrder(f"bid {n}", number, dice.choice(buyers), dice.randint(1, MOST_T), price, "CNY")
        with transaction.atomic():
            bid(wanted, place, at=AT).accepted()
    return number, time.perf_counter() - started


if __name__ == "__main__":
    main()
