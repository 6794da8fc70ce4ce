"""What merchants keep of redemptions is looked at for washing; the numbers are of redemptions and name nobody."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from close.conftest import library, town  # noqa: F401
from close.town import DAY as CLOSED
from close.town import Town, metro
from points.book import AT, DAY, captured, new_key, new_offer, new_organisation, new_sponsor, with_points
from tanpuhui.cli.integrity_look import look
from tanpuhui.points.redeemed import redeemed
from tanpuhui.points.refund import RefundOrder, refund

pytestmark = pytest.mark.django_db


def test_what_was_captured_counts_less_what_went_back_on_its_day() -> None:
    """Three points at 2.00 are 600 fen; of the second one point of three goes back."""
    sponsor = new_sponsor(value_minor=200)
    merchant = new_organisation()
    offer = new_offer(sponsor, merchant)
    person = with_points(sponsor, 9)
    first, second = captured(offer, person), captured(offer, person)
    refund(RefundOrder(new_key(), second.pk, merchant.code, 1, "cold"), day=DAY, at=AT).accepted()

    table = redeemed([DAY])

    assert table is not None
    assert table.to_pylist() == [
        {"record_id": first.pk, "account_id": person, "merchant": merchant.pk, "amount_fen": 600},
        {"record_id": second.pk, "account_id": person, "merchant": merchant.pk, "amount_fen": 400},
    ]
    assert redeemed([DAY - timedelta(days=1)]) is None


def test_a_merchant_that_lives_on_one_person_is_found_and_no_act_is_counted_for_it(
    town: Town,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight redemptions of one person are more than half of what the merchant took; another merchant has two people."""
    town.settle("a")
    town.take(metro("m1", "a", 9_000))
    town.close()
    monkeypatch.setattr("tanpuhui.cli.places.places", lambda: town.places)
    monkeypatch.setattr("points.book.DAY", CLOSED)
    sponsor = new_sponsor()
    washing, honest = new_offer(sponsor), new_offer(sponsor)
    heavy, other = with_points(sponsor, 30), with_points(sponsor, 30)
    washed = sorted(captured(washing, heavy).pk for _ in range(8))
    for person in (heavy, other):
        captured(honest, person)
    captured(washing, other)

    status = look(CLOSED.isoformat(), days=1, as_json=True)

    said = json.loads(capsys.readouterr().out)
    (row,) = [one for one in said["patterns"] if one["pattern"] == "fraud.merchant_wash@1"]
    assert (status, row["looked_at"], row["records"], row["credited_mg"]) == (3, True, washed, 0)
