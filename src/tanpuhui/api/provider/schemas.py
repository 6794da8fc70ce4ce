"""Schemas: what goes in and out, with an example of each; the OpenAPI document is made of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from tanpuhui.kit.act_tag import HMAC

RECEIPT_EXAMPLE = "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiZXZpZGVuY2UtcmVjZWlwdCtqd3QifQ.eyJiYXRjaCI6NDJ9.c2ln"
DIGEST_EXAMPLE = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
KEY_EXAMPLE = "blue-bikes:0123456789abcdef0123456789abcdef"
BATCH: dict[str, Any] = {
    "batch": 42,
    "state": "taken",
    "provider": "blue-bikes",
    "key": "2026-03-02/1",
    "digest": DIGEST_EXAMPLE,
    "received_at": "2026-03-02T12:00:00+00:00",
    "url": "/api/v1/provider/batches/42",
    "rows": 1000,
    "accepted": 997,
    "duplicate": 2,
    "refused": 1,
    "reasons": {"evidence.not_a_number": 1},
    "notes": {},
}


def _plain(text: str) -> str:
    """Text that the database and our files can hold: no NUL, no half of a surrogate pair."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not have NUL characters or unpaired surrogates")
    return text


def _in_our_time(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("must have a zone, such as +08:00")
    if not 2000 < moment.year < 2100:
        raise ValueError("must be in this century")
    return moment


NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, StringConstraints(max_length=10_000, pattern=NO_NUL), AfterValidator(_plain)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL), AfterValidator(_plain)]
Moment = Annotated[datetime, AfterValidator(_in_our_time)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Strict(Schema):
    """What is not known is refused: a misspelt member would be a silent loss."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Problem(Schema):
    """A refusal (RFC 9457). ``detail`` ends with the next step; ``code`` is stable."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:tanpuhui:problem:api.clock_off",
                "title": "Unauthorized",
                "status": 401,
                "detail": "The signature was made at 2026-03-02T11:50:00+00:00, and it is 2026-03-02T12:00:00+00:00 "
                "here: more than 300 seconds apart, or it has expired. Set your clock, then sign again.",
                "code": "api.clock_off",
                "facts": {"created": "2026-03-02T11:50:00+00:00", "tolerance_s": 300},
            }
        },
    )
    type: str
    title: str
    status: int
    detail: str
    code: str
    facts: dict[str, Any]


class Waiting(Schema):
    """A batch that is durable and waits to be taken; ``inbox_receipt`` is the signed form (JWS) of this."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **{
                    name: BATCH[name] for name in ("batch", "provider", "key", "digest", "received_at", "url")
                },
                "state": "waiting",
                "size_bytes": 70_000,
                "inbox_receipt": RECEIPT_EXAMPLE,
            }
        }
    )
    state: Literal["waiting", "taken"]
    batch: int
    provider: str
    key: str
    digest: str
    size_bytes: int
    received_at: str
    url: str
    inbox_receipt: str


class Receipt(Schema):
    """A batch that was taken: rows = accepted + duplicate + refused; ``receipt`` is the signed form (JWS)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {**BATCH, "refusals_digest": DIGEST_EXAMPLE, "receipt": RECEIPT_EXAMPLE}
        }
    )
    state: Literal["taken"]
    batch: int
    provider: str
    key: str
    digest: str
    rows: int
    accepted: int
    duplicate: int
    refused: int
    reasons: dict[str, int]
    notes: dict[str, int]
    received_at: str
    refusals_digest: str
    receipt: str
    url: str


class RefusedWhole(Schema):
    """Why a batch was refused as a whole when its turn came."""

    code: str
    detail: str
    facts: dict[str, Any]
    at: str


