"""Refusals of transparency: what is not what it says to be, and what a log or a witness will not do."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class ProofInvalid(Refusal):
    code = "transparency.proof_invalid"
    message = (
        "The proof does not hold: {what}. Do not rely on it; ask whoever gave it for the whole file again, "
        "and tell a witness of the log when it stays so."
    )


class KeyMalformed(Refusal):
    code = "transparency.key_malformed"
    message = "This key cannot be used: {what}. Copy the whole line from whoever published it."


class NoteMalformed(Refusal):
    code = "transparency.note_malformed"
    message = "This is not a signed note: {what}. Get the whole text again, byte by byte."


class NoteUnsigned(Refusal):
    code = "transparency.note_unsigned"
    message = "None of the keys given signed this note (they are of {known}). Ask who should have signed it."


class SignatureWrong(Refusal):
    code = "transparency.signature_wrong"
    message = "The signature of {name} is not of this text. Do not rely on it: it was altered, or signed for another."


class CheckpointMalformed(Refusal):
    code = "transparency.checkpoint_malformed"
    message = "This is not a checkpoint of a log: {what}. Get the whole text again, byte by byte."


class PolicyMalformed(Refusal):
    code = "transparency.policy_malformed"
    message = "Line {line} of the policy cannot be used: {what}. Mend the line and repeat the command."


class LogUntrusted(Refusal):
    code = "transparency.log_untrusted"
    message = (
        "No log of the policy signed for {origin}. Add the log's key to the policy if you trust it, "
        "or do not rely on the file."
    )


class QuorumMissing(Refusal):
    code = "transparency.quorum_missing"
    message = (
        "Too few witnesses cosigned: the policy asks for {quorum}, and {seen} did. "
        "Ask for the proof again once more of them have seen the log."
    )


class TileBroken(Refusal):
    code = "transparency.tile_broken"
    message = (
        "The log's file {name} cannot be used: {what}. Restore the log's folder from its backup, "
        "or let 'tanpuhui log integrate --again' write it from the database."
    )


class RecordChanged(Refusal):
    code = "transparency.record_changed"
    message = (
        "{kind} {key} entered the log as something else (leaf {index}). What was logged is not changed: "
        "run 'tanpuhui audit' to see what was, and record a correction of its own."
    )


class LogForked(Refusal):
    code = "transparency.log_forked"
    message = (
        "The log cannot be continued from {size} leaves: {what}. Nothing was signed. "
        "Run 'tanpuhui audit' to see what was changed, and restore it from the backup."
    )


class LogBehind(Refusal):
    code = "transparency.log_behind"
    message = (
        "The database knows {size} leaves of the log, and {published} were published. Nothing was signed. "
        "Restore the newest backup of the database: a log that was seen cannot be shortened."
    )


class NotInLog(Refusal):
    code = "transparency.not_in_log"
    message = "{kind} {key} is not in the log. Look at 'tanpuhui log show', or enter it with 'tanpuhui log integrate'."


class NotIntegrated(Refusal):
    code = "transparency.not_integrated"
    message = "No checkpoint covers this yet. Sign one with 'tanpuhui log integrate' and repeat the command."


class OpeningDestroyed(Refusal):
    code = "transparency.opening_destroyed"
    message = "What opens leaf {index} was destroyed on request; nobody can show its record any more."


class WitnessUnnamed(Refusal):
    code = "transparency.witness_unnamed"
    message = "This home has no witness yet. Name it with 'tanpuhui witness name NAME', and give the key to the log."


class FileUnreadable(Refusal):
    code = "transparency.file_unreadable"
    message = "This file proves nothing: {what}. Download it again from whoever gave it."


class RecordMissing(Refusal):
    code = "transparency.record_missing"
    message = "A proof alone does not say of what. Name the record's file too, with --record."


class PolicyMissing(Refusal):
    code = "transparency.policy_missing"
    message = (
        "Nothing says which log and witnesses to trust. Name a policy with --policy, and get it from somebody other "
        "than whoever gave you the file."
    )


class CredentialUnknown(Refusal):
    code = "credential.unknown"
    message = "There is no credential {number}. Look at 'tanpuhui credential show' for those that there are."


class OpeningOfCredentialDestroyed(Refusal):
    code = "credential.opening_destroyed"
    message = (
        "What opens credential {number} was destroyed on request; nobody can show a claim of it any more."
    )


class ReasonMissing(Refusal):
    code = "credential.reason_missing"
    message = "Say why, in 1 to {most} characters, with --reason; it is kept and shown."


class SuspensionOfAnother(Refusal):
    code = "credential.suspension_of_another"
    message = (
        "Credential {number} was suspended by the platform itself ({by}: {reason}). It is valid again by itself when "
        "that is over; suspend it yourself if it must stay suspended then."
    )


class StatusCannotFollow(Refusal):
    code = "credential.status_cannot_follow"
    message = (
        "Credential {number} is {now}, and that is for good: it does not become {wanted}. Issue another one."
    )
