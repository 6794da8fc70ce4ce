"""Totals: how many records a provider says that it sent of each day and kind, to be compared with what was recorded."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import signed
from tanpuhui.api.provider.corrections import once
from tanpuhui.api.provider.document import CHANGES_SOMETHING, refusals
from tanpuhui.api.provider.signature import Caller
from tanpuhui.api.refusals import RequestInvalid
from tanpuhui.evidence.request import Answer
from tanpuhui.evidence.total import Row, declare

router = Router(tags=["totals"])


@router.post(
    "/totals",
    operation_id="declare_totals",
    summary="Declare your own totals",
    auth=signed,
    response={201: schemas.Declared, **refusals(409, 429, body=True)},
    openapi_extra=CHANGES_SOMETHING,
)
def declare_totals(request: HttpRequest, totals: schemas.DayTotals) -> Any:
    """Say how many records of each kind you sent of each local day. Nothing is credited for it: a verifier compares it
    with what was recorded, so that nothing of yours is lost on the way. A later declaration takes the place of an
    earlier one, and both are kept.
    """

    def write_down(caller: Caller) -> Answer:
        rows = [Row(each.day, each.kind, each.records) for each in totals.totals]
        if len({(row.day, row.kind) for row in rows}) < len(rows):
            raise RequestInvalid(errors="a day and kind is named twice")
        made = declare(caller.provider, rows, at=caller.at, by=caller.key.key_id)
        return Answer(201, {"totals": len(rows), "new": len(made)})

    return once(request, "totals", write_down)
