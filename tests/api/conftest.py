"""What tests of the API share: the shipped contracts, a home of the test's own, and a registered key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from api.caller import registered
from tanpuhui.client import SigningKey
from tanpuhui.evidence.contract import ensure_default_contracts


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few buckets, so that a taking writes few files."""
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """A request leaves the test's own connection, and its transaction, open, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture()
def contracts(db: None, fresh_home: Path) -> None:
    ensure_default_contracts(at=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture()
def key(contracts: None) -> SigningKey:
    """The key of the provider ``generic``."""
    return registered()