class Batch(Schema):
    """What is known of a batch; counts are null until it is taken."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **BATCH,
                "receipt": RECEIPT_EXAMPLE,
                "inbox_receipt": RECEIPT_EXAMPLE,
                "quarantined": 1,
                "refusal": None,
            }
        }
    )
    batch: int
    state: Literal["waiting", "taken", "refused"]
    provider: str
    key: str
    digest: str
    received_at: str
    url: str
    rows: int | None = None
    accepted: int | None = None
    duplicate: int | None = None
    refused: int | None = None
    reasons: dict[str, int] = {}
    notes: dict[str, int] = {}
    receipt: str | None = None
    inbox_receipt: str | None = None
    #: Refused rows that were not sent again yet.
    quarantined: int | None = None
    refusal: RefusedWhole | None = None


class BatchPage(Schema):
    """Batches, newest first; ``next`` is the value of ``after`` for the next page, or null."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [BATCH], "next": None}})
    items: list[Batch]
    next: int | None


class RefusedRow(Schema):
    """A refused row: why, what to do next, and its content as it was sent."""

    row: int
    code: str
    field: str
    facts: dict[str, Any]
    detail: str
    content: dict[str, str | None]
    corrected_in: int | None


class RefusedRowPage(Schema):
    """Refused rows in the order of the file; ``next`` is the value of ``after`` for the next page, or null."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "row": 17,
                        "code": "evidence.not_a_number",
                        "field": "distance_m",
                        "facts": {},
                        "detail": "The value is not a plain whole number or decimal, or has too many digits. "
                        "Send digits only, in the unit of the column.",
                        "content": {"source_id": "b-17", "distance_m": "far"},
                        "corrected_in": None,
                    }
                ],
                "next": None,
            }
        }
    )
    items: list[RefusedRow]
    next: int | None


class CorrectedRow(Strict):
    """A row of the batch by its number, and the columns that are to be other than they were."""

    row: Number
    columns: dict[Name, Text | None] = Field(default_factory=dict, max_length=200)


class Corrections(Strict):
    """Rows of one batch to be sent again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"rows": [{"row": 17, "columns": {"distance_m": "4200"}}]}},
    )
    rows: list[CorrectedRow] = Field(min_length=1, max_length=1000)


class Retractions(Strict):
    """Acts that never were: each row has the columns of the provider's format; revision is 1 where none is given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "rows": [
                    {
                        "source_id": "b-1001",
                        "person": "p-77",
                        "kind": "bike_trip",
                        "started_at": "2026-03-02T08:10:00+08:00",
                        "ended_at": "2026-03-02T08:31:00+08:00",
                    }
                ]
            }
        },
    )
    rows: list[Annotated[dict[Name, Text | None], Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=1000
    )


class DayTotal(Strict):
    """How many records of a kind you sent of a local day, as you count them."""

    day: date
    kind: Name
    records: int = Field(ge=0, le=10**12, examples=[1200])


class DayTotals(Strict):
    """Your own totals: of each day and kind the newest that you declare counts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"totals": [{"day": "2026-03-02", "kind": "bike_trip", "records": 1200}]}
        },
    )
    totals: list[DayTotal] = Field(min_length=1, max_length=1000)


class Declared(Schema):
    """How many totals were declared, and how many of them say something new."""

    model_config = ConfigDict(json_schema_extra={"example": {"totals": 1, "new": 1}})
    totals: int
    new: int


ELEMENT_EXAMPLE = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
Epoch = Annotated[int, Field(ge=2000, le=2100, examples=[2026])]
Element = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Elements(Strict):
    """Blinded elements of 32 bytes, as hexadecimal digits; an act has three. The epoch is a year."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"epoch": 2026, "suite": HMAC, "elements": [ELEMENT_EXAMPLE]}},
    )
    epoch: Epoch
    suite: Literal["voprf-ristretto255-sha512", "hmac-sha256"]
    elements: list[Element] = Field(min_length=1, max_length=900)


class Evaluations(Schema):
    """The evaluations, in the order of the elements; the public key is empty where the suite has none."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"epoch": 2026, "suite": HMAC, "public_key": "", "evaluations": [ELEMENT_EXAMPLE]}
        }
    )
    epoch: int
    suite: str
    public_key: str
    evaluations: list[str]


class Claim(Strict):
    """A record of yours and the three tags of its act."""

    record: Name
    tags: list[Element] = Field(min_length=3, max_length=3)


