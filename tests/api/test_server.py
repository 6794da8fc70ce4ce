"""Server: the real one, over a socket: large batches in little memory, endless fields, and the shipped command."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.caller import rides
from api.server import Server, serving
from program import Program, installation
from tanpuhui.client import Client, Problem, SigningKey, read_key

pytestmark = pytest.mark.slow
LARGE_BYTES = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with installation() as each:
        yield each


@pytest.fixture(scope="module")
def key_file(program: Program) -> Path:
    path = program.home / "provider.pem"
    made = program.json("send", "keygen", path, "--provider", "generic")
    assert program.json("evidence", "key", "add", "generic", made["public_key"])["key_id"] == made["key_id"]
    return path


@pytest.fixture(scope="module")
def server(program: Program, key_file: Path) -> Iterator[Server]:
    with serving(program) as each:
        yield each


@pytest.fixture()
def client(server: Server, key_file: Path) -> Iterator[Client]:
    with Client(server.url, read_key("generic", key_file), language="en") as each:
        yield each


def test_a_hundred_megabytes_are_received_without_holding_them(
    server: Server, client: Client, tmp_path: Path
) -> None:
    client.send(_written(tmp_path / "small.csv", rides("warm,p")))
    before = server.peak_bytes()
    # It has other columns, so that whoever takes it later refuses it at once: this is about its receipt alone.
    path = tmp_path / "large.csv"
    line = b"large-%09d,p,bike_trip,2026-03-02T08:10:00+08:00,2026-03-02T08:31:00+08:00,4200\n"
    with path.open("wb") as stream:
        stream.write(b"a,b\n")
        while stream.tell() <= LARGE_BYTES:
            stream.write(b"".join(line % number for number in range(10_000)))

    answer = client.send(path)

    assert answer["size_bytes"] == path.stat().st_size > LARGE_BYTES
    assert server.peak_bytes() - before < 40 * 1024 * 1024


def test_three_gigabytes_are_refused_before_they_are_sent(server: Server, client: Client) -> None:
    with socket.create_connection(_address(server), timeout=20) as connection:
        connection.sendall(
            b"POST /api/v1/provider/batches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n"
            b"Signature: sig1=:AAAA:\r\nSignature-Input: sig1=()\r\n"
            b"Content-Length: 3221225472\r\nAccept-Language: en\r\n\r\n"
        )
        answer = _answer(connection)

    assert answer["code"] == "api.body_too_large"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"POST /api/v1/provider/batches HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /api/v1/provider/batches HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET /api/v1/provider/batches HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"GET /api/v1/provider/batches HTTP/1.1\r\nHost: x\r\nSignature: \xff\xfe\r\n\r\n",
    ],
    ids=["version", "nonsense", "negative length", "large field", "many fields", "no text"],
)
def test_what_is_no_request_is_refused_and_the_server_goes_on(
    server: Server, client: Client, sent: bytes
) -> None:
    with socket.create_connection(_address(server), timeout=20) as connection:
        connection.sendall(sent)
        first = connection.recv(65536)

    assert first == b"" or first.split(b" ", 2)[1].startswith(b"4")
    assert client.list_keys()


def test_the_shipped_command_sends_follows_tries_and_is_refused(
    program: Program, server: Server, key_file: Path, tmp_path: Path
) -> None:
    to = ("--url", server.url, "--provider", "generic", "--key-file", key_file)
    good = _written(tmp_path / "good.csv", rides("cmd-1,p", "cmd-2,q,far"))
    bad = _written(tmp_path / "bad.csv", b"a,b\n1,2\n")

    tried = program.json("send", good, *to, "--sandbox")
    sent = program.json("send", good, *to, "--wait")
    again = program.json("send", good, *to, "--follow")
    refused = program.json("send", bad, *to, "--wait", status=2)
    waiting = program.json(
        "send", _written(tmp_path / "late.csv", rides("cmd-3,p")), *to, "--idempotency-key", "late"
    )

    assert (tried["state"], tried["accepted"], tried["refused"]) == ("rehearsed", 1, 1)
    assert (sent["state"], sent["accepted"]) == ("taken", 1)
    assert again["batch"] == sent["batch"]
    assert refused["refused"]["code"] == "evidence.wrong_columns"
    assert (waiting["state"], waiting["key"]) == ("waiting", "late")
    assert program.json("evidence", "work", "--once")["failed"] == 0
    assert program.json("evidence", "receipt", waiting["batch"])["accepted"] == 1
    shown = program.run("send", good, *to)
    assert (shown.status, "batch" in shown.out) == (0, True)


def test_the_command_says_what_it_cannot_read(
    program: Program, server: Server, key_file: Path, tmp_path: Path
) -> None:
    to = ("--url", server.url, "--provider", "generic", "--key-file", key_file)
    text = _written(tmp_path / "file.txt", b"x")

    def code(*arguments: str | Path) -> str:
        return str(program.json(*arguments, status=2)["refused"]["code"])

    assert code("send", tmp_path / "none.csv", *to) == "client.file_unreadable"
    assert code("send", text, *to) == "client.unknown_media"
    assert code("send", text, *to[:4], "--key-file", text) == "client.key_file_unreadable"
    assert code("send", "keygen", key_file, "--provider", "generic") == "client.key_file_exists"
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_revoked_key_ends_at_once_for_the_running_server(
    program: Program, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "second.pem"
    made = program.json("send", "keygen", path, "--provider", "generic")
    program.json("evidence", "key", "add", "generic", made["public_key"])
    key: SigningKey = read_key("generic", path)
    with Client(server.url, key, language="en") as client:
        assert len(client.list_keys()) == 2
        program.json("evidence", "key", "revoke", made["key_id"], "--reason", "lost")

        with pytest.raises(Problem) as refused:
            client.list_keys()

    assert refused.value.as_json()["code"] == "api.key_not_in_force"
    assert {each["state"] for each in program.json("evidence", "key", "list")} == {"active", "revoked"}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _address(server: Server) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return host, int(port)


def _answer(connection: socket.socket) -> dict[str, str]:
    received = b""
    while b"}}" not in received:
        block = connection.recv(65536)
        if not block:
            break
        received += block
    found: dict[str, str] = json.loads(received.partition(b"\r\n\r\n")[2])
    return found


def test_the_guides_python_runs(
    program: Program,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "provider-api.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in guide.split("```python\n")[1:]]
    rows = next(block for block in guide.split("```\n") if block.startswith("source_id,"))
    monkeypatch.chdir(tmp_path)
    _written(tmp_path / "monday.csv", rows.encode())
    pia = ("--pia", "PIA", "--valid-from", "2026-01-01")
    program.json(
        "evidence", "contract", "add", "blue-bikes", "--format", "generic", "--kind", "bike_trip", *pia
    )
    made = program.json("send", "keygen", tmp_path / "blue-bikes.pem", "--provider", "blue-bikes")
    program.json("evidence", "key", "add", "blue-bikes", made["public_key"])

    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("https://carbon.example", server.url), names)

    shown = capsys.readouterr().out
    assert "would be refused: [(2, 'The value is not a plain whole number" in shown
    assert "taken 1 accepted, 1 refused" in shown
    assert "api.batch_unknown - You have no batch 999999999." in shown
    assert (tmp_path / "blue-bikes-2.pem").stat().st_mode & 0o777 == 0o600
    assert len(blocks) == 2
