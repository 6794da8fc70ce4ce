"""Refusals of the notary."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NoShare(Refusal):
    code = "notary.no_share"
    message = (
        "Account {account} was given no share of lot {lot}. Look at its statement for the lots that it has."
    )


class MonthTooYoung(Refusal):
    code = "ledger.month_too_young"
    message = (
        "The month {month} may go to its file from {goes_on} on, {older_than} months after its end. "
        "Wait until then, or say another number of months with --older-than: {least} or more."
    )


class TooFewMonths(Refusal):
    code = "ledger.too_few_months"
    message = (
        "A month goes to its file {least} months after its end at the soonest, and {given} was asked for. "
        "Ask for {least} or more."
    )


class MonthIsDetached(Refusal):
    code = "ledger.month_is_detached"
    message = "The month {month} is in its file already. 'tanpuhui ledger months' lists all that are."


class NoSuchMonth(Refusal):
    code = "ledger.no_such_month"
    message = (
        "Nothing was posted by closes in {month}. 'tanpuhui ledger months' lists the months that there are."
    )


class EarlierMonthFirst(Refusal):
    code = "ledger.earlier_month_first"
    message = "The month {first} is before {month} and in the table still. Detach {first} first."


class MonthNotSealed(Refusal):
    code = "ledger.month_not_sealed"
    message = (
        "Of the month {month} {count} transactions have legs that the log has not sealed; the first is {tx_id}. "
        "Run 'tanpuhui log integrate', then repeat the command."
    )
