"""Refusals of this stage: what can be wrong with a methodology, or with what is asked of one."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class FileMissing(Refusal):
    code = "methodology.file_missing"
    message = (
        "{file} is missing. A methodology folder holds methodology.toml, README.md and examples.toml: add it."
    )


class TomlBroken(Refusal):
    code = "methodology.toml_broken"
    message = "{file} cannot be read: {problem}. Correct the file (UTF-8, TOML 1.0)."


class SchemaViolated(Refusal):
    code = "methodology.schema"
    message = "{where}: {problem}. Correct it as docs/reference/methodology-format.md says."


class FolderMismatch(Refusal):
    code = "methodology.folder_mismatch"
    message = "{where}: says {found}, but the folder says {expected}. Move the folder, or correct the key."


class NameTwice(Refusal):
    code = "methodology.name_twice"
    message = "{where}: the name {name} is used more than once. Give each its own name."


class NameReserved(Refusal):
    code = "methodology.name_reserved"
    message = "{where}: {name} is a word of the formula language. Choose another name."


class BadBounds(Refusal):
    code = "methodology.bounds"
    message = "{where}: {problem}. Let min <= max, with default and limits between them."


class BadDate(Refusal):
    code = "methodology.date"
    message = "{where}: {problem}. Write a day of the calendar as YYYY-MM-DD, the first not after the last."


class BadDecimal(Refusal):
    code = "methodology.decimal"
    message = '{where}: {value} is not a plain decimal. Write a string such as "46.7" (no exponent).'


class SurveyMode(Refusal):
    code = "methodology.survey_mode"
    message = "{where}: no mode is called {name}. Add it to [[modes]] with its factor, or use one of {known}."


class SurveyExcluded(Refusal):
    code = "methodology.survey_excluded"
    message = (
        "{where}: {name} emits. Only what emits nothing, such as walking, may leave the split: keep it there."
    )


class SurveyUnit(Refusal):
    code = "methodology.survey_unit"
    message = "{where}: a survey gives {expected}, the parameter is in {unit}. Give the parameter that unit."


class SurveyExceeded(Refusal):
    code = "methodology.survey_exceeded"
    message = (
        "{where}: the value {value} ({stated}) is more, or said to be better known, than {file} carries: "
        "at most {most}, {status}. Lower the value or its status, or correct the survey."
    )


class ValidityGap(Refusal):
    code = "methodology.validity_gap"
    message = "{where}: no value from {first} to {last}. Add a value, or shorten valid_from .. valid_to."


class ValidityOverlap(Refusal):
    code = "methodology.validity_overlap"
    message = (
        "{where}: more than one value from {first} on. End the earlier one on the day before the later one."
    )


class UnitUnknown(Refusal):
    code = "methodology.unit_unknown"
    message = "{where}: {problem} in the unit {unit!r}. docs/reference/methodology-format.md lists the units."


class UnitMismatch(Refusal):
    code = "methodology.units"
    message = "{where}: {problem}. Correct the formula or the unit."


class FormulaSyntax(Refusal):
    code = "methodology.formula_syntax"
    message = "{where}: {problem}, at character {column} of {formula!r}. Correct the formula."


class NameUnknown(Refusal):
    code = "methodology.name_unknown"
    message = "{where}: {name} (character {column}) is not known here. {hint}"


class StepOrder(Refusal):
    code = "methodology.step_order"
    message = (
        "{where}: {name} (character {column}) is worked out here or later: a circle, or the wrong order. "
        "Move the step {name} up, or take the circle out."
    )


class NotACondition(Refusal):
    code = "methodology.not_a_condition"
    message = "{where}: {formula!r} is a number, not a condition. Compare it with something."


class NotANumber(Refusal):
    code = "methodology.not_a_number"
    message = (
        "{where}: {formula!r} is a condition, not a number. Choose between numbers with if(condition, a, b)."
    )


class DivisionByZero(Refusal):
    code = "methodology.division_by_zero"
    message = (
        "{where}: {divisor} can be 0 (it lies between {low} and {high} from {day} on). "
        "Guard it, if({divisor} > 0, ..., 0), or narrow the bounds of its fields."
    )


class ResultTooLarge(Refusal):
    code = "methodology.result_too_large"
    message = (
        "{where}: the result lies between {low} and {high} from {day} on, and must fit a 64-bit integer. "
        "Narrow the min and max of the fields."
    )


class NumberTooLarge(Refusal):
    code = "methodology.number_too_large"
    message = (
        "{where}: a whole number on the way may need more than 38 digits from {day} on ({problem}). "
        "Narrow the min and max of the fields, or give parameters fewer decimals."
    )


class FormulaTangled(Refusal):
    code = "methodology.formula_tangled"
    message = (
        "{where}: conditions are nested inside conditions too deeply to be followed. Split them into steps."
    )


class NotMonotone(Refusal):
    code = "methodology.cap_not_safe"
    message = (
        "{where}: when {field} grows the result is not proven never to fall, so clipping may raise it. "
        "Take the cap out, or write the formula so that its direction shows."
    )


class CapBook(Refusal):
    code = "methodology.cap_book"
    message = "{where}: a methodology of the book {book} is capped by {expected}. Rename the key."


class ExampleWrong(Refusal):
    code = "methodology.example_wrong"
    message = "{where}: expected {expected}, worked out {found}. Correct the example or the methodology."


class SealBroken(Refusal):
    code = "methodology.seal_broken"
    message = (
        "{folder} was changed after it was sealed: SEAL says {sealed}, its content has {found}. "
        "Restore the content, and make the change in a new folder {next_version}."
    )


class Unknown(Refusal):
    code = "methodology.unknown"
    message = "There is no methodology {wanted}. {hint} 'tanpuhui methodology list' shows all."


class NotInForce(Refusal):
    code = "methodology.not_in_force"
    message = "{methodology} is in force {periods}, not on {day}. Choose a day or a version that fits."


class ActivityUnknownField(Refusal):
    code = "methodology.activity_unknown_field"
    message = "{methodology} knows no field {field}. Leave it out; the fields are {fields}."


class ActivityMissingField(Refusal):
    code = "methodology.activity_missing_field"
    message = "{methodology} needs {field}, in {unit}. Add it to the activity."


class ActivityType(Refusal):
    code = "methodology.activity_type"
    message = "{field} is {value}, and must be {expected}. Correct the activity."


class ActivityOutOfRange(Refusal):
    code = "methodology.activity_out_of_range"
    message = "{field} is {value}; {methodology} accepts {accepted}. Correct the activity."


class ActivityUnreadable(Refusal):
    code = "methodology.activity_unreadable"
    message = (
        '{file}: {problem}. Give a JSON object such as {{"occurred_at": "2026-11-24T08:00:00+08:00", ...}}.'
    )


class OccurredAtMissing(Refusal):
    code = "methodology.occurred_at"
    message = "occurred_at is {found}. Give the moment the act ended, such as 2026-11-24T08:00:00+08:00."
