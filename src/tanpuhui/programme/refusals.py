"""Refusals of programmes: each with its code, the facts and the next step. None names a home."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class UnknownProgramme(Refusal):
    code = "programme.unknown"
    message = "There is no programme {code}. Known: {known}. Begin one with 'tanpuhui programme open'."


class ProgrammeKnown(Refusal):
    code = "programme.known"
    message = (
        "{code} is a programme or a provider already. A hold-out is drawn once; "
        "give another programme its own code."
    )


class HomesListedBefore(Refusal):
    code = "programme.homes_listed_before"
    message = (
        "{count} homes of this list are on the list of another programme. Their hold-out is drawn once: "
        "leave them out, or go on with that programme in a new window."
    )


class BadMonth(Refusal):
    code = "programme.bad_month"
    message = "{option} is {given!r}, which is not a month. Write it as 2025-03."


class BadRung(Refusal):
    code = "programme.bad_rung"
    message = (
        "{given!r} is not a rung that certifies. Choose L5 (random hold-out), L4 (weather-normalised), "
        "L3 (ratio to the hold-out) or L2 (short history)."
    )


class BadComparison(Refusal):
    code = "programme.bad_comparison"
    message = (
        "{given!r} is no comparison of {rung}. Choose all, stratified or matched; "
        "L5 compares with all homes held out."
    )


class BadLimit(Refusal):
    code = "programme.bad_limit"
    message = (
        "A limit of {percent} per cent and {energy_wh} Wh a month is none. "
        "Give 100 to 10000 per cent of a home's own baseline, up to {most_wh} Wh a month, or both."
    )


class BaselineNeeded(Refusal):
    code = "programme.baseline_needed"
    message = (
        "Rung {rung} with comparison {comparison}, or a limit, rests on baselines that nobody can choose afterwards. "
        "Give the readings of the baseline with --baseline."
    )


class ShortHistoryLate(Refusal):
    code = "programme.short_history_late"
    message = (
        "L2 is declared as a programme is opened, when nobody knows who will be held out, and {code} is open. "
        "Choose L3, L4 or L5: its homes have a year by now."
    )


class WindowAfterOpening(Refusal):
    code = "programme.window_after_opening"
    message = (
        "The hold-out of {code} is open: whoever knows which homes are held out could choose the rung or the baseline "
        "that credits more. Go on in its last window, from {starts_on} on {rung}, or open another programme."
    )


class BaselineEmpty(Refusal):
    code = "programme.baseline_empty"
    message = "{file} has no reading from {first} to {last}. Give the readings of the baseline's months."


class BaselineNotOver(Refusal):
    code = "programme.baseline_not_over"
    message = "{file} has readings of {month}, which is not over on {today}. Leave that month out, or come back later."


class BaselineMonthsMissing(Refusal):
    code = "programme.baseline_months_missing"
    message = (
        "Rung {rung} with comparison {comparison} needs the baseline's twelve months, and there is no reading of "
        "{months}. Give them, or begin the baseline earlier."
    )


class BaselineIncomplete(Refusal):
    code = "programme.baseline_incomplete"
    message = (
        "{missing} of {homes} homes ({group}) have no complete baseline in this file, and {percent} per cent may "
        "lack it. Ask the provider for the rest, choose a rung that needs less, "
        "or declare the window without a frozen baseline."
    )


class BaselineOtherwise(Refusal):
    code = "programme.baseline_otherwise"
    message = (
        "{count} readings of {months} are not those that were frozen with the window. "
        "Leave the months of the baseline out of the file, or bring them as they were."
    )


class ReadBefore(Refusal):
    code = "programme.read_before"
    message = (
        "{count} readings of {months} are not those that an earlier window or period of {code} holds. "
        "A month of a home has one reading: bring it as it was."
    )


class LimitBelowUse(Refusal):
    code = "programme.limit_below_use"
    message = (
        "{count} readings of the baseline are above {limit_wh} Wh a month, so that is no limit. "
        "Declare a higher one."
    )


class TemperatureNeeded(Refusal):
    code = "programme.temperature_needed"
    message = (
        "Months from {first} on are measured on L4, which normalises for weather. "
        "Give temperatures of the baseline's twelve months and of the period with --temperature."
    )


class TemperatureUnused(Refusal):
    code = "programme.temperature_unused"
    message = (
        "Months from {first} on are measured on {rung}, which needs no temperatures. Leave --temperature out."
    )


class TemperatureMissing(Refusal):
    code = "programme.temperature_missing"
    message = (
        "{file} has temperatures of {known} of the {days} days of {month}, and nine days in ten are needed. "
        "Add the others, with their offset from UTC or in the programme's zone."
    )


class TemperatureOtherwise(Refusal):
    code = "programme.temperature_otherwise"
    message = (
        "{file} has another temperature than an earlier period, or none, on {count} days, {day} the first of them. "
        "Give the same thermometer's: what a day was like does not change."
    )


class TitleMissing(Refusal):
    code = "programme.title_missing"
    message = "A programme is called something in Chinese and in English. Give both titles."


class BaselineTooLate(Refusal):
    code = "programme.baseline_too_late"
    message = (
        "The baseline's twelve months from {baseline} on are not over before the window begins on {starts_on}. "
        "Begin the baseline a year or more before the window."
    )


class WindowTooEarly(Refusal):
    code = "programme.window_too_early"
    message = (
        "A window is declared before it begins, and this one would begin on {starts_on}, declared on {today}. "
        "Let it begin with a later month: no rung and no baseline is chosen after the months are known."
    )


class WindowSettled(Refusal):
    code = "programme.window_settled"
    message = (
        "Months through {last} are settled, and a window from {starts_on} on would measure some of them "
        "again on another rung. Let it begin after {last}."
    )


class WindowDeclared(Refusal):
    code = "programme.window_declared"
    message = (
        "A window from {starts_on} on is declared already, with another rung, baseline, comparison or limit. "
        "It stays as it is: let the next one begin with a later month."
    )


class NoWindow(Refusal):
    code = "programme.no_window"
    message = "No window of {code} has begun by {first}. Declare one with 'tanpuhui programme window'."


class PeriodOutOfTurn(Refusal):
    code = "programme.period_out_of_turn"
    message = (
        "The next period of {code} begins on {expected}, and this one on {first}. "
        "Settle month after month: none is left out, whatever it shows."
    )


class PeriodTooLong(Refusal):
    code = "programme.period_too_long"
    message = (
        "From {first} to {last} is no period: it has 1 to 12 months of one year, and ends before the next window. "
        "Choose its last month accordingly."
    )


class PeriodNotOver(Refusal):
    code = "programme.period_not_over"
    message = "The period ends on {last}, and that day is not over in {zone}. Settle it from the next day on."


class SettledOtherwise(Refusal):
    code = "programme.settled_otherwise"
    message = (
        "The period from {first} on is settled with the frozen file {then}, and this one is {now}. "
        "A settlement stands; what was wrong is made good in the next period."
    )


class ReadingsUnreadable(Refusal):
    code = "programme.readings_unreadable"
    message = (
        "{file}, line {line}: {problem}. The first line is home,month,energy_wh; the others are a home, "
        "a month as 2025-03 and whole watt-hours. Each home has each month once."
    )


class HomeUnknown(Refusal):
    code = "programme.home_unknown"
    message = (
        "{count} homes of this file are not on the list that {code} began with. "
        "Leave them out: the list is fixed before the draw."
    )


class AccountsUnknown(Refusal):
    code = "programme.accounts_unknown"
    message = (
        "{count} accounts of this file do not exist, so no home of it was looked up. "
        "Open an account for each holder first, then join."
    )


class HeldOutJoins(Refusal):
    code = "programme.held_out_joins"
    message = (
        "{count} of these homes are held out and never join {code}. "
        "Leave them out, and see how they came to be asked."
    )


class TooManyMissing(Refusal):
    code = "programme.too_many_missing"
    message = (
        "{missing} of {homes} homes ({group}) have no complete readings of the period and its baseline, "
        "and {percent} per cent may lack them. Ask the provider for the rest, then settle."
    )


class StillSealed(Refusal):
    code = "programme.still_sealed"
    message = (
        "The hold-out of {code} stays sealed until a period of it is settled. "
        "Settle one, then open it for the verifier."
    )


class NotOpened(Refusal):
    code = "programme.not_opened"
    message = (
        "The hold-out of {code} is still sealed, so nobody could check who was compared with whom. "
        "Open it with 'tanpuhui programme unseal', have it verified, then certify."
    )


class SealTampered(Refusal):
    code = "programme.seal_tampered"
    message = (
        "The sealed hold-out of {code} cannot be opened with this installation's key. "
        "Restore keys/hold-outs or the table from a backup."
    )
