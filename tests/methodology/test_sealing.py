"""The seal: a certified version cannot change by a byte without being noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from methodology.authoring import write_folder
from tanpuhui.methodology.load import load_methodology
from tanpuhui.methodology.refusals import SealBroken
from tanpuhui.methodology.seal import SEAL, content_digest, seal, verify_seal


def test_a_sealed_folder_loads_and_keeps_its_digest(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    before = load_methodology(folder).digest

    digest = seal(folder)

    assert digest == before == load_methodology(folder).digest
    assert (folder / SEAL).read_text() == f"{digest}\n"
    assert load_methodology(folder).sealed
    assert seal(folder) == digest


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "methodology.toml").write_text(
            (folder / "methodology.toml").read_text() + "\n"
        ),
        lambda folder: (folder / "README.md").write_text("# Rides \n"),
        lambda folder: (folder / "annex.md").write_text(""),
        lambda folder: (folder / "README.md").rename(folder / "readme.md"),
        lambda folder: (folder / SEAL).write_text("sha256:0\n"),
        lambda folder: (folder / SEAL).write_bytes(b"\xff"),
    ],
)
def test_a_changed_byte_is_refused_and_never_sealed_over(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    folder = write_folder(tmp_path)
    seal(folder)
    change(folder)

    with pytest.raises(SealBroken, match="v2"):
        load_methodology(folder)
    with pytest.raises(SealBroken):
        seal(folder)


def test_the_digest_does_not_depend_on_the_place(tmp_path: Path) -> None:
    here, there = write_folder(tmp_path / "a"), write_folder(tmp_path / "b")

    assert content_digest(here) == content_digest(there)
    assert not verify_seal(here)
