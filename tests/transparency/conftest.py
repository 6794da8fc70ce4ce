"""Where the published vectors are; tests that need them are skipped where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import SHARED


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    folder = SHARED / "vectors"
    if not folder.is_dir():
        pytest.skip("the vectors are not on this machine (../shared/vectors, or TANPUHUI_SHARED)")
    return folder
