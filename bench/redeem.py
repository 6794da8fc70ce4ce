"""Redemptions: hold, commit, capture, commit, on 1,000,000 accounts, fsync on: redemptions a second.

Run: .venv/bin/python bench/redeem.py [--accounts 1000000] [--seconds 10] [--rounds 3] [--set NAME=VALUE ...]
A new embedded cluster in a temporary folder, as an installation has it. pgbench calls the two functions that the verbs
call, in prepared statements, on the same cores as the server: at 8 clients over 1,000 offers with stock, and at 20
clients on one offer whose stock and budget everybody takes from. Before each runs a yardstick for what the machine gave
then: a hold and a capture in the least schema that can do both (a balance, a hold under a unique key, two legs; no
rules, no offers, no stock). Then 1,000 transfers in one call, at one client and at two. At the end every invariant of
both books is checked, but for the one that says that each point was minted by a conversion: the bench gives everybody
their points at once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import least
import numpy as np
from machine import Tool, execute, in_turns, installation, median_ratio, ran_on, shown

AT = datetime.now(UTC)
OFFERS = 1_000
HOT_STOCK = 50_000_000
SCRIPT = """\\set account random(1, {accounts})
\\set offer random({first}, {last})
SELECT (points_hold(
    gen_random_uuid()::text, repeat('d', 64), :offer, :account, 1, NULL, NULL, current_date, now())).id \\gset
SELECT points_capture(gen_random_uuid()::text, repeat('d', 64), :id, {merchant}, 1, current_date, now());
"""
#: Transfers of one call, from a thousand accounts to a thousand others; clients have thousands of their own.
TRANSFERS = 1_000
MANY = """\\set first random(1, {last})
SELECT count(*) FROM (
    SELECT array_agg(gen_random_uuid()::text) AS keys, array_agg(repeat('d', 64)) AS digests,
           array_agg((:first + n) * 16::bigint + 8) AS sources,
           array_agg((:first + 1000 + n) * 16::bigint + 8) AS targets,
           array_agg({asset}) AS assets, array_agg(1::bigint) AS amounts, array_agg(0::bigint) AS refs,
           array_agg(0::smallint) AS codes
    FROM generate_series(1, 1000) AS n) o,
LATERAL ledger_transfer_many(o.keys, o.digests, 'points.give', current_date, now(), o.sources, o.targets, o.assets,
                             o.amounts, o.refs, o.codes) answer WHERE answer.state = 'posted';
