"""Who may be erased, when, and by whom; what stands in the way says how it ends."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from access.people import AT, LATER, organisation, user
from close.replaying import replayed
from close.town import Town, metro
from consent.people import child, metro_grant
from erasure.planted import agreed
from notary.town import AT as AGREED_AT
from points.book import AT as BOOKED_AT
from points.book import certified_of, new_sponsor, points_of, with_points
from tanpuhui.access import approve
from tanpuhui.access.hold import hold
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, User
from tanpuhui.close.erase import Prepared
from tanpuhui.close.places import Places
from tanpuhui.consent.models import Resident
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.show import standings
from tanpuhui.consent.state import State
from tanpuhui.erasure.erase import VERB, Erased, arguments_of, erase, erase_again
from tanpuhui.erasure.refusals import NotAgreed, NotAnErasure, NotTheOwner, StillOpen
from tanpuhui.erasure.retain import retain_acts
from tanpuhui.evidence import id_index, lake
from tanpuhui.evidence.id_run import Run
from tanpuhui.evidence.models import IdRun, SubjectLink
from tanpuhui.ledger.invariants import check
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.rights.answer import done
from tanpuhui.rights.ask import ask
from tanpuhui.rights.models import Request
from tanpuhui.rights.refusals import UnknownRequest
from tanpuhui.rights.show import shown
from tanpuhui.sealing import keys

pytestmark = pytest.mark.django_db
#: Where an erasure may be killed.
ERASING = ("erasure.prepared", "erasure.before_commit", "erasure.committed")
#: After a colleague has agreed.
THEN = AGREED_AT + timedelta(hours=1)


@pytest.fixture()
def places(fresh_home: Path) -> Places:
    return Places(fresh_home / "lake", 2)


def erased(account: int, places: Places) -> Erased:
    return erase(agreed(account).pk, at=THEN, places=places)


def test_without_a_second_persons_yes_to_exactly_this_nobody_is_erased(places: Places) -> None:
    account = open_account(at=AT)
    request = ask(account, "erasure", "everything", at=AT)
    other = ask(open_account(at=AT), "erasure", "everything", at=AT)

    def refused() -> None:
        with pytest.raises(NotAgreed):
            erase(request.pk, at=LATER, places=places)

    refused()
    waiting = approve.ask(VERB, arguments_of(request), reason="asked for", by=user(), at=AT)
    refused()
    no = approve.ask(VERB, arguments_of(request), reason="asked for", by=user(), at=AT)
    approve.decide(no.pk, yes=False, reason="not yet", by=user(), at=AT)
    refused()
    another = approve.ask(VERB, arguments_of(other), reason="asked for", by=user(), at=AT)
    approve.decide(another.pk, yes=True, reason="seen", by=user(), at=AT)
    refused()
    approve.decide(waiting.pk, yes=True, reason="seen", by=user(), at=AT)
    with pytest.raises(NotAgreed):
        erase(request.pk, at=AT + timedelta(days=3), places=places)

    assert erase(request.pk, at=LATER, places=places).account == account


def test_only_a_request_to_erase_leads_to_an_erasure(places: Places) -> None:
    request = ask(open_account(at=AT), "correction", "words", at=AT)

    with pytest.raises(NotAnErasure):
        erase(request.pk, at=LATER, places=places)
    with pytest.raises(UnknownRequest):
        erase(user().pk, at=LATER, places=places)


def test_the_account_is_closed_its_consents_end_and_the_request_is_done(places: Places) -> None:
    account = open_account(at=AT, birth_on=date(1990, 1, 1))
    metro_grant(account)

    erased(account, places)

    assert Resident.objects.get(pk=account).closed_at == THEN
    assert [one.state for one in standings(account, at=THEN)] == [State.TERMINATED]
    one = shown(Request.objects.get(account=account).pk)
    assert (one.state, one.request.words) == ("done", "(erased)")
    assert keys.is_destroyed(account)


def test_points_go_back_to_their_sponsor_and_reductions_stay_as_nobodys(places: Places) -> None:
    sponsor = new_sponsor()
    account = with_points(sponsor, 7)
    certified = certified_of(account)
    assert points_of(account, sponsor) == (7, 0)

    assert erase(agreed(account, BOOKED_AT).pk, at=BOOKED_AT, places=places).points == 7

    assert points_of(account, sponsor) == (0, 0)
    assert certified_of(account) == certified
    assert check(connection) == []


def test_whoever_decides_for_a_child_is_not_erased(places: Places) -> None:
    young, guardian = child()

    with pytest.raises(StillOpen, match="child"):
        erased(guardian, places)
    erased(young, places)

    assert erased(guardian, places).account == guardian


def test_of_staff_the_bare_number_stays_with_what_they_did(places: Places) -> None:
    account, staff, centre = open_account(at=AT), user("staff@example.org"), organisation("operator")
    hold(staff, account, at=AT)
    join(staff, centre, Membership.MEMBER, at=AT)
    AuditEntry.objects.create(who=staff, organisation=centre, verb="lot.certified", at=AT)

    erased(account, places)

    left = User.objects.get(pk=staff.pk)
    assert (left.email, left.is_active, left.is_staff) == (None, False, False)
    assert AuditEntry.objects.get(verb="lot.certified").who_id == staff.pk


def test_the_applications_role_cannot_erase(places: Places) -> None:
    account = open_account(at=AT, birth_on=date(1990, 1, 1))
    request = agreed(account)

    with transaction.atomic():
        connection.cursor().execute("SET LOCAL ROLE tanpuhui_app")
        with pytest.raises(NotTheOwner), transaction.atomic():
            erase(request.pk, at=THEN, places=places)
        connection.cursor().execute("RESET ROLE")

    assert not keys.is_destroyed(account)
    assert shown(request.pk).state == "received"


def test_a_restored_database_is_erased_again(places: Places) -> None:
    account, other = open_account(at=AT), open_account(at=AT, birth_on=date(1980, 1, 1))
    erased(account, places)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO vault.identity (resident_id, birth_on) VALUES (%s, '1990-01-01')", [account]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")

    assert erase_again(places=places, at=THEN) == [account]

    assert erase_again(places=places, at=THEN) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT resident_id FROM vault.identity")
        assert cursor.fetchall() == [(other,)]


def test_a_request_that_was_only_said_to_be_done_destroys_nothing(places: Places) -> None:
    account, other = open_account(at=AT), open_account(at=AT)
    request = agreed(account)
    done(request.pk, "Done by hand.", at=AGREED_AT)

    with pytest.raises(StillOpen, match="nothing was erased"):
        erase(request.pk, at=THEN, places=places)
    erased(other, places)

    assert not keys.is_destroyed(account)
    assert keys.destroyed() == [other]


class Killed(BaseException):
    """The process is gone."""


def test_an_erasure_killed_at_any_point_is_whole_the_second_time(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=1)
    people = town.settle("abc")
    town.take(*(metro(letter, letter, 1_000) for letter in people))
    town.close()

    for point, account in zip(ERASING, people.values(), strict=True):
        request = agreed(account)

        def die(name: str, at: str = point) -> None:
            if name == at:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("tanpuhui.erasure.erase.crash_point", die)
            with pytest.raises(Killed):
                erase(request.pk, at=THEN, places=town.places)
        was_committed = point == "erasure.committed"
        assert (shown(request.pk).state == "done") == was_committed
        assert not keys.is_destroyed(account)
        assert all(answer.agrees for answer in replayed(town))

        erase(request.pk, at=THEN, places=town.places)

        assert keys.is_destroyed(account)
        assert SubjectLink.objects.filter(account_id=account).count() == 0
        assert all(answer.agrees for answer in replayed(town))
    assert [answer.erased for answer in replayed(town)] == [3]
    assert lake.missing_or_changed(town.places.lake) == []
    lake.sweep(town.places.lake)
    assert all(answer.agrees for answer in replayed(town))


@pytest.mark.django_db(transaction=True)
def test_no_sweep_runs_between_new_files_and_the_rows_that_name_them(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    might_sweep = []

    def ask(what: str) -> None:
        given = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
        given.pop("context", None)
        with psycopg.connect(**given) as other:
            found = other.execute("SELECT pg_try_advisory_xact_lock(%s)", [lake._SWEEP_LOCK]).fetchone()
        might_sweep.append((what, found == (True,)))

    def prepare_nothing(*_: object, **__: object) -> Prepared:
        ask("retention")
        return Prepared(uuid4(), THEN, ())

    request = agreed(open_account(at=AT))
    ask("before")
    monkeypatch.setattr("tanpuhui.erasure.erase.crash_point", ask)
    monkeypatch.setattr("tanpuhui.close.erase.prepare_days", prepare_nothing)

    erase(request.pk, at=THEN, places=places)
    retain_acts(places, at=THEN)
    ask("after")

    assert might_sweep == [
        ("before", True),
        *((point, False) for point in ERASING),
        ("retention", False),
        ("after", True),
    ]


def test_runs_of_ids_forget_what_is_erased_also_those_made_meanwhile(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "LOOSE_FILES", 1)
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=1)
    people = town.settle("ab")
    town.take(metro("a-1", "a", 1_000), metro("b-1", "b", 1_000))
    town.take(metro("b-2", "b", 2_000))

    def ids() -> list[int]:
        return sorted(
            prefix
            for run in IdRun.objects.all()
            for prefix in Run(town.places.lake / run.path, run.rows, run.files).prefixes.tolist()
        )

    def prefixes(*names: str) -> list[int]:
        return sorted(int.from_bytes(sha256(name.encode()).digest()[:8], "big") for name in names)

    assert ids() == prefixes("a-1", "b-1")
    request = agreed(people["a"])

    # A batch that is taken between the commit of an erasure and its last step still reads the old file.
    with monkeypatch.context() as patch:
        patch.setattr("tanpuhui.erasure.erase.finish", lambda _: None)
        erase(request.pk, at=THEN, places=town.places)
        IdRun.objects.all().delete()
        town.take(metro("b-3", "b", 3_000))
    assert ids() == prefixes("a-1", "b-1", "b-2")
    erase(request.pk, at=THEN, places=town.places)

    assert not set(prefixes("a-1")) & set(ids())
    again = town.take(metro("b-1", "b", 1_000), metro("b-2", "b", 2_000), metro("b-3", "b", 3_000))
    assert (again.duplicate, again.accepted) == (3, 0)
    assert ids() == prefixes("b-1", "b-2", "b-3")
    assert lake.missing_or_changed(town.places.lake) == []
