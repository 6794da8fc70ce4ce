"""Redemptions from before holds of one line: the migration takes them along, open and ended ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from points.book import (
    AT,
    DAY,
    captured,
    code_of,
    findings,
    held,
    new_key,
    new_offer,
    new_sponsor,
    points_of,
    taking,
    with_points,
)
from tanpuhui.points import sql
from tanpuhui.points.models import Redemption, Stripe
from tanpuhui.points.redeem import ReleaseOrder, capture, expire_redemptions, release

pytestmark = pytest.mark.django_db

#: What an installation of then had: holds with keys and states, whose capture is a transaction of theirs.
AS_BEFORE = """
SET CONSTRAINTS ALL IMMEDIATE;
SET session_replication_role = replica;
INSERT INTO ledger_hold (id, key, content_digest, reason, state, opened_at, expires_at, closed_at, capture_tx)
OVERRIDING SYSTEM VALUE
SELECT h.id, 'redeem:' || r.id, r.content_digest, 'redeem',
    CASE WHEN e.hold_id IS NULL THEN 'open' WHEN e.tx_id IS NULL THEN 'released' ELSE 'captured' END,
    r.opened_at, r.expires_at, e.at, e.tx_id
FROM points_redemption r JOIN ledger_single_hold h ON h.id = r.hold_id
LEFT JOIN ledger_single_hold_end e ON e.hold_id = h.id;
INSERT INTO ledger_hold_line (hold_id, line, account_id, asset_id, amount)
SELECT h.id, 1, h.account_id, h.asset_id, h.amount FROM ledger_single_hold h;
DELETE FROM ledger_single_hold_end;
DELETE FROM ledger_single_hold;
SET session_replication_role = origin;
SET CONSTRAINTS ALL DEFERRED;
"""


def test_redemptions_that_were_held_before_are_captured_released_and_over_after() -> None:
    sponsor = new_sponsor()
    resident, offer = with_points(sponsor, 30), new_offer(sponsor)
    before = captured(offer, resident)
    gone, to_capture, to_release, to_expire = (held(offer, resident) for _ in range(4))
    letting_go = ReleaseOrder(new_key(), gone, organisation=offer.organisation.code)
    release(letting_go, at=AT).accepted()
    with connection.cursor() as cursor:
        cursor.execute(AS_BEFORE)

    with connection.cursor() as cursor:
        cursor.execute(sql.read("short"))

    assert points_of(resident, sponsor) == (18, 9)
    assert findings() == []
    assert capture(taking(offer, to_capture), day=DAY, at=AT).accepted() == to_capture
    again = capture(taking(offer, before.pk), day=DAY, at=AT)
    assert code_of(again) == "points.redemption_closed"
    order = ReleaseOrder(new_key(), to_release, organisation=offer.organisation.code)
    assert release(order, at=AT).accepted() == to_release
    assert expire_redemptions(at=AT + timedelta(days=30)) == 1
    assert Redemption.objects.get(pk=to_expire).closing.state == "expired"
    assert points_of(resident, sponsor) == (24, 0)
    assert findings() == []


def test_what_the_ledger_had_ended_by_the_clock_before_is_over_after_and_stops_no_sweep() -> None:
    sponsor = new_sponsor()
    resident, offer = with_points(sponsor, 30), new_offer(sponsor, stock=5, per_person=5)
    over, waiting = held(offer, resident), held(offer, resident)
    late = AT + timedelta(days=30)
    number = Redemption.objects.get(pk=over).hold_id
    assert number is not None
    with connection.cursor() as cursor:
        cursor.execute(AS_BEFORE)
        cursor.execute("SELECT ledger_release(%s, %s)", [number, late])

    with connection.cursor() as cursor:
        cursor.execute(sql.read("short"))

    assert Redemption.objects.get(pk=over).closing.state == "expired"
    assert sum(Stripe.objects.filter(offer_id=offer.pk).values_list("left", flat=True)) == 4
    assert findings() == []
    assert code_of(capture(taking(offer, over), day=DAY, at=AT)) == "points.redemption_closed"
    assert expire_redemptions(at=late) == 1
    assert Redemption.objects.get(pk=waiting).closing.state == "expired"
    assert points_of(resident, sponsor) == (30, 0)
    assert findings() == []
