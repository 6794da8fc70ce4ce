"""Totals over the network: signed, once for a key, of the caller's own kinds alone."""

from __future__ import annotations

import pytest

from api.caller import client
from tanpuhui.client import Problem, SigningKey
from tanpuhui.evidence.models import Total

pytestmark = pytest.mark.django_db

SAID = {"day": "2026-03-02", "kind": "bike_trip", "records": 12}


def test_a_provider_declares_its_own_totals_and_the_newest_counts(key: SigningKey) -> None:
    with client(key) as platform:
        answers = [platform.declare_totals([SAID]), platform.declare_totals([SAID | {"records": 13}])]

    assert answers == [{"totals": 1, "new": 1}, {"totals": 1, "new": 1}]
    kept = Total.objects.order_by("id").values_list("provider", "source", "records", "declared_by")
    assert list(kept) == [("generic", "generic", count, key.key_id) for count in (12, 13)]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([SAID, SAID], "api.request_invalid"),
        ([SAID | {"kind": "spaceship"}], "evidence.bad_totals"),
        ([SAID | {"records": -1}], "api.request_invalid"),
    ],
)
def test_totals_that_make_no_sense_change_nothing(
    key: SigningKey, rows: list[dict[str, str | int]], code: str
) -> None:
    with client(key) as platform, pytest.raises(Problem) as refused:
        platform.declare_totals(rows)

    assert refused.value.as_json()["code"] == code
    assert not Total.objects.exists()
