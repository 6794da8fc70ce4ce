"""What tests of a verification share: a town with some hundred trips, a verifier with keys, and an open engagement."""

from __future__ import annotations

from pathlib import Path

import pytest

from close.town import Town
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from verification.desk import Desk, open_desk


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture()
def desk(db: None, fresh_home: Path, library: Library) -> Desk:
    """A verifier's desk over a town of two buckets with two days of trips, closed."""
    return open_desk(Town(fresh_home, library, load_jurisdiction("demo"), buckets=2))
