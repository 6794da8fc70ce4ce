"""Corrections and retractions: refused rows sent again, and acts that never were."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpRequest
from ninja import Router, Status

from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import BatchId, refuse_other_batch, signed, url_of
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.request import idempotency_key
from tanpuhui.api.provider.signature import Caller
from tanpuhui.api.refusals import NoRetractions, RequestInvalid, RowResolved, RowUnknown
from tanpuhui.close.installation import places, zone
from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.models import QuarantinedRow
from tanpuhui.evidence.quarantine import FILE
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.request import Answer, answered, claim, remember
from tanpuhui.evidence.resubmit import RowResolved as AlreadyResolved
from tanpuhui.evidence.resubmit import resubmit
from tanpuhui.evidence.retract import retract
from tanpuhui.kit.digest import digest_bytes

router = Router(tags=["corrections"])


def once(request: HttpRequest, operation: str, do: Callable[[Caller], Answer]) -> Status[dict[str, Any]]:
    """Do something once for its idempotency key: the same request again gets the answer that it had."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    key, digest = idempotency_key(request), digest_bytes(request.path.encode() + b"\n" + request.body)
    with transaction.atomic():
        claim(caller.provider, operation, key)
        answer = answered(caller.provider, operation, key, digest=digest)
        if answer is None:
            answer = do(caller)
            remember(caller.provider, operation, key, digest=digest, answer=answer, at=caller.at)
    return Status(answer.status, answer.content)


@router.post(
    "/batches/{batch}/corrections",
    operation_id="correct_rows",
    summary="Send refused rows again",
    auth=signed,
    response={201: schemas.Receipt, **refusals(404, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def correct_rows(request: HttpRequest, batch: BatchId, corrections: schemas.Corrections) -> Any:
    """Send refused rows of a batch again with some columns corrected, or as they were. They become a batch of their
    own; each row is answered once. A line that could not be read is the column `(line)`.
    """

    def correct(caller: Caller) -> Answer:
        refuse_other_batch(caller, batch)
        numbers = {each.row: each.columns for each in corrections.rows}
        if len(numbers) < len(corrections.rows):
            raise RequestInvalid(errors="a row is named twice")
        if any(FILE in columns for columns in numbers.values()):
            raise RequestInvalid(errors=f"{FILE} is no column")
        ids = dict(
            QuarantinedRow.objects.filter(batch_id=batch, row_number__in=numbers).values_list(
                "row_number", "id"
            )
        )
        for number in numbers:
            if number not in ids:
                raise RowUnknown(row=number, batch=batch)
        where = places()
        try:
            answer = resubmit(
                {ids[number]: columns for number, columns in numbers.items()},
                at=caller.at,
                lake=where.lake,
                buckets=where.buckets,
                zone=zone(),
            )
        except AlreadyResolved as error:
            number = next(number for number, row in ids.items() if row == error.facts["row"])
            raise RowResolved(row=number, batch=error.facts["batch"]) from error
        return _created(answer)

    return once(request, "corrections", correct)


@router.post(
    "/retractions",
    operation_id="retract_acts",
    summary="Retract acts",
    auth=signed,
    response={201: schemas.Receipt, **refusals(403, 409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def retract_acts(request: HttpRequest, retractions: schemas.Retractions) -> Any:
    """Say of acts that they never were. They become a batch whose rows have the action `retract`; the days of these
    acts are closed again, and what was credited for them is taken back by adjusting entries.
    """

    def take_back(caller: Caller) -> Answer:
        where = places()
        _refuse_format(caller.provider, caller.at)
        content = json.dumps(retractions.rows, ensure_ascii=False, sort_keys=True).encode()
        key = f"retract:{digest_bytes(idempotency_key(request).encode() + content)}"
        answer = retract(
            caller.provider,
            retractions.rows,
            key=key,
            at=caller.at,
            lake=where.lake,
            buckets=where.buckets,
            zone=zone(),
        )
        return _created(answer)

    return once(request, "retractions", take_back)


def _refuse_format(provider: str, at: datetime) -> None:
    contract = contracts.in_force(provider, at.astimezone(ZoneInfo(zone())).date())
    shapes = format_called(contract.format).shapes(contract.terms())
    if not any("action" in shape.optional for shape in shapes):
        raise NoRetractions(format=contract.format)


def _created(answer: Receipt) -> Answer:
    return Answer(201, {"state": "taken", "url": url_of(answer.batch), **answer.as_json()})