class Claims(Strict):
    """Acts to claim in an epoch."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "epoch": 2026,
                "claims": [{"record": "session-7", "tags": [f"{number:064x}" for number in (1, 2, 3)]}],
            }
        },
    )
    epoch: Epoch
    claims: list[Claim] = Field(min_length=1, max_length=300)


class ClaimAnswer(Schema):
    """What became of a claim; a refused one says why, and what to do."""

    record: str
    state: Literal["claimed", "refused"]
    code: str | None = None
    detail: str | None = None


class Claimed(Schema):
    """An answer for each claim, in their order."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"claims": [{"record": "session-7", "state": "claimed"}]}}
    )
    claims: list[ClaimAnswer]


class Quality(Schema):
    """Shares in parts per million of the rows received in the span, and one score of 0 to 1000 (null: no rows)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "since": "2026-02-01T00:00:00+00:00",
                "until": "2026-03-03T00:00:00+00:00",
                "batches": 30,
                "rows": 30_000,
                "accepted": 29_900,
                "duplicate": 60,
                "refused": 40,
                "late_1_day": 300,
                "late_7_days": 0,
                "accepted_ppm": 996_666,
                "duplicate_ppm": 2_000,
                "refused_ppm": 1_333,
                "late_1_day_ppm": 10_000,
                "reasons": {"evidence.not_a_number": 40},
                "score": 995,
            }
        }
    )
    since: str
    until: str
    batches: int
    rows: int
    accepted: int
    duplicate: int
    refused: int
    late_1_day: int
    late_7_days: int
    accepted_ppm: int | None
    duplicate_ppm: int | None
    refused_ppm: int | None
    late_1_day_ppm: int | None
    reasons: dict[str, int]
    score: int | None


class Key(Schema):
    """A public key; ``state`` is active, coming, expired or revoked."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "key_id": KEY_EXAMPLE,
                "provider": "blue-bikes",
                "public_key": "sXt1Zu0pnSTMPEbY3ZTXmu0zxEXmvR4xVoW6PPHsE1s=",
                "valid_from": "2026-03-01T00:00:00+00:00",
                "valid_to": None,
                "revoked_at": None,
                "made_at": "2026-03-01T00:00:00+00:00",
                "made_by": "operator",
                "state": "active",
            }
        }
    )
    key_id: str
    provider: str
    public_key: str
    valid_from: str
    valid_to: str | None
    revoked_at: str | None
    made_at: str
    made_by: str
    state: Literal["active", "coming", "expired", "revoked"]


class Keys(Schema):
    """Every key of the provider, in the order in which they were registered."""

    keys: list[Key]


class NewKey(Strict):
    """The next public key: Ed25519, 32 bytes in base64. It is in force beside the present one from its start."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}},
    )
    public_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    valid_from: Moment | None = None
    valid_to: Moment | None = None


class Revocation(Strict):
    """A key to be revoked at once and for good, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"key_id": KEY_EXAMPLE, "reason": "rotated"}}
    )
    key_id: Name
    reason: Name


class RehearsedRow(Schema):
    """A row that would be refused."""

    row: int
    code: str
    field: str
    facts: dict[str, Any]
    detail: str


class Rehearsal(Schema):
    """What a batch would be answered if it were the provider's first; nothing of it is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "state": "rehearsed",
                "digest": DIGEST_EXAMPLE,
                "rows": 2,
                "accepted": 1,
                "duplicate": 0,
                "refused": 1,
                "reasons": {"evidence.not_a_number": 1},
                "notes": {},
                "refusals": [
                    {
                        "row": 2,
                        "code": "evidence.not_a_number",
                        "field": "distance_m",
                        "facts": {},
                        "detail": "The value is not a plain whole number or decimal, or has too many digits. "
                        "Send digits only, in the unit of the column.",
                    }
                ],
            }
        }
    )
    state: Literal["rehearsed"]
    digest: str
    rows: int
    accepted: int
    duplicate: int
    refused: int
    reasons: dict[str, int]
    notes: dict[str, int]
    refusals: list[RehearsedRow]
