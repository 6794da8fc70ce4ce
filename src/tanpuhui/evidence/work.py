"""Work: take what waits in the inbox into the lake; many small batches of one provider at a time.

Each batch ends as it would if they were taken one after the other: with its own counts, refused rows and receipt, or
refused as a whole. The caller opens and closes the transaction, and removes the files afterwards: a file that is
left behind by a kill is swept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db.models import F

from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.envelope import Envelope, FileMissing, examine
from tanpuhui.evidence.models import Batch, InboxBatch, InboxRefusal, InboxWaiting
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.rows import OtherSheet, Staging, sheet_of, stage
from tanpuhui.evidence.settle import Bench, Intake, settle, workbench
from tanpuhui.evidence.take import refuse_other_buckets, turn_is_free, wait_for_turn
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.span import span

#: Batches and bytes that are taken together: enough that what each taking costs does not matter.
MOST_TOGETHER = 500
MOST_BYTES_TOGETHER = 64 * 1024**2
#: Where taking a batch fails through our fault, it rests this long, times the attempts, and others go first.
REST = timedelta(minutes=1)


class TakenOtherwise(Refusal):
    code = "evidence.taken_otherwise"
    message = (
        "The key {key} was used for batch {batch}, which came as a file meanwhile. Look at that batch's receipt, "
        "and send other content under a key of its own."
    )


class Damaged(Refusal):
    code = "evidence.damaged"
    message = "The batch was damaged on our disk before it was taken. Send it again under a new key."


@dataclass
class Taken:
    """What one taking did: receipts, batches refused as a whole, and files that nobody needs any more."""

    receipts: list[Receipt] = field(default_factory=list)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    done: list[InboxBatch] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(answer.rows for answer in self.receipts)

    def remove_files(self, inbox: Path) -> None:
        """Remove the files of what was taken, once the transaction has committed."""
        crash_point("evidence.work.committed")
        for batch in self.done:
            (inbox / batch.path).unlink(missing_ok=True)


@dataclass(frozen=True)
class Place:
    """Where batches come from and go to."""

    inbox: Path
    lake: Path
    buckets: int
    zone: str


def take_waiting(
    provider: str,
    place: Place,
    *,
    at: datetime,
    only: int | None = None,
    most: int = MOST_TOGETHER,
    most_bytes: int = MOST_BYTES_TOGETHER,
    wait: bool = True,
) -> Taken:
    """Take the oldest batches of a provider that can be read as one, inside the caller's transaction.

    ``only`` takes one batch, whatever waits before it. At least one batch is done where any is ready, unless ``wait``
    is false and another transaction has the provider's turn: that one takes them.
    """
    taken = Taken()
    if not wait and not turn_is_free(provider):
        return taken
    wait_for_turn(provider)
    refuse_other_buckets(place.buckets)
    waiting = _next(provider, at, only, most, most_bytes)
    if not waiting:
        return taken
    with span("evidence.take", {"tanpuhui.batches": len(waiting)}) as traced:
        _take(waiting, place, taken)
        traced.says({"tanpuhui.rows": taken.rows})
    for batch, refusal in taken.refused:
        kept = refusal.as_json()
        InboxRefusal.objects.create(
            batch_id=batch, code=kept["code"], message=kept["message"], facts=kept["facts"], at=at
        )
    InboxWaiting.objects.filter(batch__in=[batch.pk for batch in taken.done]).delete()
    crash_point("evidence.work.before_commit")
    return taken


def rest(provider: str, *, at: datetime, only: int) -> None:
    """Let a batch rest that could not be taken through our fault, so that those behind it are."""
    waiting = InboxWaiting.objects.filter(provider=provider, batch_id=only)
    for each in waiting:
        waiting.update(attempts=F("attempts") + 1, not_before=at + REST * (each.attempts + 1))


def oldest_waiting(provider: str, *, at: datetime) -> int | None:
    """The batch whose turn is next."""
    ready = InboxWaiting.objects.filter(provider=provider, not_before__lte=at).order_by("batch_id")
    return ready.values_list("batch_id", flat=True).first()


def _next(provider: str, at: datetime, only: int | None, most: int, most_bytes: int) -> list[InboxBatch]:
    ready = InboxWaiting.objects.filter(provider=provider).select_related("batch").order_by("batch_id")
    if only is not None:
        return [each.batch for each in ready.filter(batch_id=only)]
    chosen: list[InboxBatch] = []
    size_bytes = 0
    for each in ready.filter(not_before__lte=at)[:most]:
        size_bytes += each.size_bytes
        if chosen and size_bytes > most_bytes:
            break
        chosen.append(each.batch)
    return chosen


def _take(waiting: Sequence[InboxBatch], place: Place, taken: Taken) -> None:
    """Stage as many as read as one sheet, then settle them; each that cannot be staged is refused alone."""
    contract = contracts.latest(waiting[0].provider)
    form, terms = format_called(contract.format), contract.terms()
    others = _batches_of_keys(waiting)
    intakes: list[Intake] = []
    shape = 0
    with workbench(place.lake) as (connection, work):
        for batch in waiting:
            try:
                _refuse_late(batch, others, place)
                to = Staging(batch.pk * ROWS_PER_BATCH, append=bool(intakes))
                envelope = _examined(batch, place)
                found = stage(connection, envelope, form, terms, to)
            except OtherSheet:
                break
            except Refusal as refusal:
                taken.refused.append((batch.pk, refusal))
                taken.done.append(batch)
                continue
            assert not intakes or found == shape, "equal columns have one shape"
            shape = found
            intakes.append(Intake(batch.pk, batch.key, batch.digest, batch.stem, batch.received_at))
            taken.done.append(batch)
            if form.alone:
                break
        if intakes:
            sheet = sheet_of(connection, shape, intakes[0].stem)
            bench = Bench(contract, terms, place.lake, place.buckets, place.zone)
            taken.receipts = settle(connection, work, bench, intakes, form=form, sheet=sheet)


def _batches_of_keys(waiting: Sequence[InboxBatch]) -> dict[str, int]:
    keys = [batch.key for batch in waiting]
    return dict(Batch.objects.filter(provider=waiting[0].provider, key__in=keys).values_list("key", "id"))


def _refuse_late(batch: InboxBatch, others: dict[str, int], place: Place) -> None:
    """Refuse what changed since the batch arrived: its contract ended or was disabled, its key was used for a file."""
    if batch.key in others:
        raise TakenOtherwise(key=batch.key, batch=others[batch.key])
    contracts.in_force(batch.provider, batch.received_at.astimezone(ZoneInfo(place.zone)).date())


def _examined(batch: InboxBatch, place: Place) -> Envelope:
    try:
        envelope = examine(place.inbox / batch.path, f"{batch.stem}.{batch.media}")
    except FileMissing as error:
        raise Damaged from error
    if envelope.digest != batch.digest:
        raise Damaged
    return envelope


def state_of(batch: InboxBatch) -> str:
    """``waiting``, ``taken`` or ``refused``."""
    if Batch.objects.filter(pk=batch.pk).exists():
        return "taken"
    return "refused" if InboxRefusal.objects.filter(batch=batch).exists() else "waiting"
