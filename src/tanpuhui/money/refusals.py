"""What money says no to, and what to do then."""

from __future__ import annotations

from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.refusals import refusal_from as ledger_refusal


class KeyReused(Refusal):
    code = "money.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class CurrencyUnknown(Refusal):
    code = "money.currency_unknown"
    message = "{currency!r} is not a currency that is known here. Give one of: {known}."


class TooManyDecimals(Refusal):
    code = "money.too_many_decimals"
    message = (
        "{amount} {currency} has {decimals} decimals, and {currency} has {most}. Round it yourself, then "
        "give it."
    )


class BadAmount(Refusal):
    code = "money.bad_amount"
    message = "{amount!r} is not an amount. Give a plain decimal above zero, such as 12.50."


class BadBankFile(Refusal):
    code = "money.bad_bank_file"
    message = (
        "This is not a bank statement as ISO 20022 camt.053 has it: {problem}. Ask the bank for one, or mend "
        "the file."
    )


class UnknownOrganisation(Refusal):
    code = "money.unknown_organisation"
    message = "There is no organisation {organisation!r}. The console lists organisations."


class NotEnoughMoney(Refusal):
    code = "money.not_enough"
    message = (
        "{organisation} has {available} {currency} that is not held, and {wanted} were asked for. Ask for that "
        "much at most, or pay money in under {reference}."
    )


class UnknownWithdrawal(Refusal):
    code = "money.unknown_withdrawal"
    message = "There is no withdrawal {withdrawal!r}. 'tanpuhui money withdrawals' lists them."
    on_page = "There is no withdrawal {withdrawal!r}. Choose one from the list of withdrawals."


class WithdrawalEnded(Refusal):
    code = "money.withdrawal_ended"
    message = "The withdrawal {withdrawal} is {outcome} since {day}. Ask for a new one."


BY_CODE: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
}


def refusal_from(stored: dict[str, Any]) -> Refusal:
    """The refusal that was stored as ``{"code", "facts"}``, of money or of the ledger."""
    kind = BY_CODE.get(stored["code"])
    return kind(**stored["facts"]) if kind else ledger_refusal(stored)
