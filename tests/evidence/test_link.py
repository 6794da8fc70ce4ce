"""Links: whose account a pseudonym is, is said once; records go to the bucket of their account."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from evidence.conftest import GENERIC, NOW, RIDE, Take, Write
from tanpuhui.evidence.contract import UnknownProvider, ensure_default_contracts, latest
from tanpuhui.evidence.lake import UNLINKED, record_files
from tanpuhui.evidence.link import AlreadyLinked, NoAccount, NoPseudonym, link, link_many
from tanpuhui.evidence.models import Subject, SubjectLink
from tanpuhui.evidence.subjects import pseudonym_key

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[dict[str, Any]]]


def test_a_linked_persons_records_are_in_the_bucket_of_the_account(
    take_it: Take, write: Write, stored: Stored
) -> None:
    link("generic", "p-1", 7, at=NOW)

    take_it("generic", write(GENERIC, f"a,p-1,bike_trip,{RIDE},1", f"b,p-2,bike_trip,{RIDE},1"))

    assert [record["account_id"] for record in stored()] == [7, 0]
    # Four buckets: account 7 is in bucket 3.
    assert [file.bucket for file in record_files([date(2026, 3, 2)])] == [UNLINKED, 3]
    assert [file.bucket for file in record_files([date(2026, 3, 2)], bucket=3)] == [UNLINKED, 3]
    assert [file.bucket for file in record_files([date(2026, 3, 2)], bucket=2)] == [UNLINKED]


def test_a_link_made_after_the_record_is_found_by_its_subject(
    take_it: Take, write: Write, stored: Stored
) -> None:
    take_it("generic", write(GENERIC, f"a,p-1,bike_trip,{RIDE},1"))

    subject = link("generic", "p-1", 7, at=NOW)

    assert stored()[0]["subject_id"] == subject
    assert list(SubjectLink.objects.values_list("subject_id", "account_id")) == [(subject, 7)]


def test_a_file_and_a_link_know_a_person_by_the_same_digest_in_any_script(
    take_it: Take, write: Write, stored: Stored
) -> None:
    people = ["张三", "é", "e\u0301", "🚲", "x" * 190, "O'Hara", "0"]
    rows = [f"{number},{person},bike_trip,{RIDE},1" for number, person in enumerate(people)]

    take_it("generic", write(GENERIC, *rows))
    subjects = [link("generic", person, 1 + number, at=NOW) for number, person in enumerate(people)]

    of = {record["source_id"]: record["subject_id"] for record in stored()}
    assert [of[str(number)] for number in range(len(people))] == subjects
    key = pseudonym_key(latest("generic"))
    assert {one.pk: bytes(one.digest) for one in Subject.objects.all()} == {
        subject: hmac.digest(key, person.encode(), "sha256")
        for subject, person in zip(subjects, people, strict=True)
    }


def test_the_same_link_again_changes_nothing_and_another_account_is_refused(defaults: None) -> None:
    link("generic", "p-1", 7, at=NOW)
    link("generic", "p-1", 7, at=NOW)

    with pytest.raises(AlreadyLinked), transaction.atomic():
        link_many("generic", [("p-2", 8), ("p-1", 9)], at=NOW)

    assert list(SubjectLink.objects.values_list("account_id", flat=True)) == [7]


@pytest.mark.parametrize("pseudonym", ["", "  "])
def test_an_empty_pseudonym_names_nobody(defaults: None, pseudonym: str) -> None:
    with pytest.raises(NoPseudonym):
        link_many("generic", [("p-1", 7), (pseudonym, 8)], at=NOW)

    assert not SubjectLink.objects.exists()


def test_many_links_are_made_at_once_and_two_pseudonyms_may_be_one_account(defaults: None) -> None:
    made = link_many("generic", [(f"p-{number}", 1 + number // 2) for number in range(1000)], at=NOW)

    assert made == 1000
    assert SubjectLink.objects.filter(account_id=1).count() == 2


def test_one_pseudonym_with_two_providers_is_two_subjects(defaults: None) -> None:
    assert link("generic", "p-1", 7, at=NOW) != link("szt", "p-1", 7, at=NOW)

    digests = list(Subject.objects.values_list("digest", flat=True))
    assert bytes(digests[0]) != bytes(digests[1])


def test_an_account_is_a_number_from_1_and_a_provider_has_a_contract(defaults: None) -> None:
    with pytest.raises(NoAccount):
        link("generic", "p-1", 0, at=NOW)
    with pytest.raises(UnknownProvider):
        link("nobody", "p-1", 1, at=NOW)


def test_a_link_is_never_changed_not_even_by_the_owner_of_the_tables() -> None:
    ensure_default_contracts(at=NOW)
    subject = link("generic", "p-1", 7, at=NOW)

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        SubjectLink.objects.filter(pk=subject).update(account_id=8)
