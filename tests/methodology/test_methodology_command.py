"""``tanpuhui methodology``: what scripts rely on: JSON keys, exit status, refusals."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from methodology.authoring import write_folder
from tanpuhui.cli.main import status_of

ACTIVITY = {"occurred_at": "2024-06-01T08:00:00+08:00", "distance_m": 10_000}


@pytest.fixture()
def library(tmp_path: Path) -> Path:
    write_folder(tmp_path)
    return tmp_path / "methodologies"


def answered(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any]:
    """Exit status and JSON of a command."""
    status = status_of(["methodology", *[str(argument) for argument in arguments], "--json"])
    return status, json.loads(capsys.readouterr().out)


def explained(
    library: Path, capsys: pytest.CaptureFixture[str], activity: object, *more: str
) -> tuple[int, dict[str, Any]]:
    file = library.parent / "activity.json"
    file.write_text(activity if isinstance(activity, str) else json.dumps(activity), encoding="utf-8")
    return answered(capsys, "explain", "test/ride", "--activity", file, "--root", library, *more)


def test_explain_answers_with_the_keys_of_the_contract(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = explained(library, capsys, ACTIVITY)

    assert status == 0
    assert answer["avoided_mg"] == 467_000
    assert answer["version"] == 1
    assert answer["digest"].startswith("sha256:")
    assert {"name", "formula", "value", "unit"} <= set(answer["steps"][0])
    assert {"name", "value", "unit", "status", "source"} <= set(answer["factors"][0])
    assert answer["factors"][0]["value"] == "46.7"


def test_explain_reads_standard_input(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(ACTIVITY)))

    status, answer = answered(capsys, "explain", "test/ride", "--activity", "-", "--root", library)

    assert (status, answer["avoided_mg"]) == (0, 467_000)


@pytest.mark.parametrize(
    ("occurred_at", "avoided_mg"),
    [
        ("2024-12-31T23:59:59+08:00", 467_000),
        ("2024-12-31T16:00:00Z", 400_000),  # already 2025 in Shanghai
        ("2025-01-01T00:00:00", 400_000),  # without an offset it is local
        ("2024-12-31T23:59:59", 467_000),
    ],
)
def test_the_day_is_the_local_day(
    library: Path, capsys: pytest.CaptureFixture[str], occurred_at: str, avoided_mg: int
) -> None:
    assert explained(library, capsys, {**ACTIVITY, "occurred_at": occurred_at})[1]["avoided_mg"] == avoided_mg


@pytest.mark.parametrize(
    ("activity", "code"),
    [
        ("{", "activity_unreadable"),
        ("", "activity_unreadable"),
        ("[1]", "activity_unreadable"),
        ('{"distance_m": 1, "distance_m": 2}', "activity_unreadable"),
        ("[" * 100_000, "activity_unreadable"),
        ({"distance_m": 5}, "occurred_at"),
        ({"occurred_at": "yesterday", "distance_m": 5}, "occurred_at"),
        ({"occurred_at": 5, "distance_m": 5}, "occurred_at"),
        ({"occurred_at": "2024-06-01", "distance_m": 5}, "occurred_at"),
        ({"occurred_at": "0014-06-01T08:00:00", "distance_m": 5}, "not_in_force"),
        ({"occurred_at": "0001-01-01T00:00:00", "distance_m": 5}, "not_in_force"),
        ({"occurred_at": "2026-06-01T08:00:00", "distance_m": 5}, "not_in_force"),
        ({**ACTIVITY, "distance_m": 5.5}, "activity_type"),
        ({**ACTIVITY, "distance_m": -5}, "activity_out_of_range"),
        ({**ACTIVITY, "speed": 3}, "activity_unknown_field"),
        ({"occurred_at": ACTIVITY["occurred_at"]}, "activity_missing_field"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_status_2(
    library: Path, capsys: pytest.CaptureFixture[str], activity: object, code: str
) -> None:
    status, answer = explained(library, capsys, activity)

    assert status == 2
    assert answer["refused"]["code"] == f"methodology.{code}"


def test_a_missing_file_and_a_missing_methodology_are_refused(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_file = answered(capsys, "explain", "test/ride", "--activity", library / "none.json", "--root", library)
    no_code = explained(library, capsys, ACTIVITY, "--version", "7")

    assert (no_file[0], no_file[1]["refused"]["code"]) == (2, "methodology.activity_unreadable")
    assert (no_code[0], no_code[1]["refused"]["code"]) == (2, "methodology.unknown")


def test_check_lists_every_refusal_and_gives_2(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(capsys, "check", "--root", library) == (0, {"methodologies": 1, "refusals": []})
    write_folder(tmp_path, ('value = "46.7"', 'value = "?"'), readme="")

    status, answer = answered(capsys, "check", "test/ride", "--root", library)

    assert status == 2
    assert [refusal["code"] for refusal in answer["refusals"]] == [
        "methodology.decimal",
        "methodology.file_missing",
    ]
    assert answered(capsys, "check", "test/walk", "--root", library)[0] == 2


def test_list_and_show_describe_the_methodology(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = answered(capsys, "list", "--root", library)
    _, shown = answered(capsys, "show", "test/ride", "--root", library)

    assert [(row["code"], row["version"], row["status"]) for row in rows] == [
        ("test/ride", 1, "illustrative")
    ]
    assert shown["steps"][0]["latex"] == r"\mathrm{distance\_m} \cdot \mathrm{factor}"
    assert [factor["value"] for factor in shown["factors"]] == ["46.7", "40"]
    assert shown["readme"] == "# Rides\n"


def test_seal_then_change_is_refused(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, sealed = answered(capsys, "seal", "test/ride", "--root", library)
    (library / "test/ride/v1/README.md").write_text("changed")

    assert status == 0
    assert sealed["digest"].startswith("sha256:")
    refused = answered(capsys, "show", "test/ride", "--root", library)
    assert (refused[0], refused[1]["refused"]["code"]) == (2, "methodology.seal_broken")


def test_stale_gives_3_when_a_parameter_in_force_is_past_its_review(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_the_day = answered(capsys, "stale", "--on", "2024-12-01", "--root", library)
    after = answered(capsys, "stale", "--on", "2024-12-02", "--root", library)

    assert on_the_day == (0, {"on": "2024-12-01", "stale": []})
    assert after[0] == 3
    assert [(finding["parameter"], finding["review_by"]) for finding in after[1]["stale"]] == [
        ("factor", "2024-12-01")
    ]
    assert answered(capsys, "stale", "--on", "soon", "--root", library)[0] == 2


@pytest.mark.parametrize("command", ["check", "list", "show", "explain", "stale", "seal"])
def test_every_command_prints_for_people_too(
    library: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (library.parent / "activity.json").write_text(json.dumps(ACTIVITY))
    arguments = {
        "show": ["test/ride"],
        "seal": ["test/ride"],
        "explain": ["test/ride", "--activity", str(library.parent / "activity.json")],
        "stale": ["--on", "2024-02-01"],
    }

    assert status_of(["methodology", command, *arguments.get(command, []), "--root", str(library)]) == 0
    assert capsys.readouterr().out.strip()
