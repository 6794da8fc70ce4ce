"""The demonstration: two installations with processes of their own, over HTTP, that agree at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import prepared

PROGRAM = (sys.executable, "-c", "from tanpuhui.project.command import run; run()")


@pytest.mark.slow
def test_a_district_and_its_city_agree_after_a_day_of_everything(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    for code in ("pudong", "shanghai"):
        (tmp_path / code).mkdir(mode=0o711)
        prepared.adopt(tmp_path / code)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TANPUHUI_", "DJANGO_"))
    }

    done = subprocess.run(
        [*PROGRAM, "federation", "demo", "--home", tmp_path, "--json"],
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
