"""Days as commands take them."""

from __future__ import annotations

from datetime import date

from tanpuhui.kit.refusal import Refusal


class BadDay(Refusal):
    code = "cli.bad_day"
    message = "{option} is {given!r}, which is not a day. Write it as 2018-09-01."


def read_day(text: str) -> date:
    """A day as YYYY-MM-DD alone; a ``ValueError`` for weeks of ISO 8601 and whatever else Python takes."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(text)
    return day


def parse_day(text: str, option: str) -> date:
    """A day as YYYY-MM-DD; anything else is refused with the option that it was given for."""
    try:
        return read_day(text)
    except ValueError as error:
        raise BadDay(option=option, given=text) from error
