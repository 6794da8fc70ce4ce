"""A slow disk for one process: what it puts on the disk takes longer, or stands still for as long as a file is there.

The process needs no right for that: the calls with which Python makes files durable wait first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: How long each such call waits; and a file: while it is there, those that put a file into a folder of that name wait,
#: and say so in a file beside it.
SECONDS, STANDS, FOLDER = "TESTS_SLOW_DISK_S", "TESTS_DISK_STANDS", "TESTS_DISK_STANDS_IN"
DURABLE = ("fsync", "fdatasync", "replace")


def slow_down() -> None:
    """Make this process's disk as slow as its environment says."""
    seconds, stands = float(os.environ.get(SECONDS, "0")), os.environ.get(STANDS)
    if not seconds and stands is None:
        return
    for name in DURABLE:
        setattr(os, name, _slowly(name, seconds, Path(stands) if stands else None))


def _slowly(name: str, seconds: float, stands: Path | None) -> Callable[..., Any]:
    call = getattr(os, name)

    def slow(*given: Any, **named: Any) -> Any:
        time.sleep(seconds)
        is_there = name == "replace" and os.environ.get(FOLDER) in Path(given[1]).parts
        while stands is not None and is_there and stands.exists():
            _reached(stands).touch()
            time.sleep(0.01)
        return call(*given, **named)

    return slow


def _reached(stands: Path) -> Path:
    return stands.with_name(f"{stands.name}.reached")


@dataclass(frozen=True)
class Standing:
    """A disk that stands still for the processes that are given its environment."""

    file: Path
    folder: str

    @property
    def environment(self) -> dict[str, str]:
        return {STANDS: str(self.file), FOLDER: self.folder}

    def is_reached(self) -> bool:
        """Whether a process waits for it."""
        return _reached(self.file).exists()

    def go_on(self) -> None:
        self.file.unlink(missing_ok=True)


@contextmanager
def standing(place: Path, folder: str) -> Iterator[Standing]:
    """A disk on which a folder stands still until it is told to go on, at the latest when the block ends."""
    disk = Standing(place / "disk-stands", folder)
    disk.file.touch()
    try:
        yield disk
    finally:
        disk.go_on()
        _reached(disk.file).unlink(missing_ok=True)


def until(is_so: Callable[[], object], within_s: float = 30.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
