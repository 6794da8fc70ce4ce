"""What the tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection


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
