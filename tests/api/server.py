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
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(
            encoding="ascii"
        )
        return [
            int(child)
            for child in children.split()
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    def kill_a_worker(self) -> None:
        for pid in self.workers()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def peak_bytes(self) -> int:
        """The largest memory that a worker ever had."""
        peaks = []
        for pid in self.workers():
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            peaks.append(int(status.split("VmHWM:")[1].split()[0]) * 1024)
        return max(peaks)


@contextmanager
def serving(home: Path, *, crash_at: str = "", respawn: bool = False) -> Iterator[Server]:
    """Run the server until the block ends; it may have killed itself by then."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "error"]
    if respawn:
        command += ["--respawn-failed-workers", "--respawn-interval", "0.1"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TANPUHUI_", "DJANGO_"))
    }
    environment |= {"TANPUHUI_HOME": str(home), "TANPUHUI_BUCKETS": "2", "TANPUHUI_CRASH_AT": crash_at}
    process = subprocess.Popen([*command, "tanpuhui.project.wsgi:application"], env=environment)
    try:
        url = f"http://{HOST}:{port}"
        _wait_for(url)
        yield Server(url, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str) -> None:
    for _ in range(200):
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/api/v1/openapi.json", timeout=20)
            return
        time.sleep(0.1)
    raise AssertionError("the server did not start")
