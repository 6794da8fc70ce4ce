"""Tiles: a log as static files that never change (C2SP tlog-tiles): hashes by 256, and entries in bundles.

A full tile or bundle is written once. Partial ones are written for every size that a checkpoint was made of, and
removed when the full one is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from tanpuhui.kit.files import write_bytes
from tanpuhui.transparency.merkle import HASH_BYTES, hash_leaf, range_hash, root_of
from tanpuhui.transparency.refusals import TileBroken

#: Hashes in a full tile, and the levels of the tree between one level of tiles and the next.
WIDTH, HEIGHT = 256, 8
CHECKPOINT = "checkpoint"
LONGEST_ENTRY = 65_535


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Where a tile is, below the log's prefix.

    >>> tile_path(0, 1_234_067), tile_path(1, 0, 17)
    ('tile/0/x001/x234/067', 'tile/1/000.p/17')
    """
    return f"tile/{level}/{_number(number)}{_part(width)}"


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Where a bundle of entries is, below the log's prefix."""
    return f"tile/entries/{_number(number)}{_part(width)}"


def widths(size: int) -> Iterator[tuple[int, int, int]]:
    """Every tile of a tree of this size: level, how many are full, and the width of the partial one (0: none)."""
    level = 0
    while size >> (level * HEIGHT):
        full, width = divmod(size >> (level * HEIGHT), WIDTH)
        yield level, full, width
        level += 1


def pack(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each after its length in two bytes."""
    assert all(len(entry) <= LONGEST_ENTRY for entry in entries), "a bundle's lengths have two bytes"
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def unpack(bundle: bytes) -> list[bytes]:
    """The entries of a bundle; refuses one that ends in the middle of an entry."""
    entries, at = [], 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2])
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 > len(bundle) or len(entry) != length:
            raise TileBroken(name="a bundle of entries", what="it ends in the middle of an entry")
        entries.append(entry)
        at += 2 + length
    return entries


class Tiles:
    """The files of a log below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- reading ---------------------------------------------------------------------------------------------------

    def subtree(self, size: int) -> _Subtrees:
        """Complete subtrees of the tree of this size, from its tiles."""
        return _Subtrees(self, size)

    def root(self, size: int) -> bytes:
        """The root of the tree of this size, as its tiles have it."""
        return range_hash(0, size, self.subtree(size))

    def tile(self, level: int, number: int, width: int) -> bytes:
        """At least ``width`` hashes of a tile: of the full one, else of the partial one; refused without either."""
        return self._read(tile_path(level, number), tile_path(level, number, width), width * HASH_BYTES)

    def entries(self, number: int, width: int) -> list[bytes]:
        """``width`` entries of a bundle."""
        content = self._read(bundle_path(number), bundle_path(number, width), 0)
        entries = unpack(content)
        if len(entries) < width:
            raise TileBroken(name=bundle_path(number, width), what=f"it has {len(entries)} entries")
        return entries[:width]

    def _read(self, full: str, partial: str, least_bytes: int) -> bytes:
        for name in (full, partial):
            try:
                content = (self.folder / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            if len(content) < least_bytes or (least_bytes and len(content) % HASH_BYTES):
                raise TileBroken(name=name, what=f"it has {len(content)} bytes")
            return content
        raise TileBroken(name=full, what="it is not there")

    # -- writing ---------------------------------------------------------------------------------------------------

    def extend(self, size: int, entries: Sequence[bytes]) -> None:
        """Write the tiles and bundles of the tree that has these entries after its first ``size``.

        Entries come first, then hashes, from the leaves up; every file is whole or absent, and the same again writes
        the same bytes, so that a kill anywhere is mended by calling it again.
        """
        after = size + len(entries)
        known = size % WIDTH
        first = size - known
        before = self.entries(first // WIDTH, known) if known else []
        for number, part in _by_width(first // WIDTH, [*before, *entries]):
            self._put(bundle_path(number, len(part)), pack(part))
        row = [hash_leaf(entry) for entry in entries]
        for level, _, _ in widths(after):
            had = size >> (level * HEIGHT)
            known = had % WIDTH
            kept = _split(self.tile(level, had // WIDTH, known))[:known] if known else []
            hashes = [*kept, *row]
            for number, part in _by_width(had // WIDTH, hashes):
                self._put(tile_path(level, number, len(part)), b"".join(part))
            # What is full now and was not before is one hash each, a level up.
            full = len(hashes) // WIDTH
            row = [root_of(hashes[at * WIDTH : (at + 1) * WIDTH]) for at in range(full)]

    def forget_partial(self, size: int) -> None:
        """Remove the partial tiles of every place where this tree has the full one."""
        for level, full, _ in widths(size):
            if full:
                self._forget(self.folder / tile_path(level, full - 1))
                if level == 0:
                    self._forget(self.folder / bundle_path(full - 1))

    def _put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        if not (path.exists() and path.read_bytes() == content):
            write_bytes(path, content)

    @staticmethod
    def _forget(full: Path) -> None:
        partial = full.with_name(f"{full.name}.p")
        if full.exists() and partial.is_dir():
            shutil.rmtree(partial)


class _Subtrees:
    """Hashes of complete subtrees of a tree of one size; each tile is read once."""

    def __init__(self, tiles: Tiles, size: int) -> None:
        self._tiles, self._size = tiles, size
        self._read: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, position: int) -> bytes:
        """From the tiles at the level of tiles below, ``2**rest`` of their hashes."""
        row, rest = divmod(level, HEIGHT)
        first = position << rest
        hashes = self._hashes(row, first // WIDTH)
        return root_of(hashes[first % WIDTH : first % WIDTH + (1 << rest)])

    def _hashes(self, row: int, number: int) -> list[bytes]:
        if (row, number) not in self._read:
            width = min(WIDTH, (self._size >> (row * HEIGHT)) - number * WIDTH)
            self._read[row, number] = _split(self._tiles.tile(row, number, width))[:width]
        return self._read[row, number]


def _by_width(number: int, items: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Items by the tiles that they fill, from this tile on."""
    for at in range(0, len(items), WIDTH):
        yield number + at // WIDTH, items[at : at + WIDTH]


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def _number(number: int) -> str:
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def _part(width: int) -> str:
    assert 1 <= width <= WIDTH, "a tile has a hash"
    return "" if width == WIDTH else f".p/{width}"
