"""The program in processes of its own, on an installation of its own.

Each command is a process that is forked from one that has imported everything, so that it starts at once; it can be
killed at a crash point or after a time, and held to limits of memory and file size.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prepared


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it printed; a negative status is the signal that killed it."""

    status: int
    out: str
    err: str
    peak_bytes: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def refused(self) -> Any:
        """Code, message and facts of a refusal that was printed as JSON."""
        return self.json["refused"]


class Program:
    """Commands of one installation."""

    def __init__(self, home: Path) -> None:
        ours = ("TANPUHUI_", "DJANGO_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.home = home
        self.server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**kept, "TANPUHUI_HOME": str(home), "TANPUHUI_BUCKETS": "2"},
        )
        self._read()

    def run(
        self,
        *arguments: str | Path | int,
        crash_at: str = "",
        kill_after_s: float | None = None,
        largest_file_bytes: int | None = None,
        **environment: str,
    ) -> Answer:
        """Run one command to its end, or until it is killed."""
        order = {
            "arguments": [str(argument) for argument in arguments],
            "environment": {**environment, "TANPUHUI_CRASH_AT": crash_at},
            "kill_after_s": kill_after_s,
            "largest_file_bytes": largest_file_bytes,
        }
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        return Answer(**self._read())

    def json(self, *arguments: str | Path | int, status: int = 0, **environment: str) -> Any:
        """Run one command with ``--json``; what it prints, once its status is as expected."""
        answer = self.run(*arguments, "--json", **environment)
        assert answer.status == status, answer
        return answer.json

    def leave(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait(60)
        self.server.stdout.close()

    def _read(self) -> Any:
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, "the program did not start"
        return json.loads(line)


@contextmanager
def installation() -> Iterator[Program]:
    """A program with a home that its server's user can reach, and that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tanpuhui-program-"))
    folder.chmod(0o711)
    home = folder / "home"
    home.mkdir(mode=0o711)
    home.chmod(0o711)
    prepared.adopt(home)
    try:
        program = Program(home)
        yield program
        program.leave()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve() -> None:
    """Import everything, start the database, and fork one process for each order on standard input."""
    from tanpuhui.methodology.load import load_library
    from tanpuhui.project import command, database

    database.prepare()
    load_library()
    import duckdb
    import pyarrow.parquet

    from tanpuhui.close import replay, run
    from tanpuhui.evidence import link, take
    from tanpuhui.registry import certify

    assert all((duckdb, pyarrow.parquet, replay, run, link, take, certify))
    command.use()
    _disconnect()
    orders, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    _tell(answers, {})
    for line in orders:
        _tell(answers, _fork(json.loads(line), command.status_of))


def _tell(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _fork(order: dict[str, Any], status_of: Any) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _become(order, status_of)
        if order["kill_after_s"] is not None:
            time.sleep(order["kill_after_s"])
            os.kill(child, signal.SIGKILL)
        _, ended, used = os.wait4(child, 0)
        out.seek(0)
        err.seek(0)
        status = os.waitstatus_to_exitcode(ended)
        return {
            "status": status,
            "out": out.read(),
            "err": err.read(),
            "peak_bytes": used.ru_maxrss * 1024,
        }


def _become(order: dict[str, Any], status_of: Any) -> None:
    os.environ.update(order["environment"])
    if order["largest_file_bytes"] is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = order["largest_file_bytes"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    status = 1
    try:
        status = status_of(order["arguments"])
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()


def lines_file(path: Path, lines: Sequence[str]) -> Path:
    """A file of lines, each ended by LF."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    serve()
