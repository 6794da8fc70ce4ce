"""What was done is written down once and for all."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from access.people import AT, organisation, user
from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_which_object_and_why() -> None:
    one, there = user(), organisation()

    entry = record(
        "freeze",
        who=one,
        organisation=there,
        at=AT,
        object_kind="account",
        object_key=7,
        reason="four phones, one walk",
        facts={"rule": "co_movement"},
        request_id="r1",
    )

    known = AuditEntry.objects.get(pk=entry.pk)
    assert (known.who, known.organisation, known.verb, known.at) == (one, there, "freeze", AT)
    assert (known.object_kind, known.object_key) == ("account", "7")
    assert (known.reason, known.facts, known.request_id) == (
        "four phones, one walk",
        {"rule": "co_movement"},
        "r1",
    )


def test_the_program_itself_may_have_done_it() -> None:
    assert record("expire_grants", who=None, at=AT).who is None


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE access_audit_entry SET reason = 'x'",
        "DELETE FROM access_audit_entry",
        "TRUNCATE access_audit_entry",
    ],
)
@pytest.mark.parametrize("role", ["postgres", "tanpuhui_app"])
def test_neither_the_owner_nor_the_application_can_change_an_entry(order: str, role: str) -> None:
    record("freeze", who=user(), at=AT)

    with (
        pytest.raises(ProgrammingError, match=r"Cannot|denied|never removed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(order)
