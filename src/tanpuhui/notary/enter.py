"""Enter: give every fact that has none a leaf, seal every row that is not sealed, and sign a checkpoint over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.notary.seals import is_behind, seal
from tanpuhui.notary.sources import sources
from tanpuhui.transparency.log import Log, enter, lock, sign_checkpoint
from tanpuhui.transparency.models import SignedCheckpoint


@dataclass(frozen=True)
class Entered:
    """How many leaves are new, the checkpoint that covers all of them, and whether more rows wait than it took."""

    new: int
    checkpoint: SignedCheckpoint
    is_behind: bool = False


def enter_all(log: Log, *, at: datetime, rows: bool = True, report: Report = nobody) -> Entered:
    """Enter what waits and sign, in the caller's transaction. The caller publishes once it is committed.

    Without ``rows``, facts alone enter: whoever does this every second seals rows every minute.
    """
    lock()
    kinds = told(sources(), report, "Entering facts", len(sources()))
    new = enter((record for source in kinds for record in source.waiting()), at=at)
    sealed = seal(at=at, report=report) if rows else []
    new += enter(sealed, at=at)
    return Entered(new, sign_checkpoint(log, at=at), is_behind(sealed))


def waiting() -> dict[str, int]:
    """How many facts of each kind have no leaf yet."""
    counted = {source.kind: sum(1 for _ in source.waiting()) for source in sources()}
    return {kind: count for kind, count in counted.items() if count}
