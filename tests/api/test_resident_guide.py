"""The example client of the guide runs as it is printed, against a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from close.town import TAKEN_AT, Town, metro
from tanpuhui.access.hold import hold
from tanpuhui.access.models import User
from tanpuhui.access.resident_scope import NAMES, scope_of
from tanpuhui.access.token import issue
from tanpuhui.api.resident.app import api
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "resident-api.md"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_example_client_reads_an_account_and_its_traces(
    live_server: Any, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=2)
    account = town.settle("a")["a"]
    town.take(metro("m1", "a", 10_000))
    town.close()
    user = User.objects.create_user("ming@example.org")
    hold(user, account, at=TAKEN_AT)
    token, _ = issue(user, scope=scope_of(NAMES), days=1, at=utc_now())
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "client.py").write_text(code)

    ran = subprocess.run(
        [sys.executable, tmp_path / "client.py"],
        env={"TANPUHUI_URL": live_server.url, "TANPUHUI_TOKEN": token, "no_proxy": "*"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        f"account {account}: 467000 mg pending, 0 mg certified",
        "2026-03-02 metro_trip credited 467000 mg",
        "    Reduction = 10000 m * 46.7 gCO2e/(person*km) = 467 gCO2e",
        "    Reduction per person-kilometre by metro 46.7 gCO2e/(person*km) (published)",
        "close.unknown_act - There is no act 1 among yours. Look at the list of your acts.",
    ]


def test_the_guide_names_every_operation() -> None:
    text = GUIDE.read_text()
    document = api.get_openapi_schema()

    for path, operations in document["paths"].items():
        short = path.removeprefix("/api/v1/resident")
        for method in operations:
            assert f"{method.upper()} {short}" in text, f"{method} {short}"
