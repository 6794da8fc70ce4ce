"""Adapters: one file for each format that providers really use."""

from __future__ import annotations

from tanpuhui.evidence.adapters import ev_sessions, generic, meter_halfhourly, payments, szt, waste_weighings
from tanpuhui.evidence.format import Format
from tanpuhui.kit.refusal import Refusal


class UnknownFormat(Refusal):
    code = "evidence.unknown_format"
    message = "There is no format {format}. The formats are: {formats}."


FORMATS: dict[str, Format] = {
    adapter.FORMAT.name: adapter.FORMAT
    for adapter in (ev_sessions, generic, meter_halfhourly, payments, szt, waste_weighings)
}


def format_called(name: str) -> Format:
    """The adapter of a format; refuses an unknown one."""
    if name not in FORMATS:
        raise UnknownFormat(format=name, formats=", ".join(sorted(FORMATS)))
    return FORMATS[name]
