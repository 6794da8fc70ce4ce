"""A witness cosigns what continues what it has seen, and nothing else; a log collects what witnesses sign."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tanpuhui.transparency import note, witness_home
from tanpuhui.transparency.checkpoint import Checkpoint
from tanpuhui.transparency.cosign import ask_all, is_trusted, keep
from tanpuhui.transparency.log import Log, enter, newest_note, prove, publish, sign_checkpoint
from tanpuhui.transparency.merkle import EMPTY_ROOT, hash_leaf, prove_consistency, root_of, subtrees_of
from tanpuhui.transparency.models import Leaf, SignedCheckpoint, WitnessCosignature
from tanpuhui.transparency.policy import Policy, read_policy
from tanpuhui.transparency.proof import verify_proof
from tanpuhui.transparency.record import Record
from tanpuhui.transparency.refusals import QuorumMissing, WitnessUnnamed
from tanpuhui.transparency.witness import Answer, Witness, hash_of, write_request

LOG = note.key_from_secret("log.example", bytes(32))
KEY = note.key_from_secret("w.example", b"w" * 32, kind=note.COSIGNATURE)
LEAVES = [hash_leaf(bytes([number])) for number in range(20)]
OTHER = [*LEAVES[:3], hash_leaf(b"another history"), *LEAVES[4:]]
AT_S = 1_770_000_000
AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture()
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness", KEY, {"log.example": [LOG.verifier]})


def checkpoint(size: int, leaves: list[bytes] = LEAVES, key: note.SigningKey = LOG, origin: str = "") -> str:
    return note.sign(Checkpoint(origin or key.name, size, root_of(leaves[:size])).text, [key])


def request(old: int, size: int, leaves: list[bytes] = LEAVES) -> bytes:
    hashes = prove_consistency(size1=old, size2=size, subtree=subtrees_of(leaves[:size]))
    return write_request(old, hashes, checkpoint(size, leaves)).encode()


def evidence(witness: Witness) -> list[str]:
    folder = witness.folder / hash_of("log.example") / "evidence"
    return [path.read_text() for path in folder.iterdir()] if folder.exists() else []


def test_a_log_that_grows_is_cosigned_each_time(witness: Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 20)):
        answer = witness.add_checkpoint(request(old, size), at_s=AT_S)

        assert answer.status == 200
        verified = note.verify(checkpoint(size) + answer.text, [str(KEY.verifier)])
        assert verified.at_s == (AT_S,)
    newest = witness.newest(hash_of("log.example"))
    assert newest == checkpoint(20) + answer.text
    assert evidence(witness) == []


def test_an_empty_log_is_cosigned(witness: Witness) -> None:
    assert witness.add_checkpoint(request(0, 0), at_s=AT_S).status == 200
    assert witness.add_checkpoint(request(0, 5), at_s=AT_S).status == 200


def test_a_size_that_is_not_the_one_that_was_seen_is_answered_with_that(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 8), at_s=AT_S)

    answer = witness.add_checkpoint(request(3, 20), at_s=AT_S)

    assert answer == Answer(409, "8\n", "text/x.tlog.size")


def test_a_roll_back_is_refused_and_kept(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 8), at_s=AT_S)

    answer = witness.add_checkpoint(request(0, 3), at_s=AT_S)

    assert answer == Answer(409, "8\n", "text/x.tlog.size")
    (kept,) = evidence(witness)
    assert checkpoint(3) in kept
    assert checkpoint(8) in kept


@pytest.mark.parametrize("old", [0, 8])
def test_a_split_view_is_refused_and_both_views_are_kept(witness: Witness, old: int) -> None:
    """The same size with another root, by a proof from where the witness is, or as if it knew nothing."""
    witness.add_checkpoint(request(0, 8), at_s=AT_S)
    body = write_request(old, [], checkpoint(8, OTHER)).encode()

    answer = witness.add_checkpoint(body, at_s=AT_S)

    assert answer.status == {0: 409, 8: 422}[old]
    (kept,) = evidence(witness)
    assert checkpoint(8, OTHER) in kept
    assert checkpoint(8) in kept
    assert witness.newest(hash_of("log.example")).startswith(checkpoint(8))  # type: ignore[union-attr]


def test_old_checkpoints_that_anybody_shows_leave_room_for_a_split_view(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are public: shown again in many ways each is kept once, and never instead of another root of one size."""
    monkeypatch.setattr("tanpuhui.transparency.witness.MOST_EVIDENCE", 2)
    witness.add_checkpoint(request(0, 8), at_s=AT_S)
    for size in (3, 3, 4, 5, 6):
        for old in range(3):
            witness.add_checkpoint(write_request(old, [], checkpoint(size)).encode(), at_s=AT_S)
    for wrong in range(4):
        witness.add_checkpoint(write_request(8, [bytes([wrong]) * 32], checkpoint(20)).encode(), at_s=AT_S)
    assert sum(checkpoint(20) in one for one in evidence(witness)) == 1
    assert len(evidence(witness)) == 2 + 1

    witness.add_checkpoint(write_request(0, [], checkpoint(8, OTHER)).encode(), at_s=AT_S)

    assert any(checkpoint(8, OTHER) in one for one in evidence(witness))


