"""Choosing an engine: what is refused, with the next step, before anything is computed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice, EngineMisplaced, UnknownEngine, running
from tanpuhui.quantify.engines.cluster import EngineMissing, EngineUnreachable
from tanpuhui.quantify.engines.java import Java, JavaUnfit, heard_here_alone, not_started
from tanpuhui.quantify.engines.spark import _there


def refused(choice: EngineChoice, folder: Path) -> Refusal:
    with pytest.raises(Refusal) as caught, running(choice, folder):
        pass
    return caught.value


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        (EngineChoice("abacus"), UnknownEngine),
        (EngineChoice("spark"), EngineMisplaced),
        (EngineChoice("spark", master="local[2]", remote="sc://localhost"), EngineMisplaced),
        (EngineChoice("duckdb", master="local[2]"), EngineMisplaced),
        (EngineChoice("duckdb", remote="sc://localhost"), EngineMisplaced),
    ],
)
def test_an_engine_that_cannot_be_meant_is_refused(
    choice: EngineChoice, kind: type[Refusal], tmp_path: Path
) -> None:
    assert type(refused(choice, tmp_path)) is kind


def test_the_embedded_engine_names_itself_and_its_version(tmp_path: Path) -> None:
    from importlib.metadata import version

    with running(EMBEDDED, tmp_path) as found:
        assert found.as_json() == {"name": "duckdb", "version": version("duckdb")}


def test_without_the_extra_the_refusal_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    answer = refused(EngineChoice("spark", master="local[2]"), tmp_path)

    assert isinstance(answer, EngineMissing)
    assert "requirements/spark.txt" in str(answer)
    assert not list(tmp_path.glob(".computing/*"))


def test_without_java_a_master_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)

    answer = refused(EngineChoice("spark", master="local[2]"), tmp_path)

    assert isinstance(answer, EngineMissing)
    assert answer.facts == {"what": "Java"}


@pytest.mark.parametrize("scheme", ["sc", "spark"])
def test_where_nobody_listens_it_is_said_at_once(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark's own clients ask again for minutes."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/java")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{free.getsockname()[1]}"
    choice = EngineChoice("spark", **{"sc": {"remote": address}, "spark": {"master": address}}[scheme])

    answer = refused(choice, tmp_path)

    assert isinstance(answer, EngineUnreachable)
    assert answer.facts["address"] == address


def test_a_column_that_a_file_has_without_a_type_is_as_good_as_absent(tmp_path: Path) -> None:
    """Readings of meters have no station: DuckDB writes that column with the type Null, and Spark reads no such."""
    file = tmp_path / "meters.parquet"
    duckdb.execute(f"COPY (SELECT 1::BIGINT AS account_id, NULL AS station) TO '{file}' (FORMAT parquet)")

    assert pq.read_schema(file).field("station").type == pa.null()
    assert _there(file, {"account_id": "BIGINT", "station": "STRING"}) == (("account_id", "BIGINT"),)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('openjdk version "11.0.27" 2025-04-15', "is Java 11"),
        ('java version "1.8.0_412"', "is Java 8"),
        ("nonsense", "does not say which version it is"),
    ],
)
def test_a_java_that_is_too_old_is_refused_before_spark_is_started(
    said: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    answer = refused(EngineChoice("spark", master="local[2]"), tmp_path)

    assert isinstance(answer, JavaUnfit)
    assert answer.facts == {"java": java, "found": found}


def test_a_java_home_without_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    answer = refused(EngineChoice("spark", master="local[2]"), tmp_path)

    assert isinstance(answer, JavaUnfit)
    assert answer.facts["found"] == "cannot be run (No such file or directory)"


def test_spark_on_this_machine_alone_is_told_its_address_and_nobody_elses_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)

    with heard_here_alone(os.environ):
        told = os.environ["SPARK_LOCAL_IP"]
    after = os.environ.get("SPARK_LOCAL_IP")
    monkeypatch.setenv("SPARK_LOCAL_IP", "10.0.0.9")
    with heard_here_alone(os.environ):
        own = os.environ["SPARK_LOCAL_IP"]

    assert (told, after, own) == ("127.0.0.1", None, "10.0.0.9")
    assert os.environ["SPARK_LOCAL_IP"] == "10.0.0.9"


@pytest.mark.parametrize("known", [True, False])
def test_a_spark_that_ended_at_once_is_explained_by_what_this_machine_knows(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_given: object) -> list[object]:
        if not known:
            raise socket.gaierror(-2, "Name or service not known")
        return []

    monkeypatch.setattr(socket, "gethostname", lambda: "box")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    answer = not_started(Java(Path("/usr/bin/java"), 17), "it exited")

    assert ("SPARK_LOCAL_IP" in str(answer)) is not known
    assert ("box, a name that has no address" in str(answer)) is not known
