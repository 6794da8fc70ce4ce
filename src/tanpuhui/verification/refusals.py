"""Refusals of a verification: each with its code, the facts and the next step. None names a person."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NotAVerifier(Refusal):
    code = "verification.not_a_verifier"
    message = "{organisation} is no verifier here. Name an organisation that is registered as one."


class OperatorVerifies(Refusal):
    code = "verification.verifier_is_operator"
    message = (
        "{verifier} operates this platform, or its signer is on the operator's staff, and cannot verify its lots. "
        "Name an independent verifier."
    )


class NothingToVerify(Refusal):
    code = "verification.nothing_to_verify"
    message = (
        "No close of {vintage} through {through} credited anything of {methodology} that no statement speaks of yet. "
        "Choose a later day, or verify all of it again."
    )


class OtherEngagement(Refusal):
    code = "verification.key_used"
    message = "The key {key!r} opened another engagement before. Give this one a key of its own."


class EngagementUnfinished(Refusal):
    code = "verification.engagement_unfinished"
    message = (
        "Engagement {number} of {verifier} has a published plan over closes that are among these, and no conclusion: "
        "a second sample of them would let somebody choose. Conclude that one first, also if it is a refusal."
    )


class RefusedUnchanged(Refusal):
    code = "verification.refused_unchanged"
    message = (
        "The statement of engagement {number} ({verifier}) refuses {count} of these closes. A day is verified again "
        "once its own acts changed; days without a change, once every close in which something was found wrong has "
        "changed, or, where none was, once some close has changed and the verifier has closed its major findings."
    )


class EngagementUnknown(Refusal):
    code = "verification.unknown_engagement"
    message = "There is no engagement {number}. 'tanpuhui verification list' shows them."


class EngagementEnded(Refusal):
    code = "verification.ended"
    message = "Engagement {number} has its statement, and nothing is added to it. Open another one."


class NotDeclared(Refusal):
    code = "verification.not_declared"
    message = (
        "The verifier has not declared its independence in engagement {number}. It signs that before anything else: "
        "'tanpuhui verification declare'."
    )


class BadDeclaration(Refusal):
    code = "verification.bad_declaration"
    message = "A declaration says whether the verifier is independent, and what might be a conflict. Say it in words."


class NotIndependent(Refusal):
    code = "verification.not_independent"
    message = "Whoever is not independent does not verify. Let another verifier be engaged."


class DeclaredAlready(Refusal):
    code = "verification.declared_already"
    message = "Engagement {number} has another declaration already, and a declaration stays. Open another engagement."


class BadSignature(Refusal):
    code = "verification.bad_signature"
    message = (
        "This was not signed with a registered key of this verifier, or was changed ({why}). "
        "Take the text as it is now and sign it again."
    )


class NotThisText(Refusal):
    code = "verification.not_this_text"
    message = (
        "What was signed is not what stands now in engagement {number}. Take the text again, read it, and "
        "sign it again."
    )


class KeyKnown(Refusal):
    code = "verification.key_known"
    message = "This key was registered before. A key is used once: make a new pair."


class NotAKey(Refusal):
    code = "verification.not_a_key"
    message = (
        "This is not an Ed25519 public key: 32 bytes in base64. 'tanpuhui verification key' makes a pair and "
        "prints it."
    )


class KeyUnknown(Refusal):
    code = "verification.key_unknown"
    message = "{verifier} has no key {key}. Register it first: 'tanpuhui verification register-key'."


class PlanStands(Refusal):
    code = "verification.plan_stands"
    message = "Engagement {number} has a plan, and a plan stays as it was published. Draw from it."


class NotPlanned(Refusal):
    code = "verification.not_planned"
    message = "Engagement {number} has no plan. Commit to a nonce first: 'tanpuhui verification plan'."


class BadPlan(Refusal):
    code = "verification.bad_plan"
    message = "{name} is {given!r}. Give {wanted}."


class OtherNonce(Refusal):
    code = "verification.other_nonce"
    message = (
        "This is not the nonce that engagement {number} committed to. Give that one, character by character."
    )


class DataChanged(Refusal):
    code = "verification.data_changed"
    message = (
        "The frozen data of engagement {number} is not what it was ({now} instead of {then}). "
        "Restore the lake from its backup, then repeat this."
    )


class NotDrawn(Refusal):
    code = "verification.not_drawn"
    message = "No sample of engagement {number} was drawn. Draw it first: 'tanpuhui verification draw'."


class NotInSample(Refusal):
    code = "verification.not_in_sample"
    message = "Engagement {number} has no act {position} in its sample. Choose one from 1 to {size}."


class BadExamination(Refusal):
    code = "verification.bad_examination"
    message = "{problem} Say agrees, unsupported, or differs with the right amount in mg, and what evidence shows it."


class BadFinding(Refusal):
    code = "verification.bad_finding"
    message = (
        "A finding has a severity ({severities}), says what is wrong, and asks for a corrective action. Give "
        "all three."
    )


class FindingUnknown(Refusal):
    code = "verification.unknown_finding"
    message = "Engagement {number} has no finding {finding}. Choose one of its own."


class OutOfTurn(Refusal):
    code = "verification.out_of_turn"
    message = (
        "Finding {finding} is {state}, so it cannot be {step} now. The operator answers what is raised or given back; "
        "the verifier closes or gives back what is answered."
    )


class NotExamined(Refusal):
    code = "verification.not_examined"
    message = (
        "{left} of {size} acts in the sample of engagement {number} are not examined yet. Examine them, then "
        "conclude."
    )


class NotRecalculated(Refusal):
    code = "verification.not_recalculated"
    message = (
        "Engagement {number} was not computed again yet. Do that first: 'tanpuhui verification recalculate'."
    )


class NotComplete(Refusal):
    code = "verification.completeness_missing"
    message = (
        "Nobody looked whether all that was sent in engagement {number} ended somewhere. "
        "Do that first: 'tanpuhui verification complete'."
    )


class TooLenient(Refusal):
    code = "verification.too_lenient"
    message = (
        "The numbers and findings of engagement {number} say {computed}: {why}. A verifier may be stricter, "
        "not milder."
    )


class ConcludedAlready(Refusal):
    code = "verification.concluded_already"
    message = "Engagement {number} has its statement, and a statement stays. Open another engagement."
