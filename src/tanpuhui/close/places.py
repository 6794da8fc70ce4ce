"""Places: where the files of an installation are. Imports no Django, so that help can be shown without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tanpuhui.close.store import Store

#: The folder of the lake in which inputs are frozen.
FROZEN = "frozen"
#: The folder of results and credits.
RESULTS = "closes"


@dataclass(frozen=True)
class Places:
    """Where the files of this installation are, and into how many buckets accounts are divided."""

    lake: Path
    buckets: int

    @property
    def frozen(self) -> Store:
        """Inputs that were taken from the database, as they stood."""
        return Store(self.lake, FROZEN)

    @property
    def results(self) -> Store:
        """Results and credits of closes."""
        return Store(self.lake, RESULTS)
