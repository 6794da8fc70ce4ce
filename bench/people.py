"""Residents' pages with 1,000,000 accounts: the 99th percentile of home at 50 requests a second, and balances a second.

Run: .venv/bin/python bench/people.py [--accounts 1000000] [--days 10] [--visitors 200] [--seconds 20]
A new embedded cluster in a temporary folder; half of the accounts are credited on each day, by three methodologies.
The server has two workers and wrk runs on the same machine (Debian: apt-get install wrk). What is measured is whole
requests: a page with its session, its summary and its chart's table, rendered in Chinese.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

WORKERS = 2
METHODOLOGIES = ["shenzhen/metro@1", "shenzhen/electric-bus@1", "national/shared-bike@1"]
#: Connections that ask, are answered, wait and ask again, so many that together they ask this often at least.
PACED, PAUSE_MS = 56, 1_000
#: Connections that ask as fast as they are answered.
HURRIED = 32


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    arguments = parse()
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    try:
        from tanpuhui.project import embedded
        from tanpuhui.project.database import prepare

        prepare()
        fill(arguments.accounts, arguments.days)
        visitors = make_visitors(arguments.visitors)
        measure_all(visitors, arguments.seconds)
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--visitors", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=20)
    return parser.parse_args()


def fill(accounts: int, days: int) -> None:
    """Open the accounts, and credit half of them on each day: the even ones, then the odd ones."""
    import numpy as np
    from django.db import connection, transaction

    from tanpuhui.consent.open_account import open_accounts
    from tanpuhui.kit.moment import utc_now
    from tanpuhui.ledger.account import Kind
    from tanpuhui.ledger.asset import get_or_create_asset
    from tanpuhui.ledger.legs import Legs
    from tanpuhui.ledger.post_batch import post_batch

    now = utc_now()
    started = time.perf_counter()
    with transaction.atomic():
        numbers = np.array(open_accounts(accounts, at=now), np.int64)
    assets = [get_or_create_asset(connection, f"pending:{key}:{now.year}").id for key in METHODOLOGIES]
    for ago in range(days, 0, -1):
        owner = np.repeat(numbers[ago % 2 :: 2], len(assets))
        place = np.arange(owner.size, dtype=np.int64)
        day = (now - timedelta(days=ago * 3)).date()
        legs = Legs(
            account_id=owner * 16 + Kind.RESIDENT_PENDING,
            asset_id=np.array(assets, np.int64)[place % len(assets)],
            amount=np.random.default_rng(ago).integers(1_000, 5_000_000, owner.size),
            ref=place,
            code=place % len(assets) + 1,
        )
        with transaction.atomic():
            post_batch(
                connection,
                key=f"close:{day}",
                manifest="sha256:bench",
                reason="close",
                effective_on=day,
                legs=legs,
                at=now,
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    seconds = time.perf_counter() - started
    print(f"{accounts:,} accounts, {days * owner.size:,} credits on {days} days, made in {seconds:.0f} s")


def make_visitors(count: int) -> list[tuple[str, str]]:
    """Users of accounts all over the range: a session and a token of each."""
    from django.conf import settings
    from django.test import Client

    from tanpuhui.access.hold import hold
    from tanpuhui.access.models import User
    from tanpuhui.access.token import issue
    from tanpuhui.consent.models import Resident
    from tanpuhui.kit.moment import utc_now

    logging.disable(logging.INFO)
    now = utc_now()
    last = Resident.objects.order_by("-id").values_list("id", flat=True)[0]
    made = []
    for number in range(count):
        user = User.objects.create_user(None)
        hold(user, 1 + number * (last - 1) // count, at=now)
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        session = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        token, _ = issue(user, scope="resident:balance", days=1, at=now, label="bench")
        made.append((session, f"Bearer {token}"))
    return made


def measure_all(visitors: list[tuple[str, str]], seconds: int) -> None:
    from tanpuhui.cli.server import free_port

    port = free_port("127.0.0.1")
    home, balance = (f"http://127.0.0.1:{port}{path}" for path in ("/resident/", "/api/v1/resident/balance"))
    with serving(port):
        wait_for(balance, {"Authorization": visitors[0][1]})
        cookies, tokens = zip(*visitors, strict=True)
        alone(home, cookies)
        paced = write_script("Cookie", cookies, pause_ms=PAUSE_MS)
        hurried = write_script("Authorization", tokens)
        for name, length in (("warm-up", 5), ("home at 50 a second", seconds)):
            print(f"{name}: {measure(home, paced, length, PACED)}")
        for name, length in (("warm-up", 3), ("balances", seconds)):
            print(f"{name}: {measure(balance, hurried, length, HURRIED)}")


@contextmanager
def serving(port: int) -> Iterator[None]:
    program = Path(sys.executable).with_name("tanpuhui")
    command = [str(program), "serve", "--port", str(port), "--workers", str(WORKERS)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str, headers: dict[str, str]) -> None:
    """Until the server answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            print(fetch(address, headers).decode())
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return
    sys.exit("the server did not answer")


def fetch(address: str, headers: dict[str, str]) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(address, headers={"Host": "localhost", **headers})
    with opener.open(request, timeout=10) as answer:
        return bytes(answer.read())


def alone(address: str, cookies: tuple[str, ...]) -> None:
    """One visitor after another, and a look at what is there: a home with its numbers, not a page to sign in."""
    times = []
    for cookie in cookies[:200]:
        started = time.perf_counter()
        page = fetch(address, {"Cookie": cookie}).decode()
        times.append((time.perf_counter() - started) * 1000)
        assert "地铁" in page, "not a home with its numbers"
    print(f"home, one after another: median {statistics.median(times):.0f} ms, at most {max(times):.0f} ms")


def write_script(header: str, values: tuple[str, ...], pause_ms: int = 0) -> Path:
    """A script for wrk: each request as another visitor; with a pause, a connection waits that long on average."""
    script = Path(tempfile.mkdtemp()) / "requests.lua"
    listed = ", ".join(f'"{value}"' for value in values)
    wait = f"delay = function() return math.random(0, {2 * pause_ms}) end" if pause_ms else ""
    script.write_text(
        f"local values, at = {{{listed}}}, 0\n"
        "request = function()\n"
        "  at = at % #values + 1\n"
        f'  return wrk.format("GET", nil, {{["{header}"] = values[at], ["Host"] = "localhost"}})\n'
        f"end\n{wait}\n"
    )
    return script


def measure(address: str, script: Path, seconds: int, connections: int) -> str:
    """What wrk says: requests a second, the median and the 99th percentile, and what was not answered with 2xx."""
    wanted = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), address]
    said = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout
    rate: Any = re.search(r"Requests/sec:\s+([\d.]+)", said)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    assert rate is not None, said
    spread = " ".join(f"{name} {value}" for name, value in re.findall(r"(50%|99%)\s+(\S+)", said))
    return f"{float(rate[1]):,.0f} a second, {spread}, {wrong[1] if wrong else 0} refused"


if __name__ == "__main__":
    main()
