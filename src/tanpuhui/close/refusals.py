"""Refusals of the close: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class DayNotOver(Refusal):
    code = "close.day_not_over"
    message = "{day} is not over in {zone}. Close it after midnight there."


class DayOutOfRange(Refusal):
    code = "close.day_out_of_range"
    message = "{day} is before 2000 or after 2100: no record is taken for it. Name another day."


class DayCertified(Refusal):
    code = "close.day_certified"
    message = (
        "{day} is certified in lot {lot} and is not closed again. "
        "Corrections to a certified day are made in the registry, against the lot."
    )


class KeepsChanging(Refusal):
    code = "close.keeps_changing"
    message = (
        "Grants or evidence of {day} changed {attempts} times while it was being closed; nothing was posted. "
        "Close it again in a quieter minute."
    )


class ManifestUnknown(Refusal):
    code = "close.manifest_unknown"
    message = "No close has the manifest {digest}. 'tanpuhui close list' shows those there are."


class RuleChanged(Refusal):
    code = "close.rule_changed"
    message = (
        "{what} is not what the manifest names ({now} instead of {then}). Restore that version to replay it."
    )


class UnknownEngine(Refusal):
    code = "close.unknown_engine"
    message = "There is no engine {name!r}. Choose one of: {known}."
