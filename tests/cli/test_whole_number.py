"""Whole numbers on the command line are taken as they are written, or refused; none is rounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tanpuhui.cli.main import status_of

RUN = ("integrity", "run", "--homes", "100", "--json", "--seeds")


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("written", ["2.5", "3.9", "0x10", "1_000", "1e3", "２", ""])
def test_what_is_no_whole_number_is_refused(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([*RUN, written]) == 2

    refused = said(capsys)["refused"]
    assert (refused["code"], "seeds" in refused["message"].lower()) == ("cli.usage", True)


@pytest.mark.parametrize("written", ["2", "+2", "02"])
def test_digits_are_taken(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Two cities are too few for every promise to hold (3).
    assert status_of([*RUN, written]) in (0, 3)

    assert "refused" not in said(capsys)


def test_a_scheme_that_fails_is_refused_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of([*RUN, "2", "--scheme", "os:getcwd"]) == 2

    assert said(capsys)["refused"]["code"] == "baseline.scheme_fails"
