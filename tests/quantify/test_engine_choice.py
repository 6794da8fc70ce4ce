"""Choosing an engine: what is refused, with the next step, before anything is computed."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from pathlib import Path

import pytest

from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice, EngineMisplaced, UnknownEngine, running
from tanpuhui.quantify.engines.cluster import EngineMissing, EngineUnreachable


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