"""


def main() -> None:
    arguments = parse()
    with installation(arguments.set) as home:
        run(arguments, home)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def run(arguments: argparse.Namespace, home: Path) -> None:
    from django.db import connections

    from tanpuhui.project.database import url

    # Nobody converted or bought what everybody is given at once: that one judge looks away meanwhile.
    execute("ALTER TABLE ledger_counter_total DISABLE TRIGGER points_judge_minted")
    merchant, many, hot = make(arguments.accounts)
    execute("ALTER TABLE ledger_counter_total ENABLE TRIGGER points_judge_minted")
    with connections["owner"].cursor() as cursor:
        assert shown("fsync") == "on"
        cursor.execute("SELECT points_asset FROM points_sponsor")
        (asset,) = cursor.fetchone()
    execute(*least.filled(arguments.accounts, 1_000_000), "VACUUM ANALYZE")
    tool = Tool(url(), home)
    yardstick = tool.script("yardstick", least.HOLD.format(accounts=arguments.accounts))
    figures: dict[str, Any] = {"accounts": arguments.accounts, **ran_on()}
    for name, clients, (first, last) in (("many_offers", 8, many), ("one_hot_offer", 20, (hot, hot))):
        script = tool.script(
            name, SCRIPT.format(accounts=arguments.accounts, first=first, last=last, merchant=merchant)
        )
        pairs = in_turns(
            arguments.rounds,
            lambda clients=clients: tool.rate(clients, arguments.seconds, yardstick),
            lambda clients=clients, script=script: tool.rate(clients, arguments.seconds, script),
        )
        base = statistics.median(pair[0] for pair in pairs)
        redeemed = statistics.median(pair[1] for pair in pairs)
        figures[name] = {
            "clients": clients,
            "redemptions_per_s": round(redeemed),
            "rounds": [round(pair[1]) for pair in pairs],
            "commits_per_s": round(2 * redeemed),
            "yardstick_per_s": round(base),
            "ratio": round(median_ratio(pairs), 2),
        }
    script = tool.script("transfers", MANY.format(last=arguments.accounts - 2 * TRANSFERS, asset=asset))
    for clients in (1, 2):
        rates = [TRANSFERS * tool.rate(clients, arguments.seconds, script) for _ in range(arguments.rounds)]
        figures[f"transfers_in_calls_of_1000_at_{clients}"] = {
            "transfers_per_s": round(statistics.median(rates)),
            "rounds": [round(rate) for rate in rates],
        }
    figures["load_average_after"] = os.getloadavg()[0]
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    figures["findings"] = check()
    print(json.dumps(figures, indent=2))


def make(accounts: int) -> tuple[int, tuple[int, int], int]:
    """A sponsor, everybody with points, a thousand offers and a hot one; answers the merchant and the offers."""
    from django.db import connection, transaction

    from tanpuhui.access.models import Organisation
    from tanpuhui.ledger.account import Kind
    from tanpuhui.ledger.legs import Legs
    from tanpuhui.ledger.post_batch import post_batch
    from tanpuhui.ledger.transfer import TransferOrder, move, transfer
    from tanpuhui.points.sponsor import (
        FundOrder,
        budget_account,
        fund,
        liability_account,
        open_sponsor,
        reserve_account,
    )

    each = 100_000
    with transaction.atomic():
        made = {
            kind: Organisation.objects.create(kind=kind, code=kind, name_zh=kind, name_en=kind, made_at=AT)
            for kind in ("operator", "merchant")
        }
        sponsor = open_sponsor("operator", currency="CNY", point_value_minor=1, at=AT)
        whole = accounts * each
        fund(FundOrder("bench", "operator", f"{whole // 100 + 1}.00", "CNY", "bench"), at=AT).accepted()
        residents = np.arange(1, accounts + 1, dtype=np.int64)
        nothing = np.zeros(accounts, np.int64)
        post_batch(
            connection,
            key="bench",
            manifest=None,
            reason="bench",
            effective_on=AT.date(),
            legs=Legs(
                residents * 16 + int(Kind.RESIDENT_POINTS),
                nothing + sponsor.points_asset,
                nothing + each,
                nothing,
                nothing,
            ),
            counter=liability_account(sponsor.pk),
            at=AT,
        )
        legs = move(
            source=budget_account(sponsor.pk),
            target=reserve_account(sponsor.pk),
            asset_id=sponsor.money_asset,
            amount=whole,
        )
        transfer(connection, TransferOrder("bench-money", "bench", AT.date(), legs), at=AT).accepted()
        offers = [_offer(f"offer-{number}", stock=10_000_000) for number in range(OFFERS)]
        hot = _offer("hot", stock=HOT_STOCK, budget_points=HOT_STOCK, per_person=10_000)
    return made["merchant"].pk, (offers[0], offers[-1]), hot


def _offer(code: str, **limits: int) -> int:
    from tanpuhui.points.offer import OfferOrder, publish

    order = OfferOrder(
        code=code,
        kind="discount",
        organisation="merchant",
        sponsor="operator",
        title_zh=code,
        title_en=code,
        text_zh=code,
        text_en=code,
        price_points=1,
        starts_at=AT - timedelta(days=1),
        ends_at=AT + timedelta(days=30),
        **limits,
    )
    return int(publish(order, at=AT).pk)


def check() -> list[str]:
    from django.db import connection

    from tanpuhui.ledger.invariants import check as check_ledger
    from tanpuhui.points.invariants import check as check_points

    found = [*check_ledger(connection), *check_points(connection)]
    return [str(one) for one in found if one.invariant != "minted_is_converted"]


if __name__ == "__main__":
    main()
