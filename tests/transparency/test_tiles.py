"""The files of a log at the sizes where tiles begin and end, against trees that are computed without tiles."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tanpuhui.transparency.merkle import (
    EMPTY_ROOT,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tanpuhui.transparency.refusals import TileBroken
from tanpuhui.transparency.tiles import Tiles, bundle_path, pack, tile_path, unpack, widths

SIZES = (0, 1, 255, 256, 257, 65_535, 65_536, 70_000)
ENTRIES = [number.to_bytes(32) for number in range(70_000)]


def files(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    return [hash_leaf(entry) for entry in ENTRIES]


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(63, 0, 1) == "tile/63/000.p/1"
    assert bundle_path(999) == "tile/entries/999"
    assert bundle_path(1000, 255) == "tile/entries/x001/000.p/255"


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    assert list(widths(70_000)) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(widths(256)) == [(0, 1, 0), (1, 0, 1)]
    assert list(widths(0)) == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, {}),
        (1, {"tile/0/000.p/1": 32, "tile/entries/000.p/1": 34}),
        (255, {"tile/0/000.p/255": 255 * 32, "tile/entries/000.p/255": 255 * 34}),
        (256, {"tile/0/000": 8192, "tile/1/000.p/1": 32, "tile/entries/000": 256 * 34}),
        (
            257,
            {
                "tile/0/000": 8192,
                "tile/0/001.p/1": 32,
                "tile/1/000.p/1": 32,
                "tile/entries/000": 256 * 34,
                "tile/entries/001.p/1": 34,
            },
        ),
    ],
)
def test_small_logs_have_these_files_and_no_others(
    tmp_path: Path, size: int, expected: dict[str, int]
) -> None:
    Tiles(tmp_path).extend(0, ENTRIES[:size])

    assert files(tmp_path) == expected


@pytest.mark.parametrize("size", SIZES)
def test_every_tile_is_what_a_recomputation_gives(tmp_path: Path, leaves: list[bytes], size: int) -> None:
    tiles = Tiles(tmp_path)

    tiles.extend(0, ENTRIES[:size])

    row = leaves[:size]
    written = 0
    for level, full, width in widths(size):
        for number in range(full + bool(width)):
            part = row[number * 256 : (number + 1) * 256]
            assert (tmp_path / tile_path(level, number, len(part))).read_bytes() == b"".join(part)
            written += 1
        row = [root_of(row[number * 256 : (number + 1) * 256]) for number in range(full)]
    assert len(files(tmp_path / "tile")) == written + -(-size // 256)
    assert tiles.root(size) == (root_of(leaves[:size]) if size else EMPTY_ROOT)


def test_a_log_that_grew_in_steps_has_the_tiles_of_one_that_did_not(
    tmp_path: Path, leaves: list[bytes]
) -> None:
    grown, whole = Tiles(tmp_path / "grown"), Tiles(tmp_path / "whole")
    whole.extend(0, ENTRIES)
    sizes = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000]

    for size1, size2 in itertools.pairwise(sizes):
        grown.extend(size1, ENTRIES[size1:size2])
        grown.forget_partial(size2)

        assert grown.root(size2) == root_of(leaves[:size2])

    full = files(whole.folder)
    assert {name: size for name, size in files(grown.folder).items() if name in full} == full
    for name in full:
        assert (grown.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_proofs_are_made_from_tiles(tmp_path: Path, leaves: list[bytes]) -> None:
    tiles = Tiles(tmp_path)
    tiles.extend(0, ENTRIES)
    root = root_of(leaves)

    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        proof = prove_inclusion(index=index, size=70_000, subtree=tiles.subtree(70_000))
        verify_inclusion(index=index, size=70_000, leaf_hash=leaves[index], proof=proof, root=root)
    for size1 in (1, 255, 256, 257, 65_535, 65_536, 69_999, 70_000):
        proof = prove_consistency(size1=size1, size2=70_000, subtree=tiles.subtree(70_000))
        verify_consistency(size1=size1, size2=70_000, root1=root_of(leaves[:size1]), root2=root, proof=proof)


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.extend(0, ENTRIES[:300])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    tiles.extend(0, ENTRIES[:300])
    tiles.extend(256, ENTRIES[256:300])

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_partial_tiles_stay_until_the_full_one_is_there(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.extend(0, ENTRIES[:200])
    tiles.extend(200, ENTRIES[200:250])
    tiles.forget_partial(250)
    assert {"tile/0/000.p/200", "tile/0/000.p/250"} <= set(files(tmp_path))

    tiles.extend(250, ENTRIES[250:256])
    tiles.forget_partial(256)

    assert set(files(tmp_path)) == {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}
    assert tiles.root(200) == root_of([hash_leaf(entry) for entry in ENTRIES[:200]])


def test_entries_come_out_of_a_bundle_as_they_went_in() -> None:
    entries = [b"", b"a", bytes(65_535)]

    assert unpack(pack(entries)) == entries
    assert unpack(b"") == []
    for broken in (b"\x00", b"\x00\x02a"):
        with pytest.raises(TileBroken):
            unpack(broken)


def test_a_tile_that_is_missing_or_cut_is_refused(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path)
    tiles.extend(0, ENTRIES[:3])
    with pytest.raises(TileBroken, match="not there"):
        tiles.root(300)

    (tmp_path / "tile/0/000.p/3").write_bytes(bytes(95))

    with pytest.raises(TileBroken, match="95 bytes"):
        tiles.root(3)