def test_a_longer_log_that_does_not_continue_is_refused_and_kept(witness: Witness) -> None:
    witness.add_checkpoint(request(0, 8), at_s=AT_S)

    answer = witness.add_checkpoint(request(8, 20, OTHER), at_s=AT_S)

    assert answer.status == 422
    assert len(evidence(witness)) == 1
    assert witness.add_checkpoint(request(8, 20), at_s=AT_S).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"old 0\n", 400),
        (b"old 00\n\n" + checkpoint(3).encode(), 400),
        (b"old -1\n\n" + checkpoint(3).encode(), 400),
        (b"old 4\n\n" + checkpoint(3).encode(), 400),
        (b"old 0\nAAAA\n\n" + checkpoint(3).encode(), 400),
        (b"old 0\n" + b"A" * 43 + b"=\n\n" + checkpoint(3).encode(), 422),
        (b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + checkpoint(3).encode(), 400),
        (b"old 0\n\n" + checkpoint(0).replace("47DE", "57DE").encode(), 400),
        (
            write_request(0, [], checkpoint(3, key=note.key_from_secret("x.example", b"x" * 32))).encode(),
            404,
        ),
        (
            write_request(0, [], checkpoint(3, key=note.key_from_secret("log.example", b"x" * 32))).encode(),
            403,
        ),
        (write_request(0, [], checkpoint(3).replace("\n3\n", "\n4\n")).encode(), 403),
    ],
)
def test_what_is_not_right_is_refused_with_its_status(witness: Witness, body: bytes, status: int) -> None:
    assert witness.add_checkpoint(body, at_s=AT_S).status == status
    assert witness.newest(hash_of("log.example")) is None


