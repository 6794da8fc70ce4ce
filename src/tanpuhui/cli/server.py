"""Server: the one web server of a home: started in the background, found again, and stopped."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tanpuhui.cli import start
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import VARIABLE, home
from tanpuhui.kit.refusal import Refusal

LOCK, RECORD, LOG = "server.lock", "server.json", "server.log"
#: Where a demonstration's witnesses have their homes, and in each the port at which it answers.
WITNESSES, PORT = "witnesses", "port"
FIRST_PORT, LAST_PORT = 8000, 8099
#: How long a server may take to answer for the first time, and to end, in seconds.
STARTS_IN_S, STOPS_IN_S = 60.0, 30.0


class ServerRuns(Refusal):
    code = "serve.runs_already"
    message = "A server of {home} runs already, at {url}. Stop it with 'tanpuhui serve --stop' first."


class ServerDoesNotStart(Refusal):
    code = "serve.does_not_start"
    message = "The server did not start. Read {log}, mend what it says, and repeat the command."


class ServerDoesNotStop(Refusal):
    code = "serve.does_not_stop"
    message = (
        "The server, process {pid}, did not stop in {seconds} s. Look at what it does, then end it yourself."
    )


class NoFreePort(Refusal):
    code = "serve.no_free_port"
    message = "No port from {first} to {last} is free on {host}. Name another with --port."


class PortInUse(Refusal):
    code = "serve.port_in_use"
    message = "Port {port} on {host} is used by another program. Name another with --port."


@dataclass(frozen=True)
class Running:
    """A server that runs: its home, process and address."""

    home: Path
    pid: int
    url: str

    def as_json(self) -> dict[str, Any]:
        return {"home": str(self.home), "pid": self.pid, "url": self.url}


@contextmanager
def inbox_taken(*, wanted: bool) -> Iterator[None]:
    """While the block serves, processes beside it take what arrives in the inbox and keep the log; they end with it.

    So do a demonstration's witnesses, each in a process and a home of its own.
    """
    if not wanted:
        yield
        return
    processes = [
        *(_beside([*work, "--beside-server"]) for work in (("evidence", "work"), ("log", "work"))),
        *(_witness(place) for place in sorted(witnesses_of(home()).glob(f"*/{PORT}"))),
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOPS_IN_S)


def witnesses_of(place: Path) -> Path:
    """The homes of a demonstration's witnesses; other installations have none, since witnesses are somebody else's."""
    return place / WITNESSES


def _witness(port: Path) -> subprocess.Popen[bytes]:
    """A witness at its port: nothing of this home is told to it but where the server is, beside which it runs."""
    serve = ["witness", "serve", "--port", port.read_text(), "--beside-server", str(home())]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TANPUHUI_", "DJANGO_"))
    }
    return _beside(serve, {**kept, VARIABLE: str(port.parent)})


def _beside(work: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    program = start.installation().program
    return subprocess.Popen([*program, *work], stdin=subprocess.DEVNULL, cwd="/", env=environment)


@contextmanager
def being_served(home: Path, host: str, port: int, *, tls: bool = False) -> Iterator[None]:
    """Hold the home's lock while the block serves, and say where; the lock is let go when the process ends."""
    stream = (home / LOCK).open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        known = running(home)
        raise ServerRuns(home=home, url=known.url if known else "?") from None
    url = f"{'https' if tls else 'http'}://{'localhost' if host in ('127.0.0.1', '::1') else host}:{port}"
    write_bytes(home / RECORD, json.dumps({"pid": os.getpid(), "url": url}).encode())
    _held.append(stream)
    try:
        yield
    finally:
        (home / RECORD).unlink(missing_ok=True)


#: Servers that this process started; it may end before they do.
_started: list[subprocess.Popen[bytes]] = []

#: Locks that this process holds until it ends, after everything else of it has ended.
_held: list[Any] = []


def running(home: Path) -> Running | None:
    """The server of a home, if one runs."""
    if not (home / LOCK).exists() or not _is_held(home / LOCK):
        return None
    try:
        known = json.loads((home / RECORD).read_bytes())
    except FileNotFoundError:
        return None
    return Running(home, known["pid"], known["url"])


def start_in_background(home: Path, *, host: str = "127.0.0.1", demo: bool = False) -> Running:
    """Start a server that outlives this process, on the first free port; answers when it serves."""
    port = free_port(host)
    environment = {**os.environ, "TANPUHUI_HOME": str(home)} | ({"TANPUHUI_DEMO": "1"} if demo else {})
    command = [*start.installation().program, "serve", "--host", host, "--port", str(port), "--inbox"]
    log = home / LOG
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            start_new_session=True,
            cwd="/",
        )
    _started.append(process)
    until = time.monotonic() + STARTS_IN_S
    while time.monotonic() < until and process.poll() is None:
        known = running(home)
        if known and _answers(f"http://{host}:{port}/healthz"):
            return known
        time.sleep(0.1)
    process.terminate()
    raise ServerDoesNotStart(log=log)


def stop(home: Path) -> Running | None:
    """Stop the server of a home and wait for its end; answers which it was."""
    known = running(home)
    if known is None:
        return None
    os.kill(known.pid, signal.SIGTERM)
    until = time.monotonic() + STOPS_IN_S
    while _is_held(home / LOCK):
        if time.monotonic() > until:
            raise ServerDoesNotStop(pid=known.pid, seconds=round(STOPS_IN_S))
        time.sleep(0.05)
    for process in _started:
        if process.pid == known.pid:
            process.wait(STOPS_IN_S)
    return known


def free_port(host: str) -> int:
    """The first port from 8000 on that nobody listens to."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        if is_free(host, port):
            return port
    raise NoFreePort(first=FIRST_PORT, last=LAST_PORT, host=host)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_held(lock: Path) -> bool:
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
