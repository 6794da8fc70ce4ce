"""Statistics commands: what a month's release prints, and what is refused where OpenDP is not installed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import transaction

from tanpuhui.cli import main
from tanpuhui.methodology.load import load_library
from tanpuhui.registry.models import PrivateRelease
from tanpuhui.registry.statistics import publish_exact
from web.town import APRIL, closed_town

pytestmark = pytest.mark.django_db


def test_a_month_is_released_shown_and_charged(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "1")
    monkeypatch.setattr(main, "start_database", lambda: None)

    def run(*given: str) -> tuple[int, str]:
        return main.status_of(["statistics", *given]), capsys.readouterr().out

    closed = closed_town(fresh_home, load_library())

    status, text = run("show")
    assert status == 0
    assert "12 ± 2" in text
    assert "rooftop_pv_output" in text
    assert "below 5" in text
    assert "epsilon 20" in text
    _, as_json = run("publish", "2026-03", "--json")
    assert json.loads(as_json)["digest"] == closed.release.digest
    _, of_districts = run("districts", "2026-03")
    assert "Pudong" in of_districts
    _, left = run("budget", "2026", "--json")
    assert json.loads(left) == {"year": 2026, "spent": 20_500_000, "limit": 18_000_000, "left": 0}
    status, refused = run("show", "2026-02", "--json")
    said = json.loads(refused)["refused"]
    assert (status != 0, said["code"], said["facts"]) == (
        True,
        "registry.nothing_published",
        {"month": "2026-02"},
    )
    for verb in ("show", "districts"):
        for month in ("2026-13", "9999-12"):
            status, refused = run(verb, month, "--json")
            assert (status != 0, json.loads(refused)["refused"]["code"]) == (True, "registry.month_unknown")

    status, refused = run("publish", "2026-02", "--json")
    assert (status != 0, json.loads(refused)["refused"]["code"]) == (True, "registry.privacy_budget_spent")
    with transaction.atomic():
        publish_exact(
            "2026-01",
            at=APRIL,
            places=closed.town.places,
            jurisdiction=replace(closed.town.jurisdiction, private=None),
            library=closed.town.library,
        )
    _, exact = run("show", "2026-01")
    assert "No number rests on fewer than 10 persons" in exact
    assert "±" not in exact

    monkeypatch.setitem(__import__("sys").modules, "opendp.prelude", None)
    status, refused = run("publish", "2025-12", "--json")
    assert (status != 0, json.loads(refused)["refused"]["code"]) == (True, "registry.no_noise")
    assert PrivateRelease.objects.filter(year=2025).count() == 0
