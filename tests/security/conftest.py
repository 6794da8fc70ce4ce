"""What the tests of security share: a site with two of everybody, once for each module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from security.others import Site, make_two
from web.conftest import as_the_application, views_that_fail

__all__ = ["as_the_application", "no_limits_left_over", "site", "views_that_fail"]


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Taken back at the end."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        yield make_two()
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def no_limits_left_over(db: None) -> None:
    """Counts of attempts that another test made."""
    from django.core.cache import caches

    for name in ("default", "worker"):
        caches[name].clear()
