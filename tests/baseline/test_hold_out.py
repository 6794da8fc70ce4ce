"""Hold-out: drawn before, sealed, and shown to be the one that was promised."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tanpuhui.baseline.hold_out import draw, verify
from tanpuhui.baseline.refusals import HomesRepeated, NotSealed, TooFewControls
from tanpuhui.cli.main import status_of

SEED = "5e" * 32
HOMES = [f"home-{number:03}" for number in range(101)]


def test_the_homes_with_the_lowest_digests_of_seed_and_home_are_held_out() -> None:
    """Worked out apart: 20 % of 101, rounded up, is 21."""
    expected = sorted(HOMES, key=lambda home: hashlib.sha256((SEED + "\n" + home).encode()).hexdigest())[:21]

    assert draw(HOMES, percent=20, seed=SEED).held == tuple(sorted(expected))


def test_the_order_of_the_list_does_not_matter_and_the_seed_does() -> None:
    assert draw(HOMES[::-1], percent=20, seed=SEED) == draw(HOMES, percent=20, seed=SEED)
    assert draw(HOMES, percent=20, seed="5f" * 32).held != draw(HOMES, percent=20, seed=SEED).held


def test_over_many_seeds_each_home_is_held_out_as_often_as_another() -> None:
    """20 % of 400 draws is 80, standard deviation 8: none of 100 homes is 4.5 away."""
    counts = dict.fromkeys(HOMES[:100], 0)
    for number in range(400):
        for home in draw(HOMES[:100], percent=20, seed=f"{number:064x}").held:
            counts[home] += 1

    assert sum(counts.values()) == 8000
    assert all(abs(count - 80) < 36 for count in counts.values())


def test_a_true_seal_stands() -> None:
    drawn = draw(HOMES, percent=20, seed=SEED)
    free = [home for home in HOMES if home not in drawn.held]

    assert verify(drawn.as_json(), HOMES, commitment=drawn.commitment, joined=free).stands


def test_every_way_of_cheating_is_seen() -> None:
    drawn = draw(HOMES, percent=20, seed=SEED)
    other = draw(HOMES, percent=20, seed="00" * 32)
    swapped = {**drawn.as_json(), "held": sorted({*HOMES} - {*drawn.held})[:21]}

    assert not verify(other.as_json(), HOMES, commitment=drawn.commitment).commitment_met
    assert not verify(drawn.as_json(), HOMES[1:], commitment=drawn.commitment).same_homes
    assert not verify(swapped, HOMES, commitment=drawn.commitment).same_draw
    one = drawn.held[0]
    assert verify(drawn.as_json(), HOMES, commitment=drawn.commitment, joined=[one]).recruited == (one,)
    fewer = draw(HOMES, percent=10, seed=SEED)
    assert not verify(fewer.as_json(), HOMES, commitment=drawn.commitment).commitment_met


def test_lists_that_cannot_be_drawn_from_are_refused() -> None:
    with pytest.raises(HomesRepeated):
        draw([*HOMES, HOMES[0]], percent=20, seed=SEED)
    with pytest.raises(TooFewControls):
        draw(HOMES[:20], percent=20, seed=SEED)
    for seal in ({}, [], {"seed": "1", "homes": "x", "held": []}):
        with pytest.raises(NotSealed):
            verify(seal, HOMES, commitment="sha256:0")  # type: ignore[arg-type]


def answered(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any]:
    status = status_of(["baseline", "hold-out", *[str(argument) for argument in arguments], "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_draw_is_sealed_once_and_verified_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes, sealed, joined = tmp_path / "homes.txt", tmp_path / "sealed.json", tmp_path / "joined.txt"
    homes.write_text("\n".join(HOMES) + "\n")
    status, drawn = answered(capsys, "draw", homes, "--percent", "20", "--sealed", sealed)
    assert (status, drawn["held"]) == (0, 21)
    assert sealed.stat().st_mode & 0o777 == 0o600
    joined.write_text(json.loads(sealed.read_text())["held"][3])

    asked = ("verify", homes, "--sealed", sealed, "--commitment", drawn["commitment"])
    assert answered(capsys, *asked)[0] == 0
    status, found = answered(capsys, *asked, "--joined", joined)
    assert (status, found["recruited"], found["stands"]) == (3, [joined.read_text()], False)
    status, again = answered(capsys, "draw", homes, "--percent", "20", "--sealed", sealed)
    assert (status, again["refused"]["code"]) == (2, "baseline.seal_exists")
    status, none = answered(capsys, "draw", homes, "--percent", "0", "--sealed", tmp_path / "other.json")
    assert (status, none["refused"]["code"]) == (2, "baseline.percent")
    nowhere = tmp_path / "no" / "sealed.json"
    status, unwritten = answered(capsys, "draw", homes, "--percent", "20", "--sealed", nowhere)
    assert (status, unwritten["refused"]["code"]) == (2, "baseline.file_unwritable")
    status, broken = answered(capsys, "verify", homes, "--sealed", homes, "--commitment", "sha256:0")
    assert (status, broken["refused"]["code"]) == (2, "baseline.not_sealed")
