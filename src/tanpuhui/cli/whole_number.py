"""Whole number: what a command takes for one. Digits alone: the parser's own way would round 2.5 to 2, unsaid."""

from __future__ import annotations

import re
from typing import Any

import cyclopts._convert

_WRITTEN = re.compile(r"[+-]?[0-9]+")


def whole_number(text: str) -> int:
    """The number that is written with decimal digits, and nothing else.

    >>> whole_number("-7")
    -7
    >>> whole_number("2.5")
    Traceback (most recent call last):
    ValueError: '2.5' is no whole number
    """
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def take_whole_numbers_as_written() -> None:
    """Have every command of this process take them so. cyclopts has no way of its own to say it for all of them."""
    converters: dict[Any, Any] = cyclopts._convert._converters
    assert int in converters, "the parser keeps how it reads whole numbers where it did"
    converters[int] = whole_number
