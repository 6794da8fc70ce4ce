"""What tests of programmes share: forty homes in a village, of which twelve are held out, and a year of readings."""

from __future__ import annotations

from pathlib import Path

import pytest

from programme.village import Village
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture()
def village(db: None, fresh_home: Path, library: Library) -> Village:
    """A programme that is open; ten homes have joined and given their grants."""
    village = Village(fresh_home, library, load_jurisdiction("demo"))
    village.open()
    village.join(10)
    return village
