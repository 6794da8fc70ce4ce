"""Kills inside the verbs that are worth something: before each statement, before a commit and after it.

The command runs in a process of its own that kills itself; then it is run again, as whoever sent it would. Whatever was
done until then is either all there or not at all, the answer is the same, and the books add up.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from market.exchange import auctioned, bids, has, member, seller
from market.exchange import findings as market_findings
from money.bank import bank_file, money_has
from offsetting.filings import sound
from points.book import KG, new_organisation, new_resident, new_sponsor, points_of
from points.book import findings as points_findings
from pooling.pond import findings, joined, lot_of, money_of, new_company, new_pool, opened, people, sold
from registry.units_town import given, new_lot
from tanpuhui.access.organise import organise
from tanpuhui.cli import main
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import organisation
from tanpuhui.money.deposit import deposit_reference
from tanpuhui.money.models import BankLine
from tanpuhui.offsetting.models import Certificate, Replacement
from tanpuhui.points import code
from tanpuhui.points.budget import funding_reference
from tanpuhui.points.callback import Reach, deliver, set_callback
from tanpuhui.points.models import Closing, Delivery, Funding, Outbox, Payment, Redemption
from tanpuhui.points.settle import SettleOrder, settle
from tanpuhui.points.sponsor import liability
from tanpuhui.registry.annul import annul
from tanpuhui.registry.models import Block
from web.second_book import bank, captured_now, earn, lets_see, loan, offer_now

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.usefixtures("fresh_home"),
]
#: Statements of a command at most; one that has more has changed, and this test with it.
MOST = 400
#: The status of a refusal.
REFUSED = 2
YEAR = ("--company", "acme", "--jurisdiction", "guangdong", "--year", "2022")


@pytest.fixture(autouse=True)
def the_database_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "start_database", lambda: None)


@pytest.fixture()
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command here; what it printed as JSON."""

    def command(*words: object, status: int = 0) -> Any:
        capfd.readouterr()
        assert main.status_of([*map(str, words), "--json"]) == status
        return json.loads(capfd.readouterr().out)

    return command


def killed(step: int, work: Callable[[], int], *, ends: tuple[int, ...] = (0,)) -> bool:
    """Do the work in a process that is killed at a step: before a statement, before a commit or after it.

    False where it came to its end before that, with one of the statuses that may be.
    """
    connections.close_all()
    child = os.fork()
    if child == 0:
        _count_down(step)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        status = 99
        try:
            status = work()
        finally:
            sys.stdout.flush()
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (*ends, -signal.SIGKILL), f"step {step} ended with {status}"
    return status == -signal.SIGKILL


def _count_down(step: int) -> None:
    steps = count(1)

    def tick() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(execute: Any, *given: Any) -> Any:
        tick()
        return execute(*given)

    commit = BaseDatabaseWrapper._commit

    def committing(self: Any) -> None:
        tick()
        commit(self)
        tick()

    BaseDatabaseWrapper._commit = committing  # type: ignore[method-assign]
    connection.execute_wrappers.append(statement)


def killed_everywhere(*words: object, ends: tuple[int, ...] = (0,)) -> int:
    """Kill a command at each of its steps in turn, until it comes to its end; answers how many kills that were."""
    given = [*map(str, words), "--json"]
    for step in range(1, MOST):
        if not killed(step, lambda: int(main.status_of(given)), ends=ends):
            return step - 1
    raise AssertionError(f"{given} has more than {MOST} steps")


def test_a_redemption_is_held_once_and_captured_once(run: Callable[..., Any]) -> None:
    sponsor, cafe = new_sponsor(), new_organisation("merchant", "cafe")
    account = new_resident()
    earn(account, sponsor, 10)
    coffee = offer_now(sponsor, cafe, stock=5, per_person=2, per_person_day=2)
    hold = ("redeem", "hold", coffee.code, "--account", account, "--key", "h")

    assert killed_everywhere(*hold) >= 5
    held = Redemption.objects.get()
    take = ("redeem", "capture", code.sign(held, coffee), "--merchant", "cafe", "--key", "c")
    assert killed_everywhere(*take) >= 5

    assert (run(*hold)["redemption"], run(*take)["state"]) == (held.pk, "captured")
    assert (Closing.objects.get().points, points_of(account, sponsor)) == (3, (7, 0))
    assert points_findings() == []


def test_a_budget_is_funded_once(run: Callable[..., Any]) -> None:
    sponsor = new_sponsor(None)
    fund = ("points", "fund", sponsor.code, "100.00", "--reference", "B-1", "--key", "f")

    assert killed_everywhere(*fund) >= 5

    assert run(*fund)["amount_minor"] == 10_000
    assert (Funding.objects.count(), liability(sponsor, at=utc_now()).budget_minor) == (1, 10_000)
    assert points_findings() == []


