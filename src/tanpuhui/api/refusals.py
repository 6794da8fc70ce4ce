"""Refusals of the API itself, and the HTTP status of every refusal that it passes on."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class SignatureMissing(Refusal):
    code = "api.signature_missing"
    message = (
        "The request is not signed. Sign it with your Ed25519 key as docs/reference/api.md says (RFC 9421), "
        "in the fields Signature-Input and Signature."
    )


class SignatureInvalid(Refusal):
    code = "api.signature_invalid"
    message = (
        "The signature does not fit the request ({reason}). Sign what is sent, unchanged, with the key that keyid "
        "names."
    )


class SignatureParameters(Refusal):
    code = "api.signature_parameters"
    message = (
        "The signature has not the parameters that it needs (missing or wrong: {wrong}). "
        'Give created, keyid, alg="ed25519", nonce and tag="{tag}".'
    )


class SignatureCoverage(Refusal):
    code = "api.signature_coverage"
    message = "The signature does not cover {missing}. Cover each of these components, then sign again."


class ClockOff(Refusal):
    code = "api.clock_off"
    message = (
        "The signature was made at {created}, and it is {now} here: more than {tolerance_s} seconds apart, "
        "or it has expired. Set your clock, then sign again."
    )


class KeyUnknown(Refusal):
    code = "api.key_unknown"
    message = "No key is called {key_id} here. Ask the operator to register it, or correct keyid."


class KeyNotInForce(Refusal):
    code = "api.key_not_in_force"
    message = (
        "The key {key_id} is {state}. Sign with a key that is in force, or ask the operator to register one."
    )


class OtherKind(Refusal):
    code = "api.other_kind"
    message = (
        "The key {key_id} belongs to a {kind}, and this address is for a {wanted}. "
        "Use the addresses that are for you."
    )


class DigestMismatch(Refusal):
    code = "api.digest_mismatch"
    message = (
        "The content is not what Content-Digest says. Send it again unchanged; the digest is SHA-256 over the content "
        "as it is sent."
    )


class IdempotencyKeyMissing(Refusal):
    code = "api.idempotency_key_missing"
    message = (
        'The field Idempotency-Key is missing. Give each new request one of its own, such as "{example}", '
        "and repeat a request with the same."
    )


class IdempotencyKeyInvalid(Refusal):
    code = "api.idempotency_key_invalid"
    message = 'Idempotency-Key is not a string of 1 to 200 characters in quotes. Write it like "{example}".'


class LengthRequired(Refusal):
    code = "api.length_required"
    message = "The field Content-Length is missing or no number. Say how many bytes will come."


class BodyTooLarge(Refusal):
    code = "api.body_too_large"
    message = "The content has {length} bytes, and {limit} are taken here. Send it in several requests."


class MediaTypeUnknown(Refusal):
    code = "api.media_type_unknown"
    message = "Content of the type {given} is not taken here. Send one of: {accepted}."


class EncodingUnknown(Refusal):
    code = "api.encoding_unknown"
    message = "Content-Encoding {given} is not taken here. Send gzip, or the content as it is."


class FileNameInvalid(Refusal):
    code = "api.file_name_invalid"
    message = (
        "The file name in Content-Disposition is no name of a file: it has a path, a control character, or more than "
        "{limit} characters. Give the name alone, or leave the field out."
    )


class RequestInvalid(Refusal):
    code = "api.request_invalid"
    message = "The request is not as the OpenAPI document says: {errors}. Correct it, then send it again."


class BatchUnknown(Refusal):
    code = "api.batch_unknown"
    message = "You have no batch {batch}. List yours with GET /api/v1/provider/batches."


class RowUnknown(Refusal):
    code = "api.row_unknown"
    message = "Row {row} of batch {batch} is not in quarantine. List its rows with GET .../quarantine."


class ProviderKeyUnknown(Refusal):
    code = "api.provider_key_unknown"
    message = "You have no key {key_id}. List yours with GET /api/v1/provider/keys."


class NoRetractions(Refusal):
    code = "api.no_retractions"
    message = (
        "Rows of the format {format} cannot be retracted. Send what takes them back in a batch, as it says."
    )


class TooManyRequests(Refusal):
    code = "api.too_many_requests"
    message = (
        "{count} requests in this minute, and {limit} are allowed for {what}. "
        "Wait {retry_after_s} seconds, then go on more slowly."
    )


class HeadersTooLarge(Refusal):
    code = "api.headers_too_large"
    message = (
        "The request has too many or too large header fields. Send at most {fields} fields and {bytes} bytes."
    )


class NotEncrypted(Refusal):
    code = "api.not_encrypted"
    message = (
        "This request came without encryption, and somebody may have read it. Send it to the https address, "
        "and replace what was secret in it."
    )


class NotFound(Refusal):
    code = "api.not_found"
    message = "There is nothing at this address. The addresses are in /api/v1/openapi.json."


class MethodNotAllowed(Refusal):
    code = "api.method_not_allowed"
    message = "This address does not take {method}. It takes: {allowed}."


class BadRequest(Refusal):
    code = "api.bad_request"
    message = "The request cannot be read. Compare it with /api/v1/openapi.json."


class NoRoom(Refusal):
    code = "api.no_room"
    message = (
        "There is no room left here at the moment, and nothing was changed. "
        "Wait {retry_after_s} seconds, then send the request again with the same key."
    )


class RowResolved(Refusal):
    code = "api.row_resolved"
    message = "Row {row} was sent again in batch {batch} already. Look at that batch's receipt."


class OurFault(Refusal):
    code = "api.our_fault"
    message = (
        "Something went wrong on our side, and we have a note of it ({note}). Nothing was half done. "
        "Send the request again with the same key."
    )


#: Statuses by code; what is not named is 422: understood, and refused for what it says.
STATUSES: dict[str, int] = {
    "api.bad_request": 400,
    "api.batch_unknown": 404,
    "api.body_too_large": 413,
    "api.clock_off": 401,
    "api.digest_mismatch": 400,
    "api.encoding_unknown": 415,
    "api.file_name_invalid": 400,
    "api.headers_too_large": 431,
    "api.idempotency_key_invalid": 400,
    "api.idempotency_key_missing": 400,
    "api.inbox_full": 429,
    "api.key_not_in_force": 401,
    "api.key_unknown": 401,
    "api.length_required": 411,
    "api.media_type_unknown": 415,
    "api.method_not_allowed": 405,
    "api.nonce_used": 401,
    "api.other_kind": 403,
    "api.no_room": 503,
    "api.not_encrypted": 403,
    "api.not_found": 404,
    "api.our_fault": 500,
    "api.provider_key_unknown": 404,
    "api.row_resolved": 409,
    "api.row_unknown": 404,
    "api.signature_coverage": 401,
    "api.signature_invalid": 401,
    "api.signature_missing": 401,
    "api.signature_parameters": 401,
    "api.still_in_flight": 409,
    "api.too_many_requests": 429,
    "evidence.contract_disabled": 403,
    "evidence.platforms_own": 403,
    "evidence.contract_expired": 403,
    "evidence.contract_not_yet_valid": 403,
    "evidence.cut_off": 400,
    "evidence.expands_too_far": 413,
    "evidence.other_content": 415,
    "evidence.too_large": 413,
    "evidence.key_known": 409,
    "evidence.last_key": 409,
    "evidence.too_many_keys": 409,
    "evidence.wrong_media": 415,
}


#: Packages whose refusals a merchant or a company can do something about; translated with the words of pages.
PASSED_ON = ("points.", "offsetting.", "ledger.", "registry.")
_CONFLICTS = ("closed", "ended", "lost", "rewritten", "seen")


def status_of(code: str) -> int:
    """The HTTP status of a refusal's code."""
    if code.startswith(PASSED_ON):
        name = code.partition(".")[2]
        if name.startswith("unknown_") or name.endswith("_unknown") or name == "no_obligation":
            return 404
        return 409 if name.endswith(_CONFLICTS) else 422
    return STATUSES.get(code, 422)
