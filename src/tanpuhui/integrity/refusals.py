"""Refusals of integrity: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class AlreadyAppealed(Refusal):
    code = "integrity.already_appealed"
    message = "You appealed against this on {asked_at}, and it is being looked at. Wait for the answer: it comes here."


class NoMoreAppeals(Refusal):
    code = "integrity.no_more_appeals"
    message = (
        "You have appealed against this {most} times, and each was answered. "
        "Write to the operator if you do not agree."
    )


class TooManyOpen(Refusal):
    code = "integrity.too_many_open"
    message = (
        "{count} of your appeals wait for an answer, and more are not taken. Wait for the first answers."
    )


class WordsMissing(Refusal):
    code = "integrity.words_missing"
    message = "Say in a few words what is wrong, so that somebody can look at it."


class WordsTooLong(Refusal):
    code = "integrity.words_too_long"
    message = "{length} characters are too many. Say it in at most {most}."


class WordsUnreadable(Refusal):
    code = "integrity.words_unreadable"
    message = "Your text has a character that cannot be kept. Leave it out and send it again."


class UnknownAppeal(Refusal):
    code = "integrity.unknown_appeal"
    message = "There is no such appeal. Look at the list of appeals."


class AlreadyAnswered(Refusal):
    code = "integrity.already_answered"
    message = "This appeal was answered on {answered_at}: {decision}. The person may appeal again."


class NotHeld(Refusal):
    code = "integrity.not_held"
    message = (
        "Nothing holds the act {record}, or that is decided already. "
        "List what is held with 'tanpuhui integrity held'."
    )


class ReasonMissing(Refusal):
    code = "integrity.reason_missing"
    message = "Say why, in a few words: the person reads it."