def test_a_sale_of_a_pool_is_paid_out_once(run: Callable[..., Any]) -> None:
    with transaction.atomic():
        pool = new_pool()
        a, b = (joined(pool, account) for account in people(2))
        sale = sold(opened(pool, lot_of({a: 2 * TONNE_MG, b: TONNE_MG}), 3), new_company("acme"), 3)
    pay = ("pool", "pay-out", sale.pk, "--key", "p")

    assert killed_everywhere(*pay) >= 5

    assert run(*pay)["paid_out"]["money_minor"] == 18_000
    # 3 t at 60.00: two thirds and one third of 180.00.
    assert (money_of(a), money_of(b)) == (12_000, 6_000)
    assert findings() == []


def test_an_auction_is_cleared_once(run: Callable[..., Any]) -> None:
    with transaction.atomic():
        _, lot = seller(10)
        first, second = member("first", "1000.00"), member("second", "1000.00")
        number = auctioned("seller", lot, 10)
        bids(number, "first", 6, "80.00")
        bids(number, "second", 6, "70.00")
    clear = ("market", "clear", number, "--key", "c")

    assert killed_everywhere(*clear) >= 5

    # 6 t are above 70.00, where 12 t are wanted: 4 t are left for the second, and all pay 70.00.
    assert (run(*clear)["price"], run(*clear)["sold_t"]) == ("70.00", 10)
    assert (has(first, lot)["held"], has(second, lot)["held"]) == (6, 4)
    assert (money_has(first), money_has(second)) == ((58_000, 0), (72_000, 0))
    assert market_findings() == []


def test_a_statement_of_a_bank_settles_pays_in_and_funds_once(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    sponsor, cafe = new_sponsor(), new_organisation("merchant", "cafe")
    account = new_resident()
    earn(account, sponsor, 10)
    captured_now(offer_now(sponsor, cafe), account, 2)
    settled = settle(SettleOrder("s", "cafe", sponsor.code), at=utc_now() + timedelta(seconds=1)).accepted()
    acme = new_company("acme")
    file = tmp_path / "bank.xml"
    file.write_bytes(
        bank_file(
            (settled["settlement"], "12.00", "DBIT"),
            (deposit_reference(acme), "100.00", "CRDT"),
            (funding_reference(sponsor), "50.00", "CRDT"),
        )
    )
    before = liability(sponsor, at=utc_now()).budget_minor

    assert killed_everywhere("money", "bank", file) >= 5

    assert len(run("money", "bank", file)["matched"]) == 3
    assert (BankLine.objects.count(), Payment.objects.count()) == (3, 1)
    assert (money_has(acme), liability(sponsor, at=utc_now()).budget_minor - before) == ((10_000, 0), 5_000)
    assert points_findings() == []


def test_what_is_reserved_is_surrendered_once_and_replaced_once(run: Callable[..., Any]) -> None:
    with transaction.atomic():
        company = organise("company", "acme", name_zh="甲", name_en="Acme", at=utc_now())
        wrong, right = (new_lot(12, jurisdiction="guangdong", status="official") for _ in range(2))
        for lot in (wrong, right):
            given(organisation(company.pk), lot, 12)
    run("offset", "declare", *YEAR, "--verified-emissions-t", 100, "--source", "report 1")
    reserve = ("offset", "reserve", *YEAR, "--amount-t", 10, "--key", "r")

    assert killed_everywhere(*reserve) >= 5
    number = run(*reserve)["reservation"]
    surrender = ("offset", "surrender", number, "--key", "s")
    assert killed_everywhere(*surrender) >= 5
    with transaction.atomic():
        annul(wrong, reason="wrong meter", at=utc_now())
    replace = ("offset", "replace", number, wrong, "--key", "x")
    assert killed_everywhere(*replace) >= 5

    assert (run(*surrender)["state"], Certificate.objects.count()) == ("surrendered", 1)
    assert run(*replace)["replacements"][0]["amount_mg"] == 10 * TONNE_MG
    assert Replacement.objects.count() == 1
    assert tonnes_of(right) == [10, 2]
    sound()


def tonnes_of(lot: str) -> list[int]:
    """The tonnes of a lot by hand and state, in the order of their numbers."""
    return [one.tonnes for one in Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first")]


@pytest.fixture()
def bank_server() -> Iterator[tuple[str, list[str]]]:
    """A bank that takes every message; answers its address and the numbers that it got."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(self.headers["Idempotency-Key"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_said: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_consent_that_ends_tells_the_bank_under_one_number(bank_server: tuple[str, list[str]]) -> None:
    url, got = bank_server
    own = bank()
    reach = Reach(plain_http=True, private=(ip_network("127.0.0.0/8"),))
    set_callback("bank", url, reach=reach, at=utc_now())
    account = new_resident(30 * KG)
    grant = lets_see(account, own)
    captured_now(loan(own), account)

    # Asked again, somebody is told that it is withdrawn already.
    assert killed_everywhere("grant", "withdraw", grant.pk, ends=(0, REFUSED)) >= 3
    message = Outbox.objects.get()
    steps = 0
    while killed(steps + 1, lambda: deliver(at=utc_now(), reach=reach) * 0):
        steps += 1

    assert steps >= 3
    assert set(got) == {f"outbox-{message.pk}"}
    assert (Delivery.objects.count(), deliver(at=utc_now(), reach=reach)) == (1, 0)
    assert points_findings() == []
