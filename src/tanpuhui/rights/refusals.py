"""Refusals of rights: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class WordsMissing(Refusal):
    code = "rights.words_missing"
    message = "Say in your own words what it is about, in {most} characters or fewer."


class AlreadyAsked(Refusal):
    code = "rights.already_asked"
    message = "You asked for the same on {made_on}, and it is not answered yet. Wait for that answer, or take it back."


class UnknownRequest(Refusal):
    code = "rights.unknown_request"
    message = "There is no such request. Look at the list of your requests."


class StepImpossible(Refusal):
    code = "rights.step_impossible"
    message = "This request is {before} and cannot become {after}. Look at the request again."


class ReasonsMissing(Refusal):
    code = "rights.reasons_missing"
    message = "Whoever is told no is told why. Give the reasons, in words that the person understands."


class UnknownKind(Refusal):
    code = "rights.unknown_kind"
    message = (
        "This asks for {kind}, and here is room for: {known}. Use the command for that kind, or name another."
    )


class ProofMissing(Refusal):
    code = "rights.proof_missing"
    message = (
        "Heirs show that somebody died and that they are near relatives (PIPL article 49). "
        "See the papers, and give the digest of their copy as proof."
    )


class UnknownBreach(Refusal):
    code = "rights.unknown_breach"
    message = "There is no breach {breach}. List them with 'tanpuhui breach show'."


class BreachIncomplete(Refusal):
    code = "rights.breach_incomplete"
    message = "PIPL article 57 names what is told of a breach, and this is missing: {missing}. Say it, as far as known."


class BreachStepTaken(Refusal):
    code = "rights.breach_step_taken"
    message = "Of breach {breach} it is written down already: {step}. Look at it with 'tanpuhui breach show'."


class NotACopy(Refusal):
    code = "rights.not_a_copy"
    message = (
        "This is not a copy of a record that can be carried over: {why}. Take the zip as it was downloaded."
    )


class NoSuchPerson(Refusal):
    code = "rights.not_recognised"
    message = (
        "No account was found with this. Check the document's number or the letter's code and type it again; "
        "without either, an account cannot be shown here."
    )


class ReasonMissing(Refusal):
    code = "rights.reason_missing"
    message = "Say in a few words what the person came for: it is kept, and they can read it."


class VisitOver(Refusal):
    code = "rights.visit_over"
    message = "This visit is over. Look at the person's document or letter and begin a new one."
