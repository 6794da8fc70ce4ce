"""Refusals of disclosure: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class UnknownReference(Refusal):
    code = "disclosure.unknown_reference"
    message = (
        "No statement can be fetched with this code: it is mistyped, too old, or was made for somebody else. "
        "Ask the customer for a new one."
    )


class NotAllowed(Refusal):
    code = "disclosure.not_allowed"
    message = (
        "The customer's consent for this no longer holds, so nothing is shown. "
        "Ask them whether they give it again."
    )


class NotYours(Refusal):
    code = "disclosure.unknown_grant"
    message = "You have given no such consent. Choose one of yours that shows your account to somebody."


class NothingToHandOver(Refusal):
    code = "disclosure.nothing_to_hand_over"
    message = "This consent is not in force, so a code would lead to nothing. Give it again first."


class StatementWithoutCredential(Refusal):
    code = "disclosure.statement_without_credential"
    message = (
        "This statement was made before statements had credentials, so it has no signed form. "
        "Fetch a new one with the customer's code."
    )
