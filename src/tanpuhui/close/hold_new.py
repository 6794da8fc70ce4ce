"""Hold new: what closes newly brought is looked at for fraud before it is paid, each close once, by whoever works.

Which closes were looked at is in the audit trail (``acts_held`` of a day, with the digest of its close), so a worker
that begins again goes on where it ended. A second look changes nothing: a flag is there once for each version of a
pattern.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction

from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry
from tanpuhui.close.due import held_otherwise
from tanpuhui.close.hold import Holding, hold
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.run import close_day
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction

VERB = "acts_held"
#: How many days are looked at together, and for how long after its posting a close is still looked at.
DAYS, LATEST = 7, timedelta(days=30)


def not_looked_at(at: datetime) -> list[tuple[date, str]]:
    """Days whose standing close was posted lately and not looked at, with its digest, in order."""
    posted = Manifest.objects.filter(posted_at__gt=at - LATEST, posted_at__lte=at)
    standing = dict(posted.order_by("day", "-sequence").distinct("day").values_list("day", "digest"))
    entries = AuditEntry.objects.filter(verb=VERB, object_kind="day", at__gt=at - LATEST)
    looked = set(entries.values_list("object_key", "facts__close"))
    return [(day, digest) for day, digest in standing.items() if (day.isoformat(), digest) not in looked]


def hold_new(*, at: datetime, places: Places, jurisdiction: Jurisdiction, library: Library, most: int) -> int:
    """Look at so many new closes at most, the oldest day first; answers how many acts are newly held.

    Days whose holds or verdicts changed since their close are closed again first: a kill, or an appeal that was upheld,
    left them. Opens transactions of its own, as the close does.
    """
    for day in held_otherwise():
        close_day(day, at=at, places=places, jurisdiction=jurisdiction, library=library, reopen=True)
    count = 0
    for day, digest in not_looked_at(at)[:most]:
        found = hold(day, DAYS, at=at, places=places, jurisdiction=jurisdiction, library=library)
        with transaction.atomic():
            note(day, found, digest, at=at)
        count += sum(found.new.values())
    return count


def note(day: date, found: Holding, digest: str, *, at: datetime) -> None:
    """Write down that a close was looked at, and what came of it."""
    facts = {"acts": found.looked_at, "close": digest, **found.new}
    record(VERB, who=None, at=at, object_kind="day", object_key=day.isoformat(), facts=facts)
