"""The console's lists of other platforms: whom we speak with, what was said both ways, evidence and findings."""

from __future__ import annotations

import pytest

from console.conftest import Staff
from tanpuhui.federation.inbox import REFUSED
from tanpuhui.federation.models import Evidence, Finding, Incoming, Outgoing, Peer
from tanpuhui.federation.outbox import number_drafts, say
from tanpuhui.kit.moment import utc_now
from web.test_links import peer_of

pytestmark = pytest.mark.django_db


@pytest.fixture()
def said() -> Outgoing:
    """A message that waits for its answer, one like it that came and was refused, and what was noticed."""
    peer, at = peer_of(Peer.CITY), utc_now()
    say(peer, "delivered", "subject", {"lot": "SHANGHAI-000001", "first": 1, "last": 3}, at=at)
    number_drafts(peer, 2, most=10)
    row = Outgoing.objects.get()
    Incoming.objects.create(
        id=row.id,
        peer=peer,
        sequence=1,
        kind=row.kind,
        subject=row.subject,
        day=row.day,
        content=bytes(row.content),
        signed={},
        outcome=REFUSED,
        code="federation.not_ours",
        answer={},
        taken_at=at,
    )
    Evidence.objects.create(
        peer=peer,
        code="federation.sequence_reused",
        sequence=1,
        message="sha256:1",
        content=b"{}",
        signed={},
        at=at,
    )
    Finding.objects.create(peer=peer, what=Finding.PEER_ROLLED_BACK, facts={"it_took": 1}, at=at)
    return row


@pytest.mark.parametrize(
    ("place", "shows"),
    [
        ("federation-peers", "Agreement 2026-7"),
        ("federation-outbox", "waiting"),
        ("federation-inbox", "federation.not_ours"),
        ("federation-evidence", "federation.sequence_reused"),
        ("federation-findings", "peer_rolled_back"),
    ],
)
def test_a_list_and_the_page_of_its_row_show_it(place: str, shows: str, staff: Staff, said: Outgoing) -> None:
    page = staff.auditor.get(f"/console/{place}/", HTTP_ACCEPT_LANGUAGE="en")
    assert page.status_code == 200
    assert shows in page.content.decode()

    shown_of = {
        "federation-peers": "https://shanghai.example",
        "federation-outbox": "SHANGHAI-000001",
        "federation-inbox": "SHANGHAI-000001",
    }
    keys = {"federation-peers": said.peer_id, "federation-outbox": said.id, "federation-inbox": said.id}
    if place in keys:
        row = staff.auditor.get(f"/console/{place}/{keys[place]}/", HTTP_ACCEPT_LANGUAGE="en")
        assert row.status_code == 200
        assert shown_of[place] in row.content.decode()
