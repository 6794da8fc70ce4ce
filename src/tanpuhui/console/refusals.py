"""Refusals of the console: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class UnknownKind(Refusal):
    code = "console.unknown_kind"
    message = "There is no work called {kind}. Ask for it on one of the console's pages."


class GivenUp(Refusal):
    code = "console.given_up"
    message = (
        "This was begun {attempts} times and ended each time before it was done. "
        "Look at the server's log and its memory, then ask again."
    )


class NotYourQuestion(Refusal):
    code = "console.not_your_question"
    message = "Somebody else asked for this, and only they may open it. Ask for approval yourself."


class OurFault(Refusal):
    code = "console.our_fault"
    message = "Something went wrong on our side, and nothing was posted. The server's log says what: {what}."


class BadDay(Refusal):
    code = "console.bad_day"
    message = "{given} is not a day. Choose one from the list."


class NotClosed(Refusal):
    code = "console.not_closed"
    message = "{day} was never closed. Close it first."


class UnknownMethodology(Refusal):
    code = "console.unknown_methodology"
    message = "There is no methodology {code} in version {version}. Look at the list."


class CredentialStandsSo(Refusal):
    code = "console.credential_stands_so"
    message = "Credential {number} is {state} already. Look at its history for who did so, and why."


class CredentialIsRevoked(Refusal):
    code = "console.credential_is_revoked"
    message = "Credential {number} is revoked, and that is for good. Issue another one about the same."
