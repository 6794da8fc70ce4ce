"""Sandbox: the same checks and the same row-by-row answer as for a batch, and nothing is kept."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from tanpuhui.api.language import language_of, reason_in
from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import receive, streamed
from tanpuhui.api.provider.document import REHEARSES_A_BATCH, refusals
from tanpuhui.api.provider.signature import Caller
from tanpuhui.api.refusals import BodyTooLarge
from tanpuhui.close.installation import zone
from tanpuhui.evidence.rehearse import rehearse
from tanpuhui.kit.home import inbox

MOST_BYTES = 16 * 1024 * 1024

router = Router(tags=["sandbox"])


@router.post(
    "/batches",
    operation_id="rehearse_batch",
    summary="Try a batch",
    auth=streamed,
    response={200: schemas.Rehearsal, **refusals(403, 411, 413, 415, 429, 503)},
    openapi_extra=REHEARSES_A_BATCH,
)
def rehearse_batch(request: HttpRequest) -> Any:
    """Send a batch of at most 16 MiB, signed as a real one, and see each row that would be refused (the first thousand
    are listed). It is read as if it were your first batch. Nothing of it is kept.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    caller.spend()
    length = int(request.META["CONTENT_LENGTH"])
    if length > MOST_BYTES:
        raise BodyTooLarge(length=length, limit=MOST_BYTES)
    upload, _key, stem = receive(request, caller, rehearsal=True)
    try:
        found = rehearse(caller.provider, upload.path, stem=stem, at=caller.at, folder=inbox(), zone=zone())
    finally:
        upload.discard()
    language, counts = language_of(request), found.counts
    return {
        "state": "rehearsed",
        "digest": found.digest,
        "rows": counts.rows,
        "accepted": counts.accepted,
        "duplicate": counts.duplicate,
        "refused": counts.refused,
        "reasons": counts.reasons,
        "notes": counts.notes,
        "refusals": [{**row, "detail": reason_in(language, row["code"])} for row in found.refusals],
    }
