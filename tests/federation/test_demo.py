"""The demonstration: two installations with processes of their own, over HTTP, that agree at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = (sys.executable, "-c", "from tanpuhui.project.command import run; run()")


@pytest.mark.slow
def test_a_district_and_its_city_agree_after_a_day_of_everything() -> None:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TANPUHUI_", "DJANGO_"))
    }

    done = subprocess.run(
        [*PROGRAM, "federation", "demo", "--json"],
        env=kept,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["agree"]
    assert sum(line.startswith("  ✓") for line in said["said"]) == 11
