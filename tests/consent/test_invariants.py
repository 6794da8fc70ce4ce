"""What must hold of every grant is checked on live rows, and the offender is named."""

from __future__ import annotations

import pytest
from django.db import connection

from consent.people import AT, LATER, metro_grant
from tanpuhui.consent.invariants import check
from tanpuhui.consent.withdraw import pause, withdraw

pytestmark = pytest.mark.django_db


def corrupt(statement: str) -> None:
    """Past every guard, as whoever holds the server could."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE consent_grant DROP CONSTRAINT IF EXISTS consent_grant_is_what_was_signed")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


def test_grants_as_the_verbs_leave_them_have_no_finding() -> None:
    metro_grant()
    pause(metro_grant().pk, at=LATER, method="test")
    withdraw(metro_grant().pk, at=LATER, method="test")

    assert check() == []


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE consent_grant SET acts_to_us = acts_to_us + 1 WHERE id = {0}", "a grant is what was signed"),
        ("UPDATE consent_grant SET guardian_id = resident_id WHERE id = {0}", "a grant is what was signed"),
        ("UPDATE consent_grant SET jws = 'a..b' WHERE id = {0}", "a grant is what was signed"),
        ("UPDATE consent_grant SET digest = 'sha256:0' WHERE id = {0}", "a grant has its digest"),
        ("DELETE FROM consent_grant_event WHERE grant_id = {0}", "a grant has a state"),
        (
            "DELETE FROM consent_grant_event WHERE grant_id = {0} AND seq = 1",
            "a step may follow the one before",
        ),
        (
            "UPDATE consent_grant_event SET state = 'Resumed' WHERE grant_id = {0} AND seq = 2",
            "a step may follow the one before",
        ),
        (
            "UPDATE consent_grant_event SET at = at - interval '1 year' WHERE grant_id = {0} AND seq = 2",
            "a step may follow the one before",
        ),
    ],
)
def test_a_row_that_breaks_an_invariant_is_named(statement: str, invariant: str) -> None:
    metro_grant()
    grant = metro_grant()
    withdraw(grant.pk, at=AT, method="test")

    corrupt(statement.format(grant.pk))

    findings = check()
    assert [finding.invariant for finding in findings] == [invariant]
    assert findings[0].key.split("/")[0] == str(grant.pk)
