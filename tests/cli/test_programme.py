"""``tanpuhui programme``: from a list of homes to a lot, by commands alone; refusals with their exit status."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from programme.village import CODE, HOMES, MARCH, MAY, OPENED_AT, SETTLED_AT, USED_WH, Village
from tanpuhui.cli import programme
from tanpuhui.cli.main import app
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.programme.month import months_between
from tanpuhui.programme.refusals import HeldOutJoins, TemperatureNeeded
from tanpuhui.quantify.jurisdiction import load_jurisdiction

SPRING = list(months_between(MARCH, MAY))


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


@pytest.fixture()
def village(db: None, fresh_home: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> Village:
    """Nothing is begun yet; the lake is where commands look for it."""
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    return Village(fresh_home, library, load_jurisdiction("demo"))


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, at: datetime, *given: str
) -> tuple[int, Any]:
    monkeypatch.setattr(programme, "utc_now", lambda: at)
    status = app(["programme", *given, "--json"], exit_on_error=False, print_error=False)
    return status, json.loads(capsys.readouterr().out)


def test_a_programme_goes_from_a_list_to_a_verified_period(
    village: Village, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homes, joined = tmp_path / "homes.txt", tmp_path / "joined.csv"
    homes.write_text("\n".join(HOMES), encoding="utf-8")
    opening = ["--homes", str(homes), "--percent", "30", "--baseline-from", "2024-03", "--starts", "2025-03"]
    titles = ["--title-zh", "村里节电", "--title-en", "The village saves", "--pia", "PIA-1"]

    status, made = run(capsys, monkeypatch, OPENED_AT, "open", CODE, *opening, *titles)
    [account] = open_accounts(1, at=OPENED_AT)
    joined.write_text(f"home,account\n{village.held[0]},{account}\n", encoding="utf-8")
    with pytest.raises(HeldOutJoins):
        app(["programme", "join", CODE, str(joined)], exit_on_error=False, print_error=False)
    joined.write_text(f"home,account\n{village.asked[0]},{account}\n", encoding="utf-8")
    _, count = run(capsys, monkeypatch, OPENED_AT, "join", CODE, str(joined))
    path = village.readings(dict.fromkeys(village.asked, 2_400_000))
    months = ["--first", "2025-03", "--last", "2025-05"]
    _, settled = run(capsys, monkeypatch, SETTLED_AT, "settle", CODE, "--readings", str(path), *months)
    _, opened = run(capsys, monkeypatch, SETTLED_AT, "unseal", CODE)
    verified, found = run(capsys, monkeypatch, SETTLED_AT, "verify", CODE)
    _, shown = run(capsys, monkeypatch, SETTLED_AT, "show", CODE)
    app(["programme", "show", CODE], exit_on_error=False, print_error=False)
    printed = capsys.readouterr().out

    assert "756 kg" in printed
    assert "…" not in printed, "a number is cut"
    assert (status, verified) == (0, 0)
    assert (made["homes"], made["held_out"], count["joined"]) == (40, 12, 1)
    # one home joined and saved 3 x 600 kWh, of 28 x 1.8 MWh in all: 1.8 MWh x 0.42 kg/kWh
    assert (settled["bound_wh"], settled["shared_mg"]) == (50_400_000, 756_000_000)
    assert opened["commitment"] == made["commitment"] == shown["commitment"]
    assert found["stands"] is True
    assert shown["refused_joins"] == 1
    assert [one["first"] for one in shown["periods"]] == ["2025-03-01"]


def test_a_window_is_declared_with_its_frozen_baseline_comparison_and_limit(
    village: Village, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homes = tmp_path / "homes.txt"
    homes.write_text("\n".join(HOMES), encoding="utf-8")
    year = list(months_between(date(2024, 2, 1), date(2025, 1, 1)))
    path = village.write((home, month, USED_WH) for home in HOMES for month in year)
    titles = ["--title-zh", "村里节电", "--title-en", "The village saves", "--pia", "PIA-1"]
    opening = ["--homes", str(homes), "--percent", "30", "--baseline-from", "2024-02", "--starts", "2025-03"]
    declared = ["--baseline", str(path), "--limit-percent", "300", "--limit-wh", "4000000"]

    _, made = run(capsys, monkeypatch, OPENED_AT, "open", CODE, *opening, *titles, *declared)
    later = ["--starts", "2026-03", "--baseline-from", "2024-02", "--rung", "L4", "--comparison", "matched"]
    _, window = run(capsys, monkeypatch, SETTLED_AT, "window", CODE, *later, "--baseline", str(path))
    village.settle(village.write((home, month, USED_WH) for home in HOMES for month in SPRING))
    run(capsys, monkeypatch, SETTLED_AT, "unseal", CODE)
    app(["programme", "show", CODE], exit_on_error=False, print_error=False)
    shown = capsys.readouterr().out

    assert (made["windows"][0]["limit_percent"], made["windows"][0]["limit_wh"]) == (300, 4_000_000)
    assert (window["rung"], window["comparison"]) == ("L4", "matched")
    assert window["baseline"] == made["windows"][0]["baseline"]
    assert "a home uses at most 300 % of the own baseline or 4,000,000 Wh a month" in shown
    assert "on L4, compared with matched" in shown
    assert f"unsealed at {SETTLED_AT.astimezone(UTC).isoformat()}" in shown


def test_a_window_that_normalises_for_weather_is_settled_with_temperatures_and_verified(
    village: Village, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Homes that never vary have no model: they are compared by their same months, 28 x 1.8 MWh saved."""
    homes, degrees = tmp_path / "homes.txt", tmp_path / "degrees.csv"
    homes.write_text("\n".join(HOMES), encoding="utf-8")
    days = [date(2024, 2, 1) + timedelta(days=number) for number in range(486)]
    degrees.write_text("\n".join(["dt,tempC", *(f"{day}T00:00:00,15" for day in days)]), encoding="utf-8")
    year = list(months_between(date(2024, 2, 1), date(2025, 1, 1)))
    before = village.write((home, month, USED_WH) for home in HOMES for month in year)
    titles = ["--title-zh", "村里节电", "--title-en", "The village saves", "--pia", "PIA-1", "--rung", "L4"]
    opening = ["--homes", str(homes), "--percent", "30", "--baseline-from", "2024-02", "--starts", "2025-03"]
    run(capsys, monkeypatch, OPENED_AT, "open", CODE, *opening, *titles, "--baseline", str(before))
    asked = set(village.asked)
    path = village.write(
        (home, month, USED_WH - 600_000 * (home in asked)) for home in HOMES for month in SPRING
    )
    months = ["settle", CODE, "--readings", str(path), "--first", "2025-03", "--last", "2025-05"]

    with pytest.raises(TemperatureNeeded):
        run(capsys, monkeypatch, SETTLED_AT, *months)
    _, settled = run(capsys, monkeypatch, SETTLED_AT, *months, "--temperature", str(degrees))
    run(capsys, monkeypatch, SETTLED_AT, "unseal", CODE)
    verified, found = run(capsys, monkeypatch, SETTLED_AT, "verify", CODE)

    assert (settled["saved_wh"], settled["modelled"]) == (50_400_000, 0)
    assert settled["temperature"].startswith("sha256:")
    assert (verified, found["stands"]) == (0, True)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["show", "nothing"], "programme.unknown"),
        (
            ["settle", CODE, "--readings", "x.csv", "--first", "2025-3", "--last", "2025-05"],
            "programme.bad_month",
        ),
        (["join", CODE, "missing.csv"], "programme.homes_unreadable"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused(village: Village, given: list[str], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        app(["programme", *given], exit_on_error=False, print_error=False)

    assert refused.value.code == code
