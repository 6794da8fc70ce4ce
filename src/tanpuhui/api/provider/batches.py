"""Batches: send one, see what became of it, see its refused rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status

from tanpuhui.api.language import language_of, reason_in, text_in
from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.document import SENDS_A_BATCH, refusals
from tanpuhui.api.provider.request import (
    blocks_of,
    idempotency_key,
    is_compressed,
    media_of,
    stem_of,
    waits,
)
from tanpuhui.api.provider.signature import Caller, HttpMessageSignature, refuse_other_digest
from tanpuhui.api.refusals import BatchUnknown
from tanpuhui.close.installation import places, zone
from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence import quarantine, receipt
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.inbox import Admitted, Arrival, admit, refuse_when_full
from tanpuhui.evidence.models import Batch, InboxBatch, InboxRefusal
from tanpuhui.evidence.rows import WrongMedia
from tanpuhui.evidence.upload import Upload, store_upload
from tanpuhui.evidence.work import Place, take_waiting
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.time_limit import time_limit_in

#: A batch above this is never waited for.
WAITED_FOR_BYTES = 16 * 1024 * 1024
#: How long a caller that prefers to wait does so while others of the same provider are taken.
WAIT_FOR_TURN = "10s"
LARGEST_ID = 2**63 - 1

router = Router(tags=["batches"])
streamed, signed = HttpMessageSignature(streamed=True), HttpMessageSignature()

BatchId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The batch's number.", examples=[42])]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[
    int | None, Query(ge=1, le=LARGEST_ID, description="Go on after this one: `next` of the page before.")
]


class RefusedBefore(Refusal):
    """A batch that was refused as a whole, said again with the words of then."""

    message = "{message}"

    def __init__(self, kept: InboxRefusal) -> None:
        self.code = kept.code  # type: ignore[misc]
        super().__init__(message=kept.message)
        self.facts = kept.facts


@router.post(
    "/batches",
    operation_id="send_batch",
    summary="Send a batch",
    auth=streamed,
    response={202: schemas.Waiting, 201: schemas.Receipt, **refusals(403, 409, 411, 413, 415, 429, 503)},
    openapi_extra=SENDS_A_BATCH,
)
def send_batch(request: HttpRequest, response: HttpResponse) -> Any:
    """Send rows of your format as CSV, NDJSON or Parquet. The batch is durable before the answer 202 with a signed
    inbox receipt, and is taken soon afterwards: follow its `url`. With `Prefer: wait` a batch of at most 16 MiB is
    usually taken before the answer 201 with its full receipt.

    The same content under the same key again is the same batch with the same answer.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    try:
        upload, key, stem = receive(request, caller)
    except BaseException:
        caller.spend()
        raise
    arrival = Arrival(caller.provider, key, stem, caller.key, caller.nonce, caller.at)
    admitted = None
    try:
        with transaction.atomic():
            admitted = admit(upload, arrival)
    finally:
        if admitted is None or admitted.again:
            upload.discard()
    crash_point("api.batches.admitted")
    return _answer(request, response, admitted, upload.size_bytes)


def receive(request: HttpRequest, caller: Caller, *, rehearsal: bool = False) -> tuple[Upload, str, str]:
    """The content as a synced file, its idempotency key and its name; what is refused leaves no file."""
    key, media, stem = idempotency_key(request), media_of(request), stem_of(request)
    compressed = is_compressed(request)
    if not rehearsal:
        refuse_when_full(caller.provider)
    day = caller.at.astimezone(ZoneInfo(zone())).date()
    form = format_called(contracts.in_force(caller.provider, day).format)
    if media not in form.media:
        accepted = ", ".join(sorted(form.media))
        raise WrongMedia(file=stem, media=media, format=form.name, accepted=accepted)
    upload = store_upload(
        blocks_of(request),
        folder=inbox(),
        said=media,
        compressed=compressed,
        announced_bytes=int(request.META["CONTENT_LENGTH"]),
        name=stem,
    )
    try:
        refuse_other_digest(bytes.fromhex(upload.sent_digest.removeprefix("sha256:")), caller)
    except Refusal:
        upload.discard()
        raise
    return upload, key, stem


def _answer(
    request: HttpRequest, response: HttpResponse, admitted: Admitted, size_bytes: int
) -> Status[dict[str, Any]]:
    url = url_of(admitted.batch)
    response["Location"] = url
    if admitted.again:
        response["Idempotency-Replayed"] = "true"
    if waits(request) and size_bytes <= WAITED_FOR_BYTES and _take_now(admitted.batch):
        response["Preference-Applied"] = "wait"
        return Status(201, taken_as_json(admitted.batch))
    if admitted.again and not InboxBatch.objects.filter(pk=admitted.batch).exists():
        return Status(201, taken_as_json(admitted.batch))
    return Status(202, {"state": "waiting", "url": url, **admitted.as_json()})


def _take_now(batch_id: int) -> bool:
    """Take one batch of the inbox now; false where that, or those of its provider before it, take too long."""
    provider = InboxBatch.objects.filter(pk=batch_id).values_list("provider", flat=True).first()
    if provider is None:
        return True
    if not Batch.objects.filter(pk=batch_id).exists():
        where = places()
        place = Place(inbox(), where.lake, where.buckets, zone())
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('lock_timeout', %s, true)", [WAIT_FOR_TURN])
                taken = take_waiting(provider, place, at=utc_now(), only=batch_id)
        except Exception as error:
            # The batch is durable: it waits for a worker, whichever limit of time was over, this one or the database's.
            if time_limit_in(error) is None:
                raise
            return False
        taken.remove_files(place.inbox)
    refused = InboxRefusal.objects.filter(pk=batch_id).first()
    if refused is not None:
        raise RefusedBefore(refused)
    return True


