"""Choice: which engine computes a close, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.bucket import Engine
from tanpuhui.quantify.engines.duckdb import DuckDb

ENGINES = ("duckdb", "spark")


class UnknownEngine(Refusal):
    code = "close.unknown_engine"
    message = "There is no engine {name!r}. Choose one of: {known}."


class EngineMisplaced(Refusal):
    code = "quantify.engine_misplaced"
    message = (
        "{engine} was told {given}. duckdb runs in this process and takes neither --master nor --remote; "
        "spark takes one of the two: --master spark://host:7077, or --remote sc://host:15002."
    )


@dataclass(frozen=True)
class EngineChoice:
    """An engine by name; ``master`` is a Spark cluster's address, ``remote`` that of a Spark Connect server."""

    name: str = "duckdb"
    master: str | None = None
    remote: str | None = None

    def refuse_unfit(self) -> None:
        """Refuse a name that is unknown, and addresses that the engine has no use for or not enough of."""
        if self.name not in ENGINES:
            raise UnknownEngine(name=self.name, known=", ".join(ENGINES))
        places = [
            f"--{name} {value}" for name, value in (("master", self.master), ("remote", self.remote)) if value
        ]
        if len(places) != (1 if self.name == "spark" else 0):
            raise EngineMisplaced(engine=self.name, given=" and ".join(places) or "no address")


#: In this process: what everybody has.
EMBEDDED = EngineChoice()


@dataclass(frozen=True)
class Running:
    """An engine that was found: ``start`` makes one of a memory limit and threads, for one bucket after the other."""

    name: str
    version: str
    start: Callable[[str, int], AbstractContextManager[Engine]]

    def as_json(self) -> dict[str, str]:
        """As a manifest names it."""
        return {"name": self.name, "version": self.version}


@contextmanager
def running(choice: EngineChoice, shared: Path) -> Iterator[Running]:
    """The engine of a choice, ready; ``shared`` is a folder that all of its machines see at the same path."""
    choice.refuse_unfit()
    if choice.name == "duckdb":
        yield Running(
            DuckDb.name, DuckDb.version, lambda limit, threads: DuckDb(memory_limit=limit, threads=threads)
        )
        return
    from tanpuhui.quantify.engines.cluster import cluster

    with cluster(master=choice.master, remote=choice.remote, shared=shared) as found:
        yield Running("spark", found.version, lambda _limit, _threads: found.engine())
