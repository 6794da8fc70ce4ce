"""``tanpuhui baseline fit``: what scripts rely on: JSON keys, exit status, refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baseline.home import hours, reads, write
from tanpuhui.cli.main import status_of

WINDOWS = ("--baseline-end", "2025-01-01", "--report-from", "2025-01-01", "--report-to", "2025-03-02")


def fitted(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any]:
    status = status_of(["baseline", "fit", *[str(argument) for argument in arguments], "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture()
def files(tmp_path: Path) -> tuple[str | Path, ...]:
    meter = write(tmp_path / "meter.csv", "start,value", reads())
    temperature = write(tmp_path / "temperature.csv", "dt,tempF", hours())
    return ("--meter", meter, "--temperature", temperature)


def test_a_sound_home_is_answered_with_the_keys_of_the_contract(
    files: tuple[str | Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = fitted(capsys, "--model", "caltrack-daily", *files, *WINDOWS)

    assert status == 0
    assert answer.keys() >= {"model", "coefficients", "fit", "savings", "band_90", "findings"}
    assert answer["model"] == {"method": "caltrack-daily", "type": "cdd_hdd"}
    assert answer["fit"]["periods"] == 365
    assert answer["findings"] == []


def test_insufficient_reads_exit_with_3_and_name_every_finding(
    tmp_path: Path, files: tuple[str | Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    short = write(tmp_path / "short.csv", "start,value", reads()[200:])
    status, answer = fitted(capsys, "--model", "caltrack-daily", *files[2:], "--meter", short, *WINDOWS)

    assert status == 3
    assert answer["savings"] is None
    assert [found["code"] for found in answer["findings"] if found["forbids"]] == ["baseline.too_short"]


def test_a_reporting_period_without_a_read_has_no_savings_beside_its_finding(
    files: tuple[str | Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    later = (*WINDOWS[:2], "--report-from", "2026-01-01", "--report-to", "2026-03-02")

    status, answer = fitted(capsys, "--model", "caltrack-daily", *files, *later)
    status_of(["baseline", "fit", "--model", "caltrack-daily", *map(str, files), *later])

    assert status == 3
    assert "baseline.report_empty" in [found["code"] for found in answer["findings"]]
    assert (answer["savings"], answer["expected"], answer["observed"]) == (None, None, None)
    assert "savings not defined" in capsys.readouterr().out


def test_wrong_options_are_refused_with_a_code(
    files: tuple[str | Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for model, windows, code in (
        ("guess", WINDOWS, "baseline.model"),
        ("caltrack-daily", ("--baseline-end", "soon", *WINDOWS[2:]), "baseline.day"),
        ("caltrack-daily", ("--baseline-end", "0001-01-01", *WINDOWS[2:]), "baseline.day"),
        ("caltrack-daily", (*WINDOWS[:4], "--report-to", "2024-12-01"), "baseline.period"),
        ("caltrack-daily", (*WINDOWS, "--zone", "Mars/Base"), "baseline.zone"),
    ):
        status, answer = fitted(capsys, "--model", model, *files, *windows)
        assert (status, answer["refused"]["code"]) == (2, code)


def test_the_published_case_comes_out_of_the_command(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """eemeter 2.10's case in one pair of files: its 60 reads of 1 in 2011 and its warming days before the sample's."""
    import gzip

    samples = shared_data / "opendsm_samples"
    name = "il-electricity-cdd-hdd"
    meter, weather = (
        gzip.decompress((samples / f"{name}-{part}.csv.gz").read_bytes()).decode().splitlines()[1:]
        for part in ("daily", "tempF")
    )
    first = datetime(2011, 1, 1, tzinfo=UTC)
    ones = [((first + timedelta(days=n)).isoformat(), "1") for n in range(60)]
    warming = [((first + timedelta(hours=n)).isoformat(), str(30 + n // 24)) for n in range(59 * 24 + 1)]
    files = (
        "--meter",
        write(tmp_path / "m.csv", "start,value", [*ones, *[line.split(",") for line in meter]]),
        "--temperature",
        write(tmp_path / "t.csv", "dt,tempF", [*warming, *[line.split(",") for line in weather]]),
    )
    windows = ("--baseline-end", "2016-12-26", "--report-from", "2011-01-01", "--report-to", "2011-03-01")

    status, answer = fitted(capsys, "--model", "caltrack-daily", *files, *windows)

    assert status == 0
    assert round(answer["savings"], 2) == 1571.28
    assert round(answer["band_90"], 2) == 601.52
    assert round(answer["bands_90"]["reporting_energy"], 2) == 94.22
    assert round(answer["fit"]["r_squared_adj"], 5) == 0.76847
