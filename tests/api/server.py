"""The real server, in processes of its own, on an installation of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

HOST = "127.0.0.1"


@dataclass
class Server:
    """A server that runs: where it is, and the processes that answer."""

    url: str
    process: subprocess.Popen[bytes]

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
        self.process.wait()

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


def start(home: Path, *, port: int | None = None, crash_at: str = "") -> Server:
    """Start the server and wait until it answers."""
    port = free_port() if port is None else port
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "error"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TANPUHUI_", "DJANGO_"))
    }
    environment |= {"TANPUHUI_HOME": str(home), "TANPUHUI_BUCKETS": "2", "TANPUHUI_CRASH_AT": crash_at}
    gather = "from tanpuhui.project import database, pages; database.prepare(); pages.prepare()"
    subprocess.run([sys.executable, "-c", gather], env=environment | {"TANPUHUI_CRASH_AT": ""}, check=True)
    process = subprocess.Popen([*command, "tanpuhui.project.wsgi:application"], env=environment)
    server = Server(f"http://{HOST}:{port}", process)
    _wait_for(server.url)
    return server


@contextmanager
def serving(home: Path, *, crash_at: str = "") -> Iterator[Server]:
    """Run the server until the block ends; it may have killed itself by then."""
    server = start(home, crash_at=crash_at)
    try:
        yield server
    finally:
        server.process.terminate()
        try:
            server.process.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_for(url: str) -> None:
    for _ in range(200):
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/api/v1/openapi.json", timeout=20)
            return
        time.sleep(0.1)
    raise AssertionError("the server did not start")
