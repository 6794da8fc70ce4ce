"""Find and feeds: whose account a pseudonym is, and which provider should have sent by now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tanpuhui.evidence import contract, link
from tanpuhui.evidence.contract import UnknownProvider
from tanpuhui.evidence.feeds import feeds, is_late
from tanpuhui.evidence.find import account_of
from tanpuhui.evidence.models import Batch, Contract, Subject

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def agree(provider: str, **others: Any) -> Contract:
    wanted = {
        "format": "generic",
        "kinds": ["metro_trip"],
        "pia_reference": "PIA-1",
        "valid_from": date(2020, 1, 1),
        "made_at": AT,
    }
    return contract.add(provider, **(wanted | others))


def batch(provider: str, at: datetime) -> None:
    Batch.objects.create(
        provider=provider,
        key=at.isoformat(),
        digest="sha256:" + "0" * 64,
        contract=Contract.objects.get(provider=provider),
        rows=0,
        accepted=0,
        duplicate=0,
        refused=0,
        reasons={},
        notes={},
        buckets=1,
        received_at=at,
        receipt={},
    )


def test_a_pseudonym_leads_to_its_account_for_its_own_provider_alone(fresh_home: Any) -> None:
    agree("metro")
    agree("bike")
    link.link("metro", "P-1", 7, at=AT)
    link.link("bike", "P-2", 8, at=AT)
    before = Subject.objects.count()

    assert account_of("metro", "P-1") == 7
    assert account_of("bike", "P-1") is None
    assert account_of("metro", "P-9") is None
    assert Subject.objects.count() == before


def test_a_pseudonym_of_before_the_key_was_changed_is_found(fresh_home: Any) -> None:
    agree("metro")
    link.link("metro", "P-1", 7, at=AT)
    agree("metro", pseudonym_key="pseudonyms-2")

    assert account_of("metro", "P-1") == 7


def test_a_provider_that_is_not_there_is_refused(fresh_home: Any) -> None:
    with pytest.raises(UnknownProvider):
        account_of("nobody", "P-1")


def test_a_feed_is_late_after_twice_its_usual_interval_and_an_hour() -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)

    assert not is_late(AT, day, AT + 2 * day + hour)
    assert is_late(AT, day, AT + 2 * day + hour + timedelta(microseconds=1))
    assert not is_late(None, None, AT)
    assert not is_late(AT, None, AT + 99 * day)


def test_feeds_have_their_last_batch_and_the_median_of_their_intervals() -> None:
    for provider in ("daily", "once", "never"):
        agree(provider)
    agree("ended", enabled=False)
    for days in (0, 1, 2, 9):
        batch("daily", AT + timedelta(days=days))
    batch("once", AT)

    found = {feed.provider: feed for feed in feeds(AT + timedelta(days=12))}

    assert sorted(found) == ["daily", "never", "once"]
    # Apart by 1, 1 and 7 days: the middle one is 1 day.
    assert found["daily"].usual == timedelta(days=1)
    assert (found["daily"].last_at, found["daily"].is_late) == (AT + timedelta(days=9), True)
    assert (found["once"].usual, found["once"].is_late) == (None, False)
    assert (found["never"].last_at, found["never"].batches) == (None, 0)
