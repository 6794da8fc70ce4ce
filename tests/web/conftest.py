"""What the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection

from tanpuhui.methodology.load import Library, load_library
from web.town import Closed, closed_town


@pytest.fixture(autouse=True)
def forms_of_other_tests_do_not_count() -> None:
    """All tests send their forms from one address, quicker than a person could."""
    caches["worker"].clear()


@pytest.fixture()
def as_the_application(db: None) -> Iterator[None]:
    """The rest of the test runs with the rights of the server's role."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


@pytest.fixture()
def views_that_fail(settings: Any) -> None:
    """Addresses whose views refuse or break, besides the real ones."""
    settings.ROOT_URLCONF = "web.failing_urls"


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture()
def closed(db: None, fresh_home: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> Closed:
    """A town with a closed day, a lot and statistics."""
    monkeypatch.setenv("TANPUHUI_BUCKETS", "1")
    for name in ("worker", "default"):
        caches[name].clear()
    return closed_town(fresh_home, library)