def test_of_two_views_at_once_one_is_cosigned(witness: Witness) -> None:
    for size in (4, 6, 8, 10, 12):
        before = witness.newest(hash_of("log.example"))
        old = int(before.split("\n")[1]) if before else 0
        leaves = [LEAVES, [*LEAVES[:old], *(hash_leaf(b"x%d" % place) for place in range(old, 20))]]
        start, answers = threading.Barrier(2), []

        def show(view: list[bytes], old: int = old, size: int = size) -> None:
            start.wait()  # noqa: B023
            answers.append(witness.add_checkpoint(request(old, size, view), at_s=AT_S).status)  # noqa: B023

        threads = [threading.Thread(target=show, args=(view,)) for view in leaves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(answers) in ([200, 409], [200, 422])
        if witness.newest(hash_of("log.example")).startswith(checkpoint(size, leaves[1])):  # type: ignore[union-attr]
            break


KILLED = """
import sys
from pathlib import Path
from tanpuhui.transparency import note
from tanpuhui.transparency.witness import Witness
log, key = note.read_verifier_key(sys.argv[2]), note.read_signing_key(sys.argv[3])
print(Witness(Path(sys.argv[1]), key, {log.name: [log]}).add_checkpoint(sys.stdin.buffer.read(), at_s=7).status)
"""


@pytest.mark.parametrize(("point", "size"), [("witness.checked", 3), ("witness.stored", 8)])
def test_a_kill_leaves_what_was_seen_or_the_whole_of_what_is_new(
    witness: Witness, point: str, size: int
) -> None:
    witness.add_checkpoint(request(0, 3), at_s=AT_S)
    command = [sys.executable, "-c", KILLED, str(witness.folder), str(LOG.verifier), str(KEY)]

    done = subprocess.run(
        command, input=request(3, 8), env={**os.environ, "TANPUHUI_CRASH_AT": point}, check=False
    )

    assert done.returncode == -9
    assert witness.newest(hash_of("log.example")).split("\n")[1] == str(size)  # type: ignore[union-attr]
    other = write_request(size, [], checkpoint(size, OTHER[::-1])).encode()
    assert witness.add_checkpoint(other, at_s=AT_S).status == 422
    assert witness.add_checkpoint(request(size, 20), at_s=AT_S).status == 200


# -- at home -------------------------------------------------------------------------------------------------------


def call(method: str, path: str, body: bytes = b"") -> tuple[str, str]:
    said: list[str] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
    content = b"".join(witness_home.application(environ, lambda status, headers: said.append(status)))
    return said[0], content.decode()


def test_a_witness_has_a_home_a_name_and_the_logs_that_it_was_told(fresh_home: Path) -> None:
    witness_home._served.cache_clear()
    with pytest.raises(WitnessUnnamed):
        witness_home.witness()
    key = witness_home.name_witness("w1.example")
    assert witness_home.name_witness("w1.example") == key
    witness_home.trust_log(str(LOG.verifier))
    witness_home.trust_log(str(LOG.verifier))

    status, line = call("POST", "/add-checkpoint", request(0, 3))

    assert status == "200 OK"
    assert note.verify(checkpoint(3) + line, [str(key)]).signers == (key,)
    assert call("GET", f"/{hash_of('log.example')}/checkpoint") == ("200 OK", checkpoint(3) + line)
    assert call("GET", f"/{hash_of('other.example')}/checkpoint")[0] == "404 Not Found"
    assert call("GET", "/add-checkpoint")[0] == "405 Method Not Allowed"
    assert call("GET", "/../name")[0] == "404 Not Found"
    assert call("POST", "/add-checkpoint", b"x" * 200_001)[0].startswith("413")
    witness_home._served.cache_clear()


# -- the log asks --------------------------------------------------------------------------------------------------


class Three:
    """Three witnesses behind addresses, each of which can be away."""

    def __init__(self, folder: Path) -> None:
        self.witnesses = {
            f"http://w{number}": Witness(
                folder / f"w{number}",
                note.key_from_secret(f"w{number}.example", bytes([number]) * 32, kind=note.COSIGNATURE),
                {"log.example": [LOG.verifier]},
            )
            for number in (1, 2, 3)
        }
        self.away: set[str] = set()

    def ask(self, url: str, body: str) -> Answer:
        if url in self.away:
            return Answer(0, "ConnectError")
        return self.witnesses[url].add_checkpoint(body.encode(), at_s=AT_S)

    @property
    def policy(self) -> Policy:
        lines = [f"log {LOG.verifier}"]
        lines += [f"witness {url[7:]} {one.key.verifier} {url}" for url, one in self.witnesses.items()]
        return read_policy("\n".join([*lines, "group three 2 w1 w2 w3", "quorum three"]))


@pytest.fixture()
def three(tmp_path: Path) -> Three:
    return Three(tmp_path)


@pytest.fixture()
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log", LOG)


def grow(log: Log, first: int, after: int) -> SignedCheckpoint:
    with transaction.atomic():
        enter((Record("lot", str(number), {"tonnes": number}) for number in range(first, after)), at=AT)
        signed = sign_checkpoint(log, at=AT)
    publish(log)
    return signed


def collect(
    log: Log, signed: SignedCheckpoint, policy: Policy, ask: Callable[[str, str], Answer]
) -> dict[str, Any]:
    asked = ask_all(log, signed, policy, ask)
    with transaction.atomic():
        keep(signed, asked, at=AT)
    publish(log)
    return {one.witness: one.problem for one in asked}


@pytest.mark.django_db(transaction=True)
def test_a_receipt_is_trusted_once_two_of_three_witnesses_have_seen_the_log(log: Log, three: Three) -> None:
    signed = grow(log, 0, 5)
    three.away = {"http://w1", "http://w2"}
    said = collect(log, signed, three.policy, three.ask)
    assert (said["w3.example"], said["w1.example"]) == ("", "0: ConnectError")
    leaf = Leaf.objects.get(index=3)
    with pytest.raises(QuorumMissing):
        verify_proof(str(prove(log, leaf)), entry=bytes(leaf.entry), policy=three.policy)
    assert not is_trusted(three.policy)

    three.away = {"http://w1"}
    collect(log, signed, three.policy, three.ask)

    trusted = verify_proof(str(prove(log, leaf)), entry=bytes(leaf.entry), policy=three.policy)
    assert trusted.seen_s == {"w2": AT_S, "w3": AT_S}
    assert (log.folder / "checkpoint").read_text() == newest_note()
    assert is_trusted(three.policy)


@pytest.mark.django_db(transaction=True)
def test_a_witness_that_was_away_catches_up(log: Log, three: Three) -> None:
    three.away = {"http://w1"}
    collect(log, grow(log, 0, 5), three.policy, three.ask)
    collect(log, grow(log, 5, 300), three.policy, three.ask)
    three.away = set()

    said = collect(log, grow(log, 300, 301), three.policy, three.ask)

    assert said == {"w1.example": "", "w2.example": "", "w3.example": ""}
    assert collect(log, SignedCheckpoint.objects.get(size=301), three.policy, three.ask) == {}
    assert WitnessCosignature.objects.filter(checkpoint_id=301).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_log_that_lost_its_memory_of_a_witness_asks_it_for_the_size(log: Log, three: Three) -> None:
    signed = grow(log, 0, 5)
    ask_all(log, signed, three.policy, three.ask)

    said = collect(log, grow(log, 5, 9), three.policy, three.ask)

    assert set(said.values()) == {""}


@pytest.mark.django_db(transaction=True)
def test_a_log_that_was_set_back_is_told_what_the_witness_has_seen(log: Log, three: Three) -> None:
    for one in three.witnesses.values():
        one.add_checkpoint(request(0, 8), at_s=AT_S)

    said = collect(log, grow(log, 0, 5), three.policy, three.ask)

    assert set(said.values()) == {"it has seen 8 leaves, and this log has 5"}


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_no_cosignature_is_not_kept(log: Log, three: Three) -> None:
    signed = grow(log, 0, 5)
    for text in ("", "— w1.example AAAAAAAA\n", "hello", "\n\n— w1.example AAAAAAA=\n"):
        said = collect(log, signed, three.policy, lambda url, body, text=text: Answer(200, text))  # type: ignore[misc]

        assert all(said.values())
    assert WitnessCosignature.objects.count() == 0


def test_an_empty_log_has_the_empty_root() -> None:
    assert checkpoint(0).split("\n")[2] == Checkpoint("x", 0, EMPTY_ROOT).text.split("\n")[2]
