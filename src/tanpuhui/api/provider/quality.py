"""Quality: shares and score of what a provider sent lately."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from tanpuhui.api.provider import schemas
from tanpuhui.api.provider.batches import signed
from tanpuhui.api.provider.document import refusals
from tanpuhui.api.provider.signature import Caller
from tanpuhui.evidence.quality import quality_of

router = Router(tags=["quality"])
MILLION = 1_000_000


@router.get(
    "/quality",
    operation_id="get_quality",
    summary="See the quality of your reports",
    auth=signed,
    response={200: schemas.Quality, **refusals(429)},
)
def get_quality(
    request: HttpRequest, days: Annotated[int, Query(ge=1, le=366, description="So many days back.")] = 30
) -> Any:
    """Rows accepted, said before, refused (by reason) and late, as counts and as parts per million, and a score: a row
    on time is worth 4, later than a day 3, later than seven days 2, a duplicate 2, a refused one 0, of 4.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    since = caller.at - timedelta(days=days)
    found = quality_of(caller.provider, since=since, until=caller.at)
    shares = {
        f"{name}_ppm": getattr(found, name) * MILLION // found.rows if found.rows else None
        for name in ("accepted", "duplicate", "refused", "late_1_day")
    }
    span = {"since": since.isoformat(), "until": caller.at.isoformat()}
    return {**span, **asdict(found), **shares, "score": found.score}
