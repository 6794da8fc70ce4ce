"""Progress of long commands: a line on a terminal, plain lines elsewhere, and never a word on standard output."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import tanpuhui
from tanpuhui.cli import progress
from tanpuhui.cli.progress import CHINESE, IN_BYTES, Watching, sentence

SOURCE = Path(tanpuhui.__file__).parent
CITIES = "4"
COMMAND = (
    sys.executable,
    "-c",
    "from tanpuhui.project.command import run; run()",
    *("integrity", "run", "--seeds", CITIES, "--homes", "100"),
)


def run(*more: str, terminal: bool, language: str = "C") -> tuple[str, str]:
    """Standard output, and the error stream: of a pseudo-terminal, or of a pipe."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {"PATH": "/usr/bin:/bin", "LANG": language, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, stderr=theirs, env=environment) as done:
        os.close(theirs)
        said = b""
        # The end of a pseudo-terminal is an error.
        try:
            while piece := os.read(ours, 65_536):
                said += piece
        except OSError:
            assert terminal
        os.close(ours)
        assert done.stdout is not None
        out = done.stdout.read().decode()
    assert done.returncode in (0, 3), said
    return out, said.decode()


def test_on_a_terminal_there_is_one_line_that_goes_away_and_the_json_is_whole() -> None:
    out, said = run("--json", terminal=True)

    assert json.loads(out)["settings"]["seeds"] == int(CITIES)
    assert f"/{CITIES} (" in said
    assert "Issuing in cities" in said
    # One line: drawn again in its place, never a new one below it, and erased at the end.
    assert said.count("\n") <= 2
    assert "\x1b[2K" in said


def test_without_a_terminal_what_is_short_says_nothing_and_with_json_what_is_long_neither(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Watching().told() as report:
        report("Closing", 0, 2)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    with Watching().told(as_json=True) as report:
        report("Closing", 1, 2)

    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_beside_json_where_it_is_asked_for_and_in_the_machines_language() -> None:
    out, said = run("--json", "--progress", terminal=False, language="zh_CN.UTF-8")

    assert json.loads(out)["settings"]["seeds"] == int(CITIES)
    assert said.splitlines()[0] == f"在各模拟城市中签发 0/{CITIES}（0%）"


def test_quiet_silences_a_terminal_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "errors", Console(stderr=True, force_terminal=True, width=100))

    with Watching(quiet=True).told() as report:
        report("Closing", 1, 2)
    quiet = capsys.readouterr()
    with Watching().told() as report:
        report("Closing", 1, 2)
    shown = capsys.readouterr()

    assert quiet == ("", "")
    assert "1/2 (50%)" in shown.err
    assert shown.out == ""


def test_plain_lines_are_ten_seconds_apart_and_the_estimate_is_of_the_stage_alone() -> None:
    now, said = [0.0], list[str]()
    report = progress._Plain(said.append, "en", lambda: now[0], at_once=False)

    for at, doing, done, whole in (
        (0.0, "Freezing inputs", 0, 0),
        (4.0, "Computing buckets", 0, 60),
        (9.9, "Computing buckets", 20, 60),
        (10.0, "Computing buckets", 30, 60),
        (19.9, "Computing buckets", 50, 60),
        (24.0, "Computing buckets", 50, 60),
    ):
        now[0] = at
        report(doing, done, whole)

    # 30 in 6 s leave 6 s for as many; 50 in 20 s leave 4 s for 10.
    assert said == [
        "Computing buckets 30/60 (50%), 5.0/s, 0:06 left",
        "Computing buckets 50/60 (83%), 2.5/s, 0:04 left",
    ]


@pytest.mark.parametrize(
    ("done", "whole", "seconds", "expected"),
    [
        (0, 10, 60.0, "Closing 0/10 (0%)"),
        (1, 10, 0.5, "Closing 1/10 (10%)"),
        (10, 10, 5.0, "Closing 10/10 (100%), 2.0/s"),
        (12, 10, 6.0, "Closing 12/10 (100%), 2.0/s"),
        (1, 3, 7200.0, "Closing 1/3 (33%), 0.000/s, 4:00:00 left"),
        (0, 0, 60.0, "Closing"),
        (5, 0, 10.0, "Closing 5, 0.5/s"),
    ],
)
def test_no_time_is_promised_where_nothing_is_known(
    done: int, whole: int, seconds: float, expected: str
) -> None:
    assert sentence("Closing", done, whole, seconds=seconds, language="en") == expected


def test_bytes_are_said_as_such_in_both_languages() -> None:
    given = {"done": 250_000_000, "whole": 1_000_000_000, "seconds": 25.0}

    english = sentence("Reading the file", given["done"], given["whole"], seconds=25.0, language="en")
    chinese = sentence("Reading the file", given["done"], given["whole"], seconds=25.0, language="zh")

    assert english == "Reading the file 250.0 MB/1.0 GB (25%), 10.0 MB/s, 1:15 left"
    assert chinese == "读取文件 250.0 MB/1.0 GB（25%），每秒 10.0 MB，预计还需 1:15"


def test_with_both_switches_it_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Watching(progress=True, quiet=True).told() as report:
        report("Closing", 1, 2)

    assert capsys.readouterr() == ("", "")


def test_everything_that_is_told_has_words_in_chinese_and_nothing_else_has() -> None:
    # Steps of the demonstration of federation are printed, not told.
    paths = [path for path in SOURCE.rglob("*.py") if not path.name.startswith("demo_step")]
    told = {word for path in paths for word in _told_in(path.read_text())}

    parts = {part for word in told for part in word.split(": ") if part}
    assert parts - set(CHINESE) == set()
    assert set(CHINESE) - parts == set()
    assert set(IN_BYTES) <= set(CHINESE)
    assert all(any(letter > "\u4e00" for letter in words) for words in CHINESE.values())


def _told_in(text: str) -> list[str]:
    """The sentences that are given to whoever watches: of ``report(...)``, ``told(...)``, ``Count(...)``, and steps."""
    places = {"report": 0, "report_to": 0, "_report": 0, "told": 2, "Count": 1, "begin": 0, "step": 1}
    found: list[str] = []
    if not any(f"{name}(" in text for name in places):
        return found
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        place = places.get(name)
        if place is None or len(call.args) <= place:
            continue
        word = call.args[place]
        while isinstance(word, ast.BinOp):
            word = word.left
        if isinstance(word, ast.JoinedStr):
            word = word.values[0]
        if isinstance(word, ast.Constant) and isinstance(word.value, str):
            found.append(word.value.rstrip(":. "))
    return found
