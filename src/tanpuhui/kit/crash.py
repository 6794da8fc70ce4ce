"""Crash points: named places where a test may kill the process, to prove that a second start ends the same."""

from __future__ import annotations

import os
import signal

VARIABLE = "TANPUHUI_CRASH_AT"


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL when ``TANPUHUI_CRASH_AT`` names this point; otherwise do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
