"""Refusals of the close: each with its code, the facts and the next step."""

from __future__ import annotations

from datetime import date

from tanpuhui.close.models import FrozenDay
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
        "{day} is certified in lot {lot} and is not closed again by the way. If evidence came since, close it with "
        "--reopen: what that adds waits for the next lot, and what it takes back comes off the next lot."
    )


class InputsOver(Refusal):
    code = "close.inputs_over"
    message = (
        "The close of {day} read records of {earlier}, which are kept no longer, so it is not computed again. "
        "Replay a day that is younger; what it credited is in the ledger and the log."
    )


def refuse_certified(day: date) -> None:
    """Refuse a day of which a lot has certified anything."""
    frozen = FrozenDay.objects.filter(day=day).order_by("id").first()
    if frozen is not None:
        raise DayCertified(day=day, lot=frozen.lot)


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


class NoDayClosed(Refusal):
    code = "close.no_day_closed"
    message = "No day from {first} to {last} was closed with {methodology}. Choose other days."


class DayNotClosed(Refusal):
    code = "close.day_not_closed"
    message = "{day} is not closed. Close it with 'tanpuhui close {day}', then look again."


class UnknownAct(Refusal):
    code = "close.unknown_act"
    message = "There is no act {record} among yours. Look at the list of your acts."
