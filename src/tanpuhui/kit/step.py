"""Step: a relation made by a query from relations before it; what engines run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A relation and the query that makes it; ``kept`` says that it is read more than once."""

    name: str
    query: str
    kept: bool = True
