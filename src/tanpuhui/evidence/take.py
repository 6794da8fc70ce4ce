"""Take: a provider's file in, every row accepted, duplicate or refused, and a signed receipt out.

The caller opens and closes the transaction. Lake files are written first, under their digests; the rows that refer
to them follow in the transaction, so that a crash at any point leaves the state as it was before.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import connection as database

from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence import lake as lakes
from tanpuhui.evidence import receipt
from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.envelope import examine
from tanpuhui.evidence.models import Batch
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.rows import Progress, Staging, sheet_of, stage
from tanpuhui.evidence.settle import Bench, Intake, next_batch_id, settle, workbench
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.span import span

#: Account buckets of the lake where the caller names no other number.
BUCKETS = 16


class KeyReused(Refusal):
    code = "evidence.key_reused"
    message = (
        "{provider} used the key {key} before, for a file with the digest {digest}. "
        "Give the new file a key of its own."
    )


class KeyTooLong(Refusal):
    code = "evidence.key_too_long"
    message = "A key has 1 to 200 characters, and this one has {length}. Give another."


class BucketsChanged(Refusal):
    code = "evidence.buckets_changed"
    message = (
        "The lake has {buckets} buckets, and {asked} were asked for. Use {buckets}: records cannot move."
    )


def take(
    provider: str,
    path: Path,
    *,
    key: str | None = None,
    at: datetime,
    lake: Path,
    buckets: int = BUCKETS,
    zone: str = "Asia/Shanghai",
    progress: Progress | None = None,
    stem: str | None = None,
    own: bool = False,
    threads: int | None = None,
) -> Receipt:
    """Take a provider's file, inside the caller's transaction.

    The same file and key again give the same receipt and change nothing. ``key`` is the file's digest where none
    is given; ``stem`` is what its provider calls it, without the ending, where the path has another name; ``zone``
    is the jurisdiction's, which says to which day an act belongs; ``own`` says
    that the platform itself reports; ``threads`` is how many the engine has, one a core where it is not said. Refuses,
    with nothing changed: an unknown provider or a contract not in force, a file that is not of the format as a whole, a
    key used before for other content, a full disk.
    """
    contract = contracts.in_force(provider, at.astimezone(ZoneInfo(zone)).date(), own=own)
    stem = path.stem if stem is None else stem
    envelope = examine(path, f"{stem}{path.suffix}")
    key = envelope.digest if key is None else key
    before = begin(provider, key=key, digest=envelope.digest, buckets=buckets)
    if before is not None:
        return before
    form, terms = format_called(contract.format), contract.terms()
    intake = Intake(next_batch_id(), key, envelope.digest, stem, at)
    to = Staging(intake.batch * ROWS_PER_BATCH, progress=progress or _silent)
    with (
        span("evidence.take", {"tanpuhui.batches": 1}) as traced,
        workbench(lake, threads) as (connection, work),
    ):
        shape = stage(connection, envelope, form, terms, to)
        sheet = sheet_of(connection, shape, stem)
        bench = Bench(contract, terms, lake, buckets, zone)
        [answer] = settle(connection, work, bench, [intake], form=form, sheet=sheet)
        traced.says({"tanpuhui.rows": answer.rows})
    return answer


def begin(provider: str, *, key: str, digest: str, buckets: int) -> Receipt | None:
    """Wait for this provider's turn; answer the receipt that this key had before, if any.

    One provider's batches are taken one after the other, so that an id counts once whatever arrives at once.
    """
    if not 1 <= len(key) <= 200:
        raise KeyTooLong(length=len(key))
    wait_for_turn(provider)
    before = Batch.objects.filter(provider=provider, key=key).first()
    if before is None:
        refuse_other_buckets(buckets)
        return None
    if before.digest != digest:
        raise KeyReused(provider=provider, key=key, digest=before.digest)
    return receipt.of(before)


def wait_for_turn(provider: str) -> None:
    """Wait until no other transaction takes this provider's batches, and keep others waiting until this one ends."""
    assert database.in_atomic_block, "the caller opens the transaction"
    lakes.hold_off_sweep()
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [_turn(provider)])


def turn_is_free(provider: str) -> bool:
    """Have this provider's turn until the transaction ends, unless another transaction has it."""
    assert database.in_atomic_block, "the caller opens the transaction"
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", [_turn(provider)])
        return bool(cursor.fetchone()[0])


def _turn(provider: str) -> str:
    return f"evidence|{provider}"


def refuse_other_buckets(buckets: int) -> None:
    """Refuse another number of buckets than the lake has."""
    assert buckets >= 1
    last = Batch.objects.order_by("-id").values_list("buckets", flat=True).first()
    if last is not None and last != buckets:
        raise BucketsChanged(buckets=last, asked=buckets)


def _silent(_done: int, _whole: int) -> None:
    """Nobody watches."""
