"""Further versions of a methodology of the library, for tests: the same folder with one factor changed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tanpuhui.kit.home import content
from tanpuhui.methodology.load import Library, load_methodology

METRO = "shenzhen/metro"


@dataclass(frozen=True)
class Edit:
    """What to write in place of what."""

    old: str
    new: str


def with_metro_v2(library: Library, folder: Path, *edits: Edit) -> Library:
    """The library with a second version of the metro's methodology, written below a folder; its digest is its own."""
    return Library({**library.methodologies, (METRO, 2): load_methodology(metro_v2(folder, *edits))})


def metro_v2(folder: Path, *edits: Edit) -> Path:
    """The folder of a second version: the first one, edited. One example that fits any factor stays."""
    target = folder / "methodologies" / METRO / "v2"
    shutil.copytree(content("methodologies") / METRO / "v1", target)
    (target / "methodology.sha256").unlink(missing_ok=True)
    path = target / "methodology.toml"
    text = path.read_text(encoding="utf-8").replace("version = 1\n", "version = 2\n", 1)
    for edit in edits:
        assert text.count(edit.old) >= 1, f"{edit.old} is there"
        text = text.replace(edit.old, edit.new)
    path.write_text(text, encoding="utf-8")
    (target / "examples.toml").write_text(EXAMPLES, encoding="utf-8")
    return target


EXAMPLES = """\
[[examples]]
name = "no distance is no trip"
activity = { distance_m = 0 }
excluded_by = "A1"
source = "clause A1"
status = "hand"
on = 2027-02-01
"""
