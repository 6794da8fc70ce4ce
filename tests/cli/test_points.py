"""``tanpuhui points``, ``offer`` and ``redeem``: the second book from a terminal, and what it says no to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from points.book import KG, findings, new_organisation, new_resident
from tanpuhui.cli import money, offer, points, redeem
from tanpuhui.kit.refusal import Refusal
from tanpuhui.points.models import StoredAnswer

pytestmark = pytest.mark.django_db
OFFER = """
code = "coffee"
kind = "discount"
organisation = "corner-cafe"
sponsor = "city"
title_zh = "咖啡"
title_en = "Coffee"
text_zh = "一杯"
text_en = "One"
price_points = 3
stock = 2
starts_at = 2020-01-01T00:00:00+08:00
ends_at = 2099-01-01T00:00:00+08:00
offline_s = 3600
offline_points = 3
"""


@pytest.fixture()
def city(fresh_home: Path, tmp_path: Path) -> int:
    """A sponsor, a merchant, an offer, and somebody with ten points; answers their account."""
    new_organisation("operator", "city")
    new_organisation("merchant", "corner-cafe")
    account = new_resident(10 * KG)
    points.sponsor("city", point_value="2.00", as_json=True)
    points.fund("city", "100.00", reference="B-1", key="fund", as_json=True)
    file = tmp_path / "coffee.toml"
    file.write_text(OFFER, encoding="utf-8")
    offer.publish(file, as_json=True)
    points.convert(account, sponsor="city", key="convert", as_json=True)
    return account


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def code_of(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.code


def test_from_a_budget_to_a_paid_merchant(
    city: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    redeem.hold("coffee", account=city, key="first", as_json=True)
    held = printed(capsys)
    redeem.key(as_json=True)
    key = tmp_path / "key.json"
    key.write_text(capsys.readouterr().out)
    redeem.verify(held["code"], key_file=key, merchant="corner-cafe", as_json=True)
    assert printed(capsys)["redemption"] == held["redemption"]

    redeem.capture(held["code"], merchant="corner-cafe", key="till-1", as_json=True)
    assert printed(capsys)["state"] == "captured"
    redeem.refund(held["redemption"], 1, merchant="corner-cafe", reason="cold", key="r", as_json=True)
    capsys.readouterr()
    points.settle("corner-cafe", sponsor="city", key="s", as_json=True)
    settled = printed(capsys)
    assert (settled["points"], settled["amount_minor"], settled["lines"]) == (2, 400, 2)
    file = tmp_path / "cafe.xml"
    assert points.statement(settled["settlement"], form="camt", into=file) == 0
    capsys.readouterr()

    assert money.bank(file, as_json=True) == 3
    shown = printed(capsys)
    assert (shown["matched"], [line["why"] for line in shown["unmatched"]]) == (
        [],
        ["unknown_reference", "unknown_reference"],
    )
    assert money.bank(as_json=True) == 3
    assert len(printed(capsys)) == 2
    points.liability("city", as_json=True)
    owed = printed(capsys)
    assert (owed["outstanding_points"], owed["reserve_minor"], owed["budget_minor"]) == (8, 1_600, 8_000)
    assert findings() == []
    assert points.statement(settled["settlement"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("2,4.00,CNY")


def test_what_is_refused_is_refused_again_and_changes_nothing(
    city: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            redeem.hold("coffee", account=city, quantity=4, key="too-many")
        assert code_of(refused) in ("points.stock_gone", "points.too_few")
        with pytest.raises(Refusal) as refused:
            points.fund("city", "1.234", reference="B-2", key="decimals")
        assert code_of(refused) == "money.too_many_decimals"
        with pytest.raises(Refusal) as refused:
            points.fund("city", "1.23", currency="XXX", reference="B-2", key="currency")
        assert code_of(refused) == "money.currency_unknown"
        with pytest.raises(Refusal) as refused:
            points.convert(city, sponsor="city", points=1, key="none-left")
        assert code_of(refused) == "points.nothing_to_convert"
        with pytest.raises(Refusal) as refused:
            points.give(city, city, 1, sponsor="city", key="give")
        assert code_of(refused) == "points.not_transferable"

    capsys.readouterr()
    points.liability("city", as_json=True)
    owed = printed(capsys)
    assert (owed["outstanding_points"], owed["budget_minor"]) == (10, 8_000)
    assert StoredAnswer.objects.filter(refusal__isnull=False).count() == 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("price_points = 3", 'price_points = "3"'), "price_points"),
        (("price_points = 3", "price_points = true"), "price_points"),
        (("stock = 2", "stocks = 2"), "stocks"),
        (("2099-01-01T00:00:00+08:00", "2099-01-01T00:00:00"), "zone"),
        (("kind = ", "kind "), "Expected"),
        (('title_en = "Coffee"\n', ""), "title_en"),
    ],
)
def test_a_file_that_is_no_offer_is_refused_with_what_is_wrong(
    city: int, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(OFFER.replace(*change), encoding="utf-8")

    with pytest.raises(Refusal, match=says) as refused:
        offer.publish(file)
    assert code_of(refused) == "points.bad_offer_file"


def test_offers_are_listed_shown_and_stopped(city: int, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    offer.list_(as_json=True)
    (shown,) = printed(capsys)
    assert (shown["code"], shown["left"]) == ("coffee", 2)

    offer.stop("coffee", reason="closed", as_json=True)
    capsys.readouterr()
    offer.list_(as_json=True)
    assert printed(capsys) == []
    offer.show_one("coffee", as_json=True)
    assert printed(capsys)["stopped"] is True


@pytest.mark.parametrize("quantity", [0, -1, 10**20])
def test_a_quantity_is_a_quantity(city: int, quantity: int) -> None:
    with pytest.raises(Refusal) as refused:
        redeem.hold("coffee", account=city, quantity=quantity)
    assert code_of(refused) == "points.bad_quantity"


def test_time_ends_what_was_held(city: int, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert points.expire(as_json=True) == 0
    assert printed(capsys) == {"redemptions": 0, "points": {"city": 0}}


def test_a_superscript_two_is_no_number_of_a_redemption(city: int) -> None:
    with pytest.raises(Refusal) as refused:
        redeem.capture("²", merchant="corner-cafe")

    assert code_of(refused) == "points.code_forged"


def test_a_refund_of_a_number_beyond_the_database_is_an_unknown_redemption(city: int) -> None:
    with pytest.raises(Refusal) as refused:
        redeem.refund(10**20, 1, merchant="corner-cafe", reason="Cold.")

    assert code_of(refused) == "points.unknown_redemption"
