"""Visit: a clerk helps somebody who is at the counter, with one account, for half an hour at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tanpuhui.rights.models import Visit
from tanpuhui.rights.refusals import ReasonMissing, VisitOver

LASTS = timedelta(minutes=30)


def open_visit(
    account: int, *, clerk: UUID, organisation: str, document: str, reason: str, at: datetime
) -> Visit:
    """Begin a visit. Whose account it is has been found out by then, by document or letter."""
    assert document in dict(Visit.DOCUMENTS), "one of the documents"
    if not reason.strip():
        raise ReasonMissing
    return Visit.objects.create(
        account=account,
        clerk=clerk,
        organisation=organisation,
        document=document,
        reason=reason.strip(),
        opened_at=at,
        ends_at=at + LASTS,
    )


def present_visit(visit: UUID, *, clerk: UUID, organisation: str, at: datetime) -> Visit:
    """A visit that goes on, of this clerk at this organisation; any other is over."""
    known = Visit.objects.filter(pk=visit, clerk=clerk, organisation=organisation).first()
    if known is None or known.ended_at is not None or at >= known.ends_at:
        raise VisitOver
    return known


def end_visit(visit: UUID, *, at: datetime) -> None:
    """The person has gone."""
    Visit.objects.filter(pk=visit, ended_at__isnull=True).update(ended_at=at)
