"""The doctor names what is wrong and what to do, and finds nothing where nothing is wrong."""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection, connections, transaction

from tanpuhui.consent.artefact import sign
from tanpuhui.evidence import contract
from tanpuhui.evidence.models import Batch, LakeFile
from tanpuhui.kit import time_limit
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.erased import TYPE, standing, write_notes
from tanpuhui.kit.moment import utc_now
from tanpuhui.operation import database, machine, proof
from tanpuhui.operation.finding import Finding
from tanpuhui.project import tracing

NOW = utc_now()


def codes(found: object) -> list[str]:
    assert all(isinstance(one, Finding) for one in found)  # type: ignore[attr-defined]
    return [one.code for one in found]  # type: ignore[attr-defined]


def test_keys_that_others_may_read_are_found(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    key = tmp_path / "keys" / "vault"
    key.write_bytes(b"secret")
    key.chmod(0o600)
    clean = codes(list(machine.secrets(tmp_path)))

    key.chmod(0o640)

    assert (clean, codes(list(machine.secrets(tmp_path)))) == ([], ["machine.keys_open"])


def test_missing_keys_are_found(tmp_path: Path) -> None:
    assert codes(list(machine.secrets(tmp_path))) == ["machine.no_keys"]


def test_a_full_disk_is_found_once_for_all_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "FEW_BYTES", 2**62)

    found = list(machine.room({"the home": tmp_path, "the lake": tmp_path, "nothing": tmp_path / "missing"}))

    assert [(one.code, one.is_wrong) for one in found] == [("machine.disk_nearly_full", False)]


@pytest.mark.parametrize(("seconds", "found"), [(0.0, []), (0.11, [False]), (1.01, [True])])
def test_a_disk_that_takes_long_to_keep_a_write_is_found_with_how_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, found: list[bool]
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _file: time.sleep(seconds))

    slow = list(machine.speed({"the home": tmp_path, "the lake": tmp_path, "nothing": tmp_path / "missing"}))

    assert [(one.code, one.is_wrong) for one in slow] == [("machine.disk_slow", wrong) for wrong in found]
    assert all(
        int(re.findall(r"64 KiB take ([\d,]+) ms", one.found)[0].replace(",", "")) >= 110 for one in slow
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)

    assert codes(list(machine.speed({"the lake": tmp_path}))) == ["machine.cannot_write"]


@pytest.mark.django_db(transaction=True)
def test_a_database_whose_commits_take_long_is_found() -> None:
    """PostgreSQL itself waits so long before it writes a commit down, whoever else is there."""
    with connection.cursor() as cursor:
        cursor.execute("SET commit_siblings = 0")
        cursor.execute("SET commit_delay = 100000")
        try:
            found = list(database.speed(cursor))
        finally:
            cursor.execute("RESET commit_delay")
            cursor.execute("RESET commit_siblings")

    assert [(one.code, one.is_wrong) for one in found] == [("database.commits_slow", False)]


