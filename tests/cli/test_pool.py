"""``tanpuhui pool``: a pool from its opening to the last fen, from a terminal; what it prints names no resident."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from money.bank import pay_in
from pooling.pond import AT, findings, lot_of, money_of, new_company, people
from tanpuhui.access.organise import organise
from tanpuhui.cli import main
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.pooling.join import Wish, join
from tanpuhui.pooling.pool import get_pool
from tanpuhui.pooling.withdraw import WithdrawOrder, say_payee, withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture()
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on the tests' database; answers its exit status and what it printed as JSON."""
    monkeypatch.setattr(main, "start_database", lambda: None)

    def command(*given_words: object, as_json: bool = True) -> tuple[int, Any]:
        words = [*map(str, given_words), *(["--json"] if as_json else [])]
        status = main.status_of(words)
        printed = capsys.readouterr().out
        return status, json.loads(printed) if as_json else printed

    return command


def test_a_pool_from_its_opening_to_the_last_fen(run: Any, fresh_home: Path) -> None:
    organise("company", "city_pool", name_zh="减排量池", name_en="City pool", at=AT)
    buyer = new_company("acme")
    pay_in(buyer, "125.00")
    assert fresh_home.is_dir()

    assert run("pool", "open", "city_pool") == (0, run("pool", "list")[1][0])
    a, b = people(2)
    for account in (a, b):
        join(account, get_pool("city_pool"), Wish(6_000), at=AT, lang="zh", method="test")
    lot = lot_of({a: 3 * TONNE_MG, b: TONNE_MG})
    status, said = run("pool", "members", "city_pool")
    assert (status, said["residents"], said["lots"][0]["steps"][0]["available_mg"]) == (0, 2, 4 * TONNE_MG)
    opening = (
        "pool",
        "open-round",
        "city_pool",
        "--lot",
        lot,
        "--tonnes",
        3,
        "--key",
        "r1",
        "--price",
        "60.00",
    )
    status, made = run(*opening)
    assert (status, made["tonnes"], made["residents"], made["state"]) == (0, 3, 2, "open")
    assert run(*opening) == (0, made)
    assert run(*opening[:-1], "61.00")[0] == 2

    number = made["round"]
    selling = ("pool", "sell", number, "--to", "acme", "--tonnes", 2, "--price", "62.50", "--key", "s1")
    status, sale = run(*selling)
    assert (status, sale["amount"], sale["paid_out"]) == (0, "125.00", None)
    assert (
        run("pool", "sell", number, "--to", "acme", "--tonnes", 1, "--price", "59.99")[1]["refused"]["code"]
        == "pooling.not_for_less"
    )
    status, paid = run("pool", "pay-out", sale["sale"])
    assert (status, paid["paid_out"]["money_minor"]) == (0, 12_500)
    assert run("pool", "pay-out", sale["sale"]) == (0, paid)
    assert (
        run("pool", "pay-out", sale["sale"], "--key", "again")[1]["refused"]["code"]
        == "pooling.paid_out_before"
    )
    status, closed = run("pool", "close-round", number)
    assert (status, closed["state"], closed["back_t"], closed["sold_t"]) == (0, "closed", 1, 2)
    assert run("pool", "show", number) == (0, closed)
    assert run("pool", "settle", number) == (0, closed)
    assert run("pool", "rounds", "--pool", "city_pool") == (0, [closed])
    assert (money_of(a), money_of(b)) == (9_375, 3_125)
    assert findings() == []


def test_what_is_to_be_paid_to_residents_is_listed_by_token_and_not_by_account(run: Any) -> None:
    organise("company", "city_pool", name_zh="减排量池", name_en="City pool", at=AT)
    run("pool", "open", "city_pool")
    (account,) = people(1)
    join(account, get_pool("city_pool"), Wish(0), at=AT, lang="zh", method="test")
    lot = lot_of({account: TONNE_MG})
    pay_in(new_company("acme"), "60.00")
    number = run("pool", "open-round", "city_pool", "--lot", lot, "--tonnes", 1, "--price", "60")[1]["round"]
    sale = run("pool", "sell", number, "--to", "acme", "--tonnes", 1, "--price", "60")[1]["sale"]
    run("pool", "pay-out", sale)
    say_payee(account, "token-of-a-bank", at=AT)
    made = withdraw(WithdrawOrder("w", account, "60.00", "CNY"), at=AT)

    status, (row,) = run("pool", "withdrawals")

    assert (status, row["payee"], row["withdrawal"], row["amount"]) == (
        0,
        "token-of-a-bank",
        made.reference,
        "60.00",
    )
    assert set(row) == {"withdrawal", "payee", "amount", "currency", "asked_at"}


@pytest.mark.parametrize(
    "words",
    [
        ("pool", "list"),
        ("pool", "members", "city_pool"),
        ("pool", "rounds"),
        ("pool", "withdrawals"),
        ("pool", "open", "city_pool"),
    ],
)
def test_every_list_is_a_table_for_people_too(run: Any, words: tuple[str, ...]) -> None:
    organise("company", "city_pool", name_zh="减排量池", name_en="City pool", at=AT)
    run("pool", "open", "city_pool")

    status, printed = run(*words, as_json=False)

    assert status == 0
    assert printed.strip()
