"""The web server, in processes of its own that are forked from the program's, on an installation of its own."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from program import HOST, Beside, Program


@dataclass
class Server:
    """A server that runs: where it is, and the processes that answer."""

    url: str
    process: Beside

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [
            int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()
        ]

    def kill(self) -> None:
        """Kill all of it with SIGKILL."""
        for pid in (self.process.pid, *self.workers()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.end(signal.SIGKILL)

    def peak_bytes(self) -> int:
        """The largest memory that a worker ever had."""
        peaks = []
        for pid in self.workers():
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            peaks.append(int(status.split("VmHWM:")[1].split()[0]) * 1024)
        return max(peaks)


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def start(program: Program, *, port: int | None = None, crash_at: str = "") -> Server:
    """Start the server and wait until it answers."""
    port = free_port() if port is None else port
    server = Server(f"http://{HOST}:{port}", program.serve(port, crash_at=crash_at))
    wait_for(server.url)
    return server


@contextmanager
def serving(program: Program, *, crash_at: str = "") -> Iterator[Server]:
    """Run the server until the block ends; it may have killed itself by then."""
    server = start(program, crash_at=crash_at)
    try:
        yield server
    finally:
        server.process.end()


def wait_for(url: str) -> None:
    """Until a server that is being started answers."""
    for _ in range(400):
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/healthz", timeout=20)
            return
        time.sleep(0.05)
    raise AssertionError("the server did not start")