def url_of(batch_id: int) -> str:
    """Where a batch is."""
    return f"/api/v1/provider/batches/{batch_id}"


def taken_as_json(batch_id: int) -> dict[str, Any]:
    """A taken batch's full receipt."""
    return {"state": "taken", "url": url_of(batch_id), **receipt.stored(batch_id).as_json()}


@router.get(
    "/batches",
    operation_id="list_batches",
    summary="List batches",
    auth=signed,
    response={200: schemas.BatchPage, **refusals(429)},
)
def list_batches(request: HttpRequest, limit: Limit = 100, after: After = None) -> Any:
    """Your batches, newest first, whether they came over the network or as files."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    before = LARGEST_ID if after is None else after
    mine = Q(provider=caller.provider, pk__lt=before)
    ids = (
        model.objects.filter(mine).order_by("-pk").values_list("pk", flat=True)[: limit + 1]
        for model in (Batch, InboxBatch)
    )
    newest = list(_distinct(heapq.merge(*ids, reverse=True)))[: limit + 1]
    page = newest[:limit]
    return {"items": _shown(request, caller, page), "next": page[-1] if len(newest) > limit else None}


def _distinct(ids: Iterable[int]) -> Iterable[int]:
    last = None
    for each in ids:
        if each != last:
            yield each
        last = each


@router.get(
    "/batches/{batch}",
    operation_id="get_batch",
    summary="See what became of a batch",
    auth=signed,
    response={200: schemas.Batch, **refusals(404, 429)},
)
def get_batch(request: HttpRequest, batch: BatchId) -> Any:
    """Its state, its counts, and its receipts in signed form."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    found = _shown(request, caller, [batch])
    if not found:
        raise BatchUnknown(batch=batch)
    return found[0]


def _shown(request: HttpRequest, caller: Caller, ids: list[int]) -> list[dict[str, Any]]:
    """Batches of the caller as JSON, in the order asked for; those of others are not there."""
    mine = Q(provider=caller.provider, pk__in=ids)
    opened = Count("quarantined", filter=Q(quarantined__resolution__isnull=True))
    taken = {batch.pk: batch for batch in Batch.objects.filter(mine).annotate(opened=opened)}
    arrived = {batch.pk: batch for batch in InboxBatch.objects.filter(mine).select_related("refusal")}
    return [
        _as_json(request, taken.get(each), arrived.get(each))
        for each in ids
        if each in taken or each in arrived
    ]


def _as_json(request: HttpRequest, taken: Any, arrived: InboxBatch | None) -> dict[str, Any]:
    one: Any = taken or arrived
    shown = {
        "batch": one.pk,
        "state": "taken" if taken else "waiting",
        "provider": one.provider,
        "key": one.key,
        "digest": one.digest,
        "received_at": one.received_at.isoformat(),
        "url": url_of(one.pk),
        "inbox_receipt": arrived.receipt if arrived else None,
    }
    if taken:
        answer = receipt.of(taken).as_json()
        counted = ("rows", "accepted", "duplicate", "refused", "reasons", "notes", "receipt")
        return {**shown, **{name: answer[name] for name in counted}, "quarantined": taken.opened}
    refused = getattr(arrived, "refusal", None)
    if refused is None:
        return shown
    detail = text_in(language_of(request), refused.code, refused.facts, refused.message)
    said = {
        "code": refused.code,
        "detail": detail,
        "facts": refused.facts,
        "at": refused.at.isoformat(),
    }
    return {**shown, "state": "refused", "refusal": said}


@router.get(
    "/batches/{batch}/quarantine",
    operation_id="list_quarantine",
    summary="See a batch's refused rows",
    auth=signed,
    response={200: schemas.RefusedRowPage, **refusals(404, 429)},
)
def list_quarantine(
    request: HttpRequest,
    batch: BatchId,
    limit: Limit = 100,
    after: After = None,
    *,
    code: Annotated[
        str | None, Query(pattern=r"^[a-z_]{1,30}\.[a-z0-9_]{1,30}$", description="Only rows refused so.")
    ] = None,
    every: Annotated[bool, Query(description="Also rows that were sent again.")] = False,
) -> Any:
    """Refused rows in the order of the file, with their content, why, and what to do next."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    refuse_other_batch(caller, batch)
    language = language_of(request)
    rows = quarantine.quarantined(batch=batch, code=code, open_only=not every)
    if after is not None:
        rows = rows.filter(row_number__gt=after)
    found = list(rows[: limit + 1])
    items = [
        {
            "row": row.row_number,
            "code": row.code,
            "field": row.field,
            "facts": row.facts,
            "detail": reason_in(language, row.code),
            "content": {
                name: text for name, text in quarantine.content(row).items() if name != quarantine.FILE
            },
            "corrected_in": row.resolution.batch_id if hasattr(row, "resolution") else None,
        }
        for row in found[:limit]
    ]
    return {"items": items, "next": items[-1]["row"] if len(found) > limit else None}


def refuse_other_batch(caller: Caller, batch: int) -> None:
    """Refuse a batch that is not there or not the caller's, in the same words."""
    mine = Q(pk=batch, provider=caller.provider)
    if not Batch.objects.filter(mine).exists() and not InboxBatch.objects.filter(mine).exists():
        raise BatchUnknown(batch=batch)
