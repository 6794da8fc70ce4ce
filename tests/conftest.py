"""What every test may ask for: a fresh home, a real PostgreSQL, and the real data where it is present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TANPUHUI_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; a test that needs it is skipped where it is missing."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not on this machine (../shared/data, or TANPUHUI_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """The folder of published references; a test that needs it is skipped where it is missing."""
    folder = SHARED / "reference"
    if not folder.is_dir():
        pytest.skip("the references are not on this machine (../shared/reference, or TANPUHUI_SHARED)")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> None:
    """After the migrations, give the application's role its privileges, as an installation does."""
    from tanpuhui.project.database import grant_privileges

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        grant_privileges("default")


@pytest.fixture()
def fresh_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new, empty home for one test (files only; the database stays the session's)."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TANPUHUI_HOME", str(folder))
    return folder
