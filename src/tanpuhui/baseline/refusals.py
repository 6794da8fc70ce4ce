"""Refusals of this stage: what a caller must change before anything can be computed."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class FileUnreadable(Refusal):
    code = "baseline.file_unreadable"
    message = "{file} cannot be read: {problem}. Give a CSV file in UTF-8, plain or as .gz."


class FileUnwritable(Refusal):
    code = "baseline.file_unwritable"
    message = "{file} cannot be written: {problem}. Name a file in a folder that is there and yours."


class ColumnMissing(Refusal):
    code = "baseline.column_missing"
    message = "{file} has no column {column}; it has: {found}. Name the columns in its first line."


class BadDay(Refusal):
    code = "baseline.day"
    message = "{option}: {value} is no day. Write YYYY-MM-DD, or a time with its offset from UTC."


class PeriodBackwards(Refusal):
    code = "baseline.period"
    message = (
        "The reporting period would end at {report_to}, not after it begins at {report_from}. Exchange them."
    )


class UnknownZone(Refusal):
    code = "baseline.zone"
    message = "{zone} is no time zone. Write a name such as Asia/Shanghai."


class UnknownModel(Refusal):
    code = "baseline.model"
    message = "{model} is no model of this version. Choose one of {models}."


class TooFewControls(Refusal):
    code = "baseline.too_few_homes"
    message = "{found} homes are there and {least} are needed. Enlarge the group, or join strata."


class SharesDoNotSum(Refusal):
    code = "baseline.shares"
    message = "Shares sum to {total}. Let them be 0 or more and sum to 1, with walking and trips not made among them."


class TooFewCities(Refusal):
    code = "baseline.too_few_cities"
    message = "{found} cities are too few for an average and its error. Draw {least} or more (--seeds)."


class SchemeUnknown(Refusal):
    code = "baseline.scheme_unknown"
    message = (
        "{scheme} names no rule: {problem}. Write MODULE:FUNCTION of a module that Python finds (PYTHONPATH)."
    )


class SchemeAnswer(Refusal):
    code = "baseline.scheme_answer"
    message = (
        "The rule of {scheme} answered {type} of shape {shape} for {homes} homes. "
        "Let it answer one whole number of Wh, 0 or more, for each home that joined."
    )


class SchemeFails(Refusal):
    code = "baseline.scheme_fails"
    message = (
        "The rule of {scheme} failed: {problem}. Give a function that takes the readings of a city and answers whole "
        "numbers of Wh, one for each home that joined."
    )


class HomesRepeated(Refusal):
    code = "baseline.homes_repeated"
    message = "{count} homes are listed more than once, {first} among them. List each home once."


class NotSealed(Refusal):
    code = "baseline.not_sealed"
    message = (
        "This is no sealed hold-out: {problem}. Give the file that 'tanpuhui baseline hold-out draw' wrote."
    )


class SealExists(Refusal):
    code = "baseline.seal_exists"
    message = "{file} is there already. A draw is made once; name another file for another programme."


class BadPercent(Refusal):
    code = "baseline.percent"
    message = "{percent} per cent cannot be held out. Give a whole number from 1 to 90."