@pytest.mark.django_db()
@pytest.mark.parametrize("name", sorted(time_limit.SETTINGS.values()))
def test_a_limit_of_time_that_a_long_taking_does_not_keep_is_found(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {name} = '1h'")
        long = codes(list(database.time_limits(cursor)))
        cursor.execute(f"SET LOCAL {name} = '59min'")
        short = list(database.time_limits(cursor))

    assert (long, codes(short)) == ([], ["database.time_limit"])
    assert f"SET {name} = 0" in short[0].next_step


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("lock", "is_wrong"),
    [
        ("SELECT pg_advisory_xact_lock(7)", False),
        ("LOCK TABLE evidence_batch IN ACCESS EXCLUSIVE MODE", True),
    ],
)
def test_who_waits_for_a_turn_is_told_from_who_is_held_up(
    monkeypatch: pytest.MonkeyPatch, lock: str, is_wrong: bool
) -> None:
    monkeypatch.setattr(database, "WAITING_S", 0)

    def wait() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(lock)
        connection.close()

    waiting = Thread(target=wait)
    with (
        closing(connections["default"].copy()) as another,
        another.cursor() as looking,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(lock)
        waiting.start()
        for _ in range(400):
            found = [one for one in database.sessions(looking) if one.code == "database.held_up"]
            if found:
                break
            time.sleep(0.01)
    waiting.join()

    assert [(one.is_wrong, "its turn" in one.next_step) for one in found] == [(is_wrong, not is_wrong)]


@pytest.mark.django_db()
def test_a_database_as_it_is_installed_has_nothing_wrong() -> None:
    with connection.cursor() as cursor:
        found = list(database.look(cursor, utc_now()))

    assert codes(found) == []


@pytest.mark.django_db()
def test_commits_that_may_be_lost_are_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")

        assert codes(list(database.settings(cursor))) == ["database.loses_commits"]


@pytest.mark.django_db()
def test_a_role_that_may_edit_the_books_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT UPDATE ON ledger_transaction TO tanpuhui_app")

        found = list(database.privileges(cursor))

    assert codes(found) == ["database.may_edit"]
    assert "ledger_transaction" in found[0].found


@pytest.mark.django_db()
def test_clocks_that_are_apart_are_found() -> None:
    with connection.cursor() as cursor:
        assert codes(list(database.clock(cursor, utc_now() + timedelta(minutes=1)))) == ["database.clock"]


@pytest.mark.django_db()
@pytest.mark.parametrize("harm", ["none", "missing", "shorter", "altered"])
def test_files_that_rows_refer_to_are_looked_for(tmp_path: Path, harm: str) -> None:
    content = b"records of a day"
    _lake_file(content)
    path = tmp_path / "ids.parquet"
    path.write_bytes({"shorter": content[:-1], "altered": content[::-1]}.get(harm, content))
    if harm == "missing":
        path.unlink()

    found = list(proof.files(tmp_path, digests=True))

    assert codes(found) == ([] if harm == "none" else ["proof.files"])


@pytest.mark.django_db()
@pytest.mark.parametrize("harm", ["none", "missing", "altered"])
def test_what_an_erasure_left_of_a_file_stands_for_it(tmp_path: Path, harm: str) -> None:
    _lake_file(b"records of two")
    path, left = tmp_path / "ids.parquet", b"records of one"
    note = sign({"to": digest_bytes(left)}, TYPE)
    write_notes(path, (note,))
    stands = standing(path)
    stands.write_bytes(left[::-1] if harm == "altered" else left)
    if harm == "missing":
        stands.unlink()

    found = list(proof.files(tmp_path, digests=True))

    assert codes(found) == ([] if harm == "none" else ["proof.files"])


def _lake_file(content: bytes) -> None:
    agreed = contract.add(
        "metro",
        format="generic",
        kinds=["bike_trip"],
        pia_reference="PIA-1",
        valid_from=date(2026, 1, 1),
        made_at=NOW,
    )
    batch = Batch.objects.create(
        provider="metro",
        key="1",
        digest=digest_bytes(b"1"),
        contract=agreed,
        rows=1,
        accepted=1,
        duplicate=0,
        refused=0,
        reasons={},
        notes={},
        buckets=1,
        received_at=NOW,
        receipt={},
    )
    LakeFile.objects.create(
        batch=batch,
        part="ids",
        digest=digest_bytes(content),
        path="ids.parquet",
        rows=1,
        size_bytes=len(content),
    )


def test_a_collector_that_nothing_can_be_sent_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*tracing.ENDPOINTS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tracing, "find_spec", lambda _name: None)
    nobody = codes(list(machine.traces()))

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    named = codes(list(machine.traces()))
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    off = codes(list(machine.traces()))

    assert (nobody, named, off) == ([], ["machine.traces_not_sent"], [])
