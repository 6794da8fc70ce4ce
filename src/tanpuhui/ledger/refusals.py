"""What the ledger says no to, and what to do then. The database decides; these classes carry its answer."""

from __future__ import annotations

from typing import Any

from tanpuhui.kit.refusal import Refusal


class Insufficient(Refusal):
    code = "ledger.insufficient"
    message = (
        "Account {account_id} has {available} of {asset} available, and {wanted} is wanted. "
        "Ask for at most what is available, or release a hold."
    )


class KeyReused(Refusal):
    code = "ledger.key_reused"
    message = "The key {key} was used before for other content. Give new content a new key."


class UnknownTransaction(Refusal):
    code = "ledger.unknown_transaction"
    message = "There is no posted transaction {tx_id}. Name one that a statement lists."


class AlreadyReversed(Refusal):
    code = "ledger.already_reversed"
    message = "Transaction {tx_id} was reversed by {reversed_by}. Post a new transaction instead."


class ReversalOfReversal(Refusal):
    code = "ledger.reversal_of_reversal"
    message = "Transaction {tx_id} reverses {reverses}, and no reversal is reversed. Post a new transaction instead."


class ReversalOfDetached(Refusal):
    code = "ledger.reversal_of_detached"
    message = (
        "Transaction {tx_id} is of {month}, whose credits are in a file, and is not reversed. "
        "Post a new transaction instead."
    )


class UnknownHold(Refusal):
    code = "ledger.unknown_hold"
    message = "There is no hold {hold_id}. Open one first."


class HoldClosed(Refusal):
    code = "ledger.hold_closed"
    message = "Hold {hold_id} is {state}. Open a new hold."


class CaptureExceedsHold(Refusal):
    code = "ledger.capture_exceeds_hold"
    message = (
        "Line {line} of hold {hold_id} holds {held}, and {wanted} is wanted. Capture at most what is held."
    )


class AssetUnit(Refusal):
    code = "ledger.asset_unit"
    message = "Asset {asset} is counted in {unit}, not in {wanted}. Use its unit, or another code."


class Unbalanced(Refusal):
    code = "ledger.unbalanced"
    message = (
        "{reason}. Give all legs of a transaction together, once, with a sum of zero in each known asset."
    )


class OnlyGrows(Refusal):
    code = "ledger.only_grows"
    message = "{reason}. Answer a mistake with a new transaction, or reverse the old one."


class InFiles(Refusal):
    code = "ledger.in_files"
    message = (
        "What residents were credited before {kept_from} is in files, which this query does not read. "
        "Ask for a statement or a balance ('tanpuhui statement'), which do."
    )
    on_page = "Old entries are being moved at this moment. Look again in a minute."


class MonthBusy(Refusal):
    code = "ledger.month_busy"
    message = "Somebody writes to the month {month} or has locked it. Nothing was changed. Repeat the command later."


class MonthFileMissing(Refusal):
    code = "ledger.month_file_missing"
    message = (
        "The file of the ledger's month {month} is not there ({path}). "
        "Bring it back from a copy ('tanpuhui backup restore'), then repeat the command."
    )
    on_page = (
        "A file with old entries cannot be read. "
        "The operator has to bring it back: tell them, and look again later."
    )


class MonthFileAltered(Refusal):
    code = "ledger.month_file_altered"
    message = (
        "The file of the ledger's month {month} is not what was detached ({path}). "
        "Bring it back from a copy ('tanpuhui backup restore'), then repeat the command."
    )
    on_page = MonthFileMissing.on_page


_BY_CODE: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in (
        Insufficient,
        UnknownTransaction,
        AlreadyReversed,
        ReversalOfReversal,
        ReversalOfDetached,
        UnknownHold,
        HoldClosed,
        CaptureExceedsHold,
    )
}


def refusal_from(stored: dict[str, Any]) -> Refusal:
    """The refusal that the database stored as ``{"code", "facts"}``."""
    return _BY_CODE[stored["code"]](**stored["facts"])
