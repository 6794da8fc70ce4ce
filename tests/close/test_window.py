"""Window: what rules against fraud see of closed days, and what the command says of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from close.town import DAY, Town, act, metro
from tanpuhui.access.models import AuditEntry
from tanpuhui.cli.integrity_look import BadWindow, look
from tanpuhui.close.refusals import DayNotClosed
from tanpuhui.close.window import acts_in


def test_a_window_has_the_acts_that_a_grant_allowed_and_no_others(town: Town) -> None:
    accounts = town.settle("a")
    town.take(metro("m1", "a", 9_000), metro("m2", "nobody", 9_000))
    town.close()

    acts = acts_in([DAY, DAY - timedelta(days=1)], town.places)

    assert acts["account_id"].to_pylist() == [accounts["a"]]
    assert acts["distance_m"].to_pylist() == [9_000]
    assert acts["day"].to_pylist() == [DAY.isoformat()]


def test_a_day_that_is_not_closed_is_refused(town: Town) -> None:
    with pytest.raises(DayNotClosed):
        acts_in([DAY], town.places)


def test_the_command_lists_a_ride_at_forty_kilometres_an_hour_without_a_name_and_is_audited(
    town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    town.settle("ab")
    town.take(
        act("bike_trip", "fast", "a", distance_m=20_000), act("bike_trip", "slow", "b", distance_m=6_000)
    )
    town.close()
    monkeypatch.setattr("tanpuhui.cli.places.places", lambda: town.places)

    status = look(DAY.isoformat(), as_json=True)

    said = json.loads(capsys.readouterr().out)
    patterns = {row["pattern"]: row for row in said["patterns"]}
    assert status == 3
    assert (said["acts"], patterns["fraud.speed@1"]["acts"], len(patterns["fraud.speed@1"]["records"])) == (
        2,
        1,
        1,
    )
    assert not patterns["fraud.feeder_ring@1"]["looked_at"]
    assert "fast" not in json.dumps(said)
    assert AuditEntry.objects.get(verb="look_for_fraud").facts["fraud.speed@1"] == 1


@pytest.mark.parametrize("days", [0, 32])
def test_a_window_of_no_days_or_of_more_than_a_month_is_refused(days: int) -> None:
    with pytest.raises(BadWindow):
        look(DAY.isoformat(), days=days)
