"""Inbox: whatever kills the server or the worker, what was answered is taken once, and nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.caller import rides
from api.server import HOST, free_port, serving, start
from program import Program, installation
from tanpuhui.client import Client, SigningKey, generate_key
from tanpuhui.client.client import Patience, Unreachable

pytestmark = pytest.mark.slow

IMPATIENT = Patience(attempts=1)
SERVER_POINTS = ("evidence.inbox.file_synced", "evidence.inbox.before_commit", "api.batches.admitted")
TAKING_POINTS = (
    "evidence.take.files_written",
    "evidence.take.before_commit",
    "evidence.work.before_commit",
    "evidence.work.committed",
)


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with installation() as each:
        yield each


@pytest.fixture(scope="module")
def key(program: Program) -> SigningKey:
    pair = generate_key("generic")
    program.json("evidence", "key", "add", "generic", pair.public_key)
    return pair


def file_of(tmp_path: Path, name: str, count: int = 3) -> Path:
    path = tmp_path / f"{name}.csv"
    path.write_bytes(rides(*(f"{name}-{number},p" for number in range(count)), f"{name}-bad,q,far"))
    return path


def settled(program: Program, client: Client, batch: int, rows: int) -> None:
    """The batch was taken once, whole; nothing waits, nothing is left over, every file is as it was written."""
    assert program.json("evidence", "work", "--once")["failed"] == 0
    found = client.batch(batch)
    assert (found["state"], found["rows"], found["duplicate"], found["refused"]) == ("taken", rows, 0, 1)
    program.json("evidence", "sweep")
    assert program.json("evidence", "check") == {"ok": True, "findings": []}
    assert list((program.home / "inbox").iterdir()) == []


@pytest.mark.parametrize("point", SERVER_POINTS)
def test_a_server_that_is_killed_while_it_receives_loses_nothing_and_doubles_nothing(
    program: Program, key: SigningKey, tmp_path: Path, point: str
) -> None:
    path = file_of(tmp_path, point.replace(".", "-"))
    with (
        serving(program, crash_at=point) as server,
        Client(server.url, key, patience=IMPATIENT) as client,
        pytest.raises(Unreachable),
    ):
        client.send(path)
    left = len(list((program.home / "inbox").iterdir()))

    with serving(program) as server, Client(server.url, key) as client:
        answer = client.send(path)

        assert left == 1, "the file was synced before the kill"
        assert answer["state"] == "waiting"
        if point != "api.batches.admitted":
            _age(program.home)
        settled(program, client, answer["batch"], 4)
        assert sum(each["key"] == answer["key"] for each in client.batches()) == 1


@pytest.mark.parametrize("point", TAKING_POINTS)
def test_a_worker_that_is_killed_while_it_takes_begins_again(
    program: Program, key: SigningKey, tmp_path: Path, point: str
) -> None:
    with serving(program) as server, Client(server.url, key) as client:
        sent = [client.send(file_of(tmp_path, f"{point}-{each}".replace(".", "-")))["batch"] for each in "ab"]

        killed = program.run("evidence", "work", "--once", crash_at=point)

        assert killed.status == -signal.SIGKILL
        for batch in sent:
            settled(program, client, batch, 4)


@pytest.mark.parametrize("point", TAKING_POINTS[1::2])
def test_a_server_that_is_killed_while_it_takes_at_once_has_the_batch_waiting_or_taken(
    program: Program, key: SigningKey, tmp_path: Path, point: str
) -> None:
    path = file_of(tmp_path, f"wait-{point}".replace(".", "-"))
    with (
        serving(program, crash_at=point) as server,
        Client(server.url, key, patience=IMPATIENT) as client,
        pytest.raises(Unreachable),
    ):
        client.send(path, wait=True)

    with serving(program) as server, Client(server.url, key) as client:
        answer = client.send(path, wait=True)

        assert (answer["state"], answer["accepted"], answer["duplicate"]) == ("taken", 3, 0)
        settled(program, client, answer["batch"], 4)


def test_batches_sent_while_the_server_is_killed_again_and_again_are_each_taken_once(
    program: Program, key: SigningKey, tmp_path: Path
) -> None:
    files = [file_of(tmp_path, f"storm-{number}", 50) for number in range(30)]
    patience = Patience(attempts=300, first_wait_s=0.1, longest_wait_s=0.1)
    port, over = free_port(), threading.Event()
    kills: list[int] = []
    killer = threading.Thread(target=_kill_until, args=(program, port, over, kills))
    killer.start()
    with Client(f"http://{HOST}:{port}", key, patience=patience, timeout_s=10) as client:
        answers = [client.send(path) for path in files if not over.wait(0.1)]
    over.set()
    killer.join()

    program.run("evidence", "work", kill_after_s=0.4)
    done = program.json("evidence", "work", "--once")

    with serving(program) as server, Client(server.url, key) as client:
        found = [client.batch(answer["batch"]) for answer in answers]
        ours = {answer["key"] for answer in answers}
        listed = [each["key"] for each in client.batches() if each["key"] in ours]
    assert done["failed"] == 0
    assert len(kills) >= 2
    ends = {(each["state"], each["rows"], each["accepted"], each["duplicate"]) for each in found}
    assert ends == {("taken", 51, 50, 0)}
    assert len(listed) == len({answer["batch"] for answer in answers}) == 30
    program.json("evidence", "sweep")
    assert program.json("evidence", "check")["ok"]


def _kill_until(program: Program, port: int, over: threading.Event, kills: list[int]) -> None:
    """Start the server, let it answer for a moment, kill it, and begin again."""
    while not over.is_set():
        server = start(program, port=port)
        over.wait(1.5)
        server.kill()
        kills.append(server.process.pid)


def _age(home: Path) -> None:
    """Files that are under way are swept when they are old; these become so."""
    old = time.time() - 2 * 24 * 3600
    for path in (home / "inbox").iterdir():
        os.utime(path, (old, old))
