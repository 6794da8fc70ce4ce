"""Refusals of credentials: why one is not believed, each with a code of its own."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class CredentialMalformed(Refusal):
    code = "credential.malformed"
    message = "This is not a credential: {what}. Get the whole file again from whoever gave it."


class AlgorithmRefused(Refusal):
    code = "credential.algorithm_refused"
    message = "It says to be signed by {algorithm}. Only ES256 is believed: do not rely on it."


class TypeWrong(Refusal):
    code = "credential.type_wrong"
    message = "It is of the type {found}, and {wanted} was expected. Ask for the right one."


class IssuerWrong(Refusal):
    code = "credential.issuer_wrong"
    message = (
        "It says to be issued by {found}, and the keys given are of {wanted}. Take the keys of its issuer."
    )


class IssuerMissing(Refusal):
    code = "credential.issuer_missing"
    message = (
        "Nothing says whose signature to believe. Name the issuer's keys with --issuer; "
        "get them from the issuer's address /.well-known/jwt-vc-issuer."
    )


class KeyForeign(Refusal):
    code = "credential.key_foreign"
    message = (
        "It was signed by the key {key}, which is none of {issuer}'s. Take newer keys, or do not rely on it."
    )


class SignatureWrong(Refusal):
    code = "credential.signature_wrong"
    message = "The signature of {what} is not of this text. Do not rely on it: it was altered."


class DisclosureMalformed(Refusal):
    code = "credential.disclosure_malformed"
    message = "A claim that is shown cannot be read: {what}. Get the whole file again."


class DisclosureUnused(Refusal):
    code = "credential.disclosure_unused"
    message = "{count} shown claims were not signed, or were altered since. Do not rely on any of them."


class DisclosureTwice(Refusal):
    code = "credential.disclosure_twice"
    message = "One claim is shown twice. Ask the holder to show it once."


class DigestTwice(Refusal):
    code = "credential.digest_twice"
    message = "One digest is there twice. Do not rely on it; ask the issuer for another."


class ClaimTwice(Refusal):
    code = "credential.claim_twice"
    message = "The claim '{name}' is there twice. Do not rely on it; ask the issuer for another."


class ClaimNotConcealable(Refusal):
    code = "credential.claim_not_concealable"
    message = "The claim '{name}' must never be left to the holder to show. Do not rely on it."


class AudienceWrong(Refusal):
    code = "credential.audience_wrong"
    message = "It is for {found}, and you are {wanted}. Name yourself with --audience, or ask for one that is for you."


class NonceWrong(Refusal):
    code = "credential.nonce_wrong"
    message = "It does not answer the nonce that you gave. Ask the holder to show it to you again."


class KeyBindingWrong(Refusal):
    code = "credential.key_binding_wrong"
    message = "The holder's proof of the key does not hold: {what}. Ask the holder to show it to you again."


class KeyBindingMissing(Refusal):
    code = "credential.key_binding_missing"
    message = (
        "It is bound to the holder's key, and nothing proves that they showed it. Ask for it with the proof."
    )


class Expired(Refusal):
    code = "credential.expired"
    message = "It was good until {until}. Ask the holder for a new one."


class NotYetValid(Refusal):
    code = "credential.not_yet_valid"
    message = "It is good from {since} on. Look at the clock of this machine, or wait."


class Revoked(Refusal):
    code = "credential.revoked"
    message = "Its issuer revoked it. Do not rely on it."


class Suspended(Refusal):
    code = "credential.suspended"
    message = "Its issuer suspended it. Take a newer status list later, or ask the issuer why."


class StatusUnknown(Refusal):
    code = "credential.status_unknown"
    message = "Its status is {status}, which means nothing here. Ask its issuer."


class StatusListMissing(Refusal):
    code = "credential.status_list_missing"
    message = (
        "Its status is in {uri}, and that list is not given. Download it, and name it with --status-list."
    )


class StatusListStale(Refusal):
    code = "credential.status_list_stale"
    message = "The status list was good until {until}. Download it again from {uri}."


class StatusIndexOutside(Refusal):
    code = "credential.status_index_outside"
    message = "Its place {index} is outside the status list of {entries}. Do not rely on it."


class StatusListMalformed(Refusal):
    code = "credential.status_list_malformed"
    message = "This is not a status list: {what}. Download it again."


class LogProofMissing(Refusal):
    code = "credential.log_proof_missing"
    message = (
        "It shows serial numbers without the log's proof of them. Download it again: "
        "a new one is in the log after a few seconds."
    )


class LogProofOther(Refusal):
    code = "credential.log_proof_other"
    message = (
        "The log's proof is of something else: {what}. Do not rely on it; download it again from its issuer."
    )
