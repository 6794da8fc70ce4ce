"""Client: it asks again where that is safe, as often and as late as it should, and signs each attempt anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tanpuhui.client import Client, Problem, generate_key
from tanpuhui.client.client import NoAddress, Patience, Unreachable
from tanpuhui.client.key import KeyFileExists, KeyFileUnreadable, read_key, write_key

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WAITING = {"state": "waiting", "batch": 1}


class Platform:
    """A platform that answers what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.waited_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.bodies.append(request.read())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: Patience) -> Client:
        return Client(
            "http://platform.example/",
            generate_key("blue"),
            transport=httpx.MockTransport(self),
            sleep=self.waited_s.append,
            now=lambda: NOW,
            **options,
        )


@pytest.fixture()
def file(tmp_path: Path) -> Path:
    path = tmp_path / "monday.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return path


def test_one_batch_is_sent_again_until_it_is_answered_with_one_key_and_new_nonces(file: Path) -> None:
    platform = Platform(
        httpx.ConnectError("down"),
        httpx.Response(503),
        httpx.ReadTimeout("slow"),
        httpx.Response(202, json=WAITING),
    )

    with platform.client() as client:
        assert client.send(file) == WAITING

    keys = {request.headers["Idempotency-Key"] for request in platform.asked}
    inputs = {request.headers["Signature-Input"] for request in platform.asked}
    assert (len(platform.asked), len(keys), len(inputs)) == (4, 1, 4)
    assert set(platform.bodies) == {file.read_bytes()}
    assert all("Content-Length" in request.headers for request in platform.asked)
    assert [
        0.25 <= platform.waited_s[0] <= 0.5,
        0.5 <= platform.waited_s[1] <= 1,
        1 <= platform.waited_s[2] <= 2,
    ] == [True] * 3


@pytest.mark.parametrize(
    ("given", "waits_s"),
    [
        ("7", 7),
        ("0", 0),
        ("100000", 60),
        ("Mon, 02 Mar 2026 12:00:09 GMT", 9),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
    ],
)
@pytest.mark.parametrize("status", [409, 429, 503])
def test_it_waits_as_long_as_it_is_asked_to(file: Path, given: str, waits_s: float, status: int) -> None:
    platform = Platform(
        httpx.Response(status, headers={"Retry-After": given}, json={}), httpx.Response(202, json=WAITING)
    )

    with platform.client() as client:
        client.send(file)

    assert platform.waited_s == [waits_s]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_what_is_refused_is_not_sent_again(file: Path, status: int) -> None:
    said = {"code": "api.something", "detail": "No. Do this.", "facts": {"a": 1}}
    platform = Platform(httpx.Response(status, json=said))

    with platform.client() as client, pytest.raises(Problem) as refused:
        client.send(file)

    assert len(platform.asked) == 1
    assert refused.value.as_json() == {
        "code": "api.something",
        "message": "No. Do this.",
        "facts": {"a": 1, "status": status},
    }


def test_it_gives_up_after_its_attempts_and_says_what_to_do(file: Path) -> None:
    platform = Platform(*(httpx.ConnectError("down") for _ in range(3)))

    with platform.client(patience=Patience(attempts=3)) as client, pytest.raises(Unreachable) as refused:
        client.send(file)

    assert len(platform.waited_s) == 2
    assert "counts once" in str(refused.value)


def test_the_last_answer_is_given_when_patience_ends(file: Path) -> None:
    platform = Platform(
        *(httpx.Response(429, json={"code": "api.inbox_full", "detail": "Wait."}) for _ in range(2))
    )

    with platform.client(patience=Patience(attempts=2)) as client, pytest.raises(Problem) as refused:
        client.send(file)

    assert refused.value.as_json()["code"] == "api.inbox_full"


def test_an_answer_that_is_no_json_is_a_problem_too(file: Path) -> None:
    platform = Platform(httpx.Response(404, text="<html>"))

    with platform.client() as client, pytest.raises(Problem) as refused:
        client.send(file)

    assert refused.value.as_json()["facts"] == {"status": 404}


def test_it_follows_until_there_is_an_end(file: Path) -> None:
    states = ("waiting", "waiting", "taken")
    platform = Platform(*(httpx.Response(200, json={"state": state}) for state in states))

    with platform.client() as client:
        assert client.follow(1)["state"] == "taken"

    assert platform.waited_s == [1.0, 1.0]


def test_pages_are_read_to_the_end() -> None:
    pages = [{"items": [{"batch": 2}], "next": 2}, {"items": [{"batch": 1}], "next": None}]
    platform = Platform(*(httpx.Response(200, json=page) for page in pages))

    with platform.client() as client:
        assert [each["batch"] for each in client.batches()] == [2, 1]

    assert [str(request.url.query, "ascii") for request in platform.asked] == [
        "limit=500",
        "limit=500&after=2",
    ]


def test_a_key_is_kept_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    key, path = generate_key("blue"), tmp_path / "key.pem"

    write_key(key, path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key("blue", path).key_id == key.key_id
    with pytest.raises(KeyFileExists):
        write_key(key, path)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)

    with pytest.raises(KeyFileUnreadable):
        read_key("blue", path)
    with pytest.raises(KeyFileUnreadable):
        read_key("blue", tmp_path / "none.pem")


@pytest.mark.parametrize("url", ["http://[", "ftp://carbon.example", "carbon.example", "https://", ""])
def test_what_is_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NoAddress):
        Client(url, generate_key("blue"))
