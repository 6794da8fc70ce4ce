"""What tests of the notary share."""

from __future__ import annotations

from pathlib import Path

import pytest

from close.town import Town
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture()
def town(db: None, fresh_home: Path, library: Library) -> Town:
    return Town(fresh_home, library, load_jurisdiction("demo"), buckets=1)
