"""The program in processes of its own, on an installation of its own.

Each command is a process that is forked from one that has imported everything, so that it starts at once; it can be
killed at a crash point or after a time, and held to limits of memory and file size. A command, or the web server, may
also go on beside the others until it is ended.
"""

from __future__ import annotations

import gc
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import prepared
import slow_disk

#: Where servers of tests listen.
HOST = "127.0.0.1"


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


@dataclass(frozen=True)
class Beside:
    """A process that goes on beside the commands."""

    program: Program
    pid: int

    def end(self, signal_number: int = signal.SIGTERM, *, within_s: float = 20.0) -> int:
        """Signal it and wait for its end, of which there may have been another cause; its status, once."""
        order = {"pid": self.pid, "signal": int(signal_number), "within_s": within_s}
        return int(self.program.order("end", **order)["status"])


class Program:
    """Commands of one installation."""

    def __init__(self, home: Path) -> None:
        ours = ("TANPUHUI_", "DJANGO_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.home = home
        self._one_order = Lock()
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
        return Answer(
            **self.order(
                "command",
                arguments=[str(argument) for argument in arguments],
                environment={**environment, "TANPUHUI_CRASH_AT": crash_at},
                kill_after_s=kill_after_s,
                largest_file_bytes=largest_file_bytes,
            )
        )

    def python(self, code: str, *arguments: str) -> str:
        """Run code on this installation's database; what it prints."""
        answer = Answer(**self.order("code", code=code, arguments=list(arguments)))
        assert answer.status == 0, answer
        return answer.out

    def begin(self, *arguments: str | Path | int, **environment: str) -> Beside:
        """Begin a command that goes on beside the others."""
        words = [str(argument) for argument in arguments]
        return Beside(self, self.order("begin", arguments=words, environment=environment)["pid"])

    def serve(self, port: int, *, crash_at: str = "") -> Beside:
        """Begin to answer requests as a web server does, granian with one process that answers."""
        environment = {"TANPUHUI_CRASH_AT": crash_at}
        return Beside(self, self.order("serve", port=port, environment=environment)["pid"])

    def order(self, kind: str, **facts: Any) -> Any:
        """Have the process that forks do one thing; one at a time."""
        assert self.server.stdin is not None
        with self._one_order:
            self.server.stdin.write(json.dumps({"kind": kind, **facts}) + "\n")
            self.server.stdin.flush()
            return self._read()

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
    from tanpuhui.methodology import load
    from tanpuhui.project import command, database

    database.prepare()
    # The library is the repository's own: it is read once, not by each command.
    load.load_methodology = cache(load.load_methodology)
    load.load_library()
    import duckdb
    import pyarrow.parquet

    from tanpuhui.cli import account, evidence, grant, ledger, log, lot, statement, work
    from tanpuhui.cli import close as close_commands
    from tanpuhui.close import replay, run
    from tanpuhui.evidence import link, take
    from tanpuhui.evidence.distances import illustrative_distances
    from tanpuhui.quantify.engines import duckdb as engine
    from tanpuhui.registry import certify

    assert all((account, evidence, grant, ledger, log, lot, statement, work, close_commands, engine))
    assert all((duckdb, pyarrow.parquet, replay, run, link, take, certify))
    illustrative_distances()
    command.use()
    _stay_prepared()
    _disconnect()
    gc.collect()
    gc.freeze()
    orders, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    _tell(answers, {})
    beside: set[int] = set()
    try:
        for line in orders:
            order = json.loads(line)
            _tell(answers, _carry_out(order.pop("kind"), order, beside, command.status_of))
    finally:
        for pid in beside:
            os.kill(pid, signal.SIGKILL)
        gc.unfreeze()


def _stay_prepared() -> None:
    """A command finds the database ready while its server is the one that runs now; otherwise it starts it anew."""
    from tanpuhui.cli import start
    from tanpuhui.kit.home import home
    from tanpuhui.project import database, embedded

    ours, known = home(), start.installation()
    file = embedded.data_folder(ours) / "postmaster.pid"
    running = file.read_bytes()

    def prepare() -> None:
        here = home() == ours and database.VARIABLE not in os.environ
        if not (here and file.exists() and file.read_bytes() == running and _is_alive(running)):
            known.prepare()

    start.use(
        prepare, application=known.application, prepare_pages=known.prepare_pages, program=known.program
    )


def _is_alive(record: bytes) -> bool:
    """Whether the server that wrote its process's number first lives, and is no zombie."""
    try:
        state = Path(f"/proc/{int(record.split()[0])}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def _tell(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _carry_out(
    kind: str, order: dict[str, Any], beside: set[int], status_of: Callable[[list[str]], int]
) -> dict[str, Any]:
    match kind:
        case "command":
            return _waited_for(order, lambda: status_of(order["arguments"]))
        case "code":
            return _waited_for(order, lambda: _run_code(order["code"], order["arguments"]))
        case "begin":
            return _begun(order, lambda: status_of(order["arguments"]), beside)
        case "serve":
            _import_pages()
            return _begun(order, lambda: _answer_requests(order["port"]), beside)
        case "end":
            return _ended(order, beside)
    raise ValueError(kind)


def _waited_for(order: dict[str, Any], work: Callable[[], int]) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _become(order, work)
        if order.get("kill_after_s") is not None:
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


def _begun(order: dict[str, Any], work: Callable[[], int], beside: set[int]) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for channel in (0, 1):
            os.dup2(nothing, channel)
        _become(order, work)
    beside.add(child)
    return {"pid": child}


def _ended(order: dict[str, Any], beside: set[int]) -> dict[str, Any]:
    """One that does not end in time is killed; one that was ended already stays so."""
    if order["pid"] not in beside:
        return {"status": 0}
    pid, until = order["pid"], time.monotonic() + order["within_s"]
    os.kill(pid, order["signal"])
    found, ended = os.waitpid(pid, os.WNOHANG)
    while not found and time.monotonic() < until:
        time.sleep(0.01)
        found, ended = os.waitpid(pid, os.WNOHANG)
    if not found:
        os.kill(pid, signal.SIGKILL)
        _, ended = os.waitpid(pid, 0)
    beside.discard(pid)
    return {"status": os.waitstatus_to_exitcode(ended)}


def _become(order: dict[str, Any], work: Callable[[], int]) -> None:
    os.environ.update(order.get("environment", {}))
    slow_disk.slow_down()
    if order.get("largest_file_bytes") is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = order["largest_file_bytes"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    status = 1
    try:
        status = work()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run_code(code: str, arguments: list[str]) -> int:
    sys.argv[1:] = arguments
    exec(code, {"__name__": "__main__"})
    return 0


def _import_pages() -> None:
    """What a server of this installation would import and prepare, once for all of them."""
    if "tanpuhui.project.urls" in sys.modules:
        return
    import granian.server
    from django.urls import get_resolver

    from tanpuhui.api.resident import balance
    from tanpuhui.project import pages
    from tanpuhui.web.public.library import library

    assert all((granian.server, balance, get_resolver().url_patterns))
    pages.prepare()
    library()
    _disconnect()


def _answer_requests(port: int) -> int:
    import multiprocessing

    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    multiprocessing.set_start_method("fork", force=True)
    Server(
        "tanpuhui.project.wsgi:application",
        address=HOST,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()
    return 0


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()


def lines_file(path: Path, lines: Sequence[str]) -> Path:
    """A file of lines, each ended by LF."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


if __name__ == "__main__":
    serve()


@contextmanager
def with_residents() -> Iterator[Program]:
    """An installation of two residents, who let the generic provider report their metro trips."""
    with installation() as program:
        program.json("account", "open", "--count", 2)
        for account, person in ((1, "a"), (2, "b")):
            program.json("evidence", "link", "generic", person, account)
            given = ("--provider", "generic", "--kind", "metro_trip", "--from", "2026-01-01")
            program.json("grant", "give", "--account", account, *given)
        yield program
