"""Files are whole or absent, and a full disk is a refusal that changes nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tanpuhui.kit.digest import canonical_json, digest_bytes, digest_file
from tanpuhui.kit.files import DiskFull, whole_or_absent, write_bytes


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    write_bytes(path, b"first")

    with pytest.raises(RuntimeError), whole_or_absent(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_refused_with_the_folder_and_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "lake" / "file.parquet"

    with pytest.raises(DiskFull, match="Free some room") as refusal, whole_or_absent(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert refusal.value.facts["folder"] == path.parent
    assert not path.exists()


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")

    # FIPS 180-4, the example "abc".
    expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(path) == digest_bytes(b"abc") == expected


def test_a_float_has_no_canonical_form() -> None:
    with pytest.raises(AssertionError, match="float"):
        canonical_json({"mg": [1.5]})
