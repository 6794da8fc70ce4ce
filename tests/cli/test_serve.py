"""The server: it starts in the background, keeps the database up, is found again, and stops."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

import prepared
from api.server import wait_for
from tanpuhui.cli import server
from tanpuhui.consent.policy import policy

PROGRAM = Path(sys.executable).with_name("tanpuhui")
pytestmark = pytest.mark.slow


def command(
    home: Path, *arguments: str, program: Sequence[str | Path] = (PROGRAM,)
) -> subprocess.CompletedProcess[str]:
    ours = ("TANPUHUI_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [*program, *arguments],
        env={**environment, "TANPUHUI_HOME": str(home), "TANPUHUI_BUCKETS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def get(url: str) -> tuple[int, str, str]:
    """Status, address after redirects and text of a page, with cookies kept."""
    from http.cookiejar import CookieJar

    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    try:
        with opener.open(url, timeout=20) as answer:
            return answer.status, answer.url, answer.read().decode()
    except HTTPError as error:
        return error.code, url, error.read().decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A small demonstration that is served after its command has ended."""
    folder = tmp_path_factory.mktemp("served")
    folder.chmod(0o711)
    home = folder / "city"
    done = command(home, "demo", "--residents", "20", "--days", "1", "--json", program=prepared.COMMAND)
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)
    command(home, "serve", "--stop")


def test_a_demonstration_is_served_when_its_command_has_ended(served: dict[str, Any]) -> None:
    status, _, text = get(served["url"] + "/")

    assert status == 200
    assert "20" in text
    assert get(served["url"] + "/healthz")[2] == "ok\n"


def test_each_kind_of_user_has_a_link_that_signs_in(served: dict[str, Any]) -> None:
    homes = {role: get(link) for role, link in served["sign_in"].items()}

    assert {status for status, _, _ in homes.values()} == {200}
    assert homes["resident"][1].endswith("/resident/")
    assert homes["provider"][1].endswith("/provider/szt/")
    assert homes["operator2"][1].endswith("/console/")
    assert set(homes) == {
        "resident", "provider", "operator", "operator2", "counter", "company", "merchant", "bank", "verifier",
    }  # fmt: skip
    assert get(served["url"] + "/demo/sign-in/nobody")[0] == 404


def test_the_bank_finds_statements_and_the_resident_who_looked_and_each_its_own_name(
    served: dict[str, Any],
) -> None:
    bank, company = (get(served["sign_in"][role]) for role in ("bank", "company"))

    assert bank[2].count("/bank/bank/statements/") == 2
    assert company[1].endswith("/company/pool_buyer/")
    assert {"bank", "pool_buyer"} == {*policy().purpose("disclosure").recipients}


def test_files_are_named_by_their_digest_and_kept_by_browsers(served: dict[str, Any]) -> None:
    text = get(served["url"] + "/")[2]
    sheet = text.partition('rel="stylesheet" href="')[2].partition('"')[0]

    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(served["url"] + sheet) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    assert len(sheet.split(".")) == 3


def test_other_commands_work_beside_the_server_and_it_outlives_them(served: dict[str, Any]) -> None:
    home = Path(served["home"])

    assert command(home, "close", "list").returncode == 0

    assert get(served["url"] + "/healthz")[0] == 200


def test_a_file_that_a_program_sends_is_taken_within_seconds_and_stands_on_the_providers_page(
    served: dict[str, Any],
) -> None:
    sent = command(Path(served["home"]), *served["send"], "--json")

    assert sent.returncode == 0, sent.stderr
    receipt = json.loads(sent.stdout)
    assert receipt["state"] == "taken"
    assert receipt["rows"] == receipt["accepted"] + receipt["duplicate"] + receipt["refused"] > 0
    assert receipt["accepted"] > 0
    _, _, page = get(served["sign_in"]["provider"])
    assert f"/provider/szt/batches/{receipt['batch']}" in page


def test_what_takes_the_inbox_beside_a_server_ends_when_there_is_none(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    prepared.adopt(tmp_path)

    done = command(tmp_path, "evidence", "work", "--beside-server", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["taken"] == 0


def test_a_second_server_of_a_home_and_a_used_port_are_refused(
    served: dict[str, Any], tmp_path: Path
) -> None:
    port = served["url"].rpartition(":")[2]

    same = command(Path(served["home"]), "serve", "--port", "8097", "--json")
    used = command(tmp_path, "serve", "--port", port, "--json")

    assert (same.returncode, json.loads(same.stdout)["refused"]["code"]) == (2, "serve.runs_already")
    assert (used.returncode, json.loads(used.stdout)["refused"]["code"]) == (2, "serve.port_in_use")


def test_the_server_writes_no_address_into_its_log(served: dict[str, Any]) -> None:
    get(served["url"] + "/?email=ming@example.org")

    log = (Path(served["home"]) / "server.log").read_text()

    assert "GET / 200" in log
    assert "@" not in log


def test_it_stops_when_it_is_told_to_and_again_is_nothing(served: dict[str, Any]) -> None:
    home = Path(served["home"])

    first = command(home, "serve", "--stop", "--json")
    again = command(home, "serve", "--stop", "--json")

    assert [one["url"] for one in json.loads(first.stdout)["stopped"]] == [served["url"]]
    assert json.loads(again.stdout) == {"stopped": []}
    assert server.running(home) is None
    assert not list(home.glob("**/postmaster.pid"))


def test_a_free_port_is_looked_for_from_8000_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(server, "FIRST_PORT", port)
        monkeypatch.setattr(server, "LAST_PORT", port)

        assert not server.is_free("127.0.0.1", port)
        with pytest.raises(server.NoFreePort):
            server.free_port("127.0.0.1")


def test_the_next_demonstration_stops_the_server_of_an_earlier_one(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tanpuhui.cli.demo import homes
    from tanpuhui.project import command as program

    home = Path(served["home"])
    program.use()
    port = server.free_port("127.0.0.1")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    with subprocess.Popen(
        [PROGRAM, "serve", "--port", str(port)], env={**environment, "TANPUHUI_HOME": str(home)}
    ) as running:
        wait_for(f"http://127.0.0.1:{port}")
        assert server.running(home) is not None
        monkeypatch.delenv("TANPUHUI_HOME", raising=False)
        monkeypatch.setattr(homes, "default_home", lambda: home.parent)
        monkeypatch.setattr(homes, "PREFIX", "city")

        homes.stop_earlier()

        assert running.wait(20) == 0
    assert server.running(home) is None
