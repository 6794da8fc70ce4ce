"""Duplicates: an id and revision counts once; which rows count does not depend on the order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.conftest import RIDE, Take, Write
from tanpuhui.evidence import quarantine

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[dict[str, Any]]]

HEAD = "source_id,person,kind,started_at,ended_at,distance_m,revision,action"


def ride(source_id: str, person: str = "p", metres: int = 4200, revision: str = "", action: str = "") -> str:
    return f"{source_id},{person},bike_trip,{RIDE},{metres},{revision},{action}"


def test_the_same_row_twice_in_a_file_counts_once(take_it: Take, write: Write) -> None:
    receipt = take_it("generic", write(HEAD, ride("a"), ride("a"), ride("a")))

    assert (receipt.accepted, receipt.duplicate, receipt.refused) == (1, 2, 0)


def test_an_id_used_for_something_else_is_refused_within_a_file_and_across_files(
    take_it: Take, write: Write
) -> None:
    first = take_it("generic", write(HEAD, ride("a"), ride("a", metres=9), ride("a")))
    second = take_it("generic", write(HEAD, ride("a", metres=9), ride("b"), name="second.csv"))

    assert (first.accepted, first.duplicate, first.reasons) == (1, 1, {"evidence.id_reused": 1})
    assert (second.accepted, second.reasons) == (1, {"evidence.id_reused": 1})


def test_an_id_never_changes_its_person_whatever_the_revision(take_it: Take, write: Write) -> None:
    take_it("generic", write(HEAD, ride("a", person="p")))

    receipt = take_it(
        "generic", write(HEAD, ride("a", person="q", revision="1"), ride("a", person="q"), name="b.csv")
    )

    assert receipt.reasons == {"evidence.id_reused": 2}
    assert {row.field for row in quarantine.quarantined(batch=receipt.batch)} == {"person"}


def test_revisions_of_an_id_are_all_taken_in_any_order(take_it: Take, write: Write, stored: Stored) -> None:
    late_first = write(HEAD, ride("a", revision="2", action="retract"), ride("a", metres=5, revision="1"))
    take_it("generic", late_first)

    take_it("generic", write(HEAD, ride("a"), name="b.csv"))

    found = [(row["revision"], row["action"], row["distance_m"]) for row in stored()]
    assert found == [(2, "retract", 4200), (1, "report", 5), (0, "report", 4200)]


def test_a_second_retraction_is_a_duplicate_whatever_it_says(take_it: Take, write: Write) -> None:
    one, two = ride("a", revision="1", action="retract"), ride("a", metres=1, revision="1", action="retract")

    receipt = take_it("generic", write(HEAD, one, two))

    assert (receipt.accepted, receipt.duplicate) == (1, 1)


@pytest.mark.parametrize(
    "row",
    [
        ride("a", revision="-1"),
        ride("a", revision="x"),
        ride("a", action="undo"),
        ride("a", action="retract"),
    ],
)
def test_a_revision_that_makes_no_sense_is_refused(take_it: Take, write: Write, row: str) -> None:
    assert take_it("generic", write(HEAD, row)).reasons == {"evidence.revision_invalid": 1}


def test_two_providers_may_use_the_same_id(take_it: Take, write: Write) -> None:
    take_it("generic", write(HEAD, ride("1")))

    other = '{"id": "1", "type": "top_up", "user": "u", "at": "2026-03-02T08:00:00Z"}'
    assert take_it("payments", write(other, name="p.ndjson")).accepted == 1


ROWS = st.lists(
    st.builds(
        lambda number, revision: ride(
            f"id-{number}", person=f"p-{number % 3}", metres=number, revision=str(revision)
        ),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(ROWS, min_size=2, max_size=3), order=st.randoms(use_true_random=False))
def test_any_order_of_arrival_accepts_each_id_and_revision_once(
    take_it: Take, write: Write, stored: Stored, parts: list[list[str]], order: Any
) -> None:
    def arrive(files: list[list[str]]) -> tuple[set[tuple[str, int, int]], int]:
        with transaction.atomic():
            receipts = [
                take_it("generic", write(HEAD, *rows, name=f"{n}.csv"), key=f"key-{n}")
                for n, rows in enumerate(files)
            ]
            found = stored()
            accepted = {(row["source_id"], row["revision"], row["distance_m"]) for row in found}
            assert len(accepted) == len(found)
            transaction.set_rollback(True)
        return accepted, sum(receipt.duplicate for receipt in receipts)

    shuffled = parts[:]
    order.shuffle(shuffled)

    assert arrive(parts) == arrive(shuffled)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=40),
            st.lists(
                st.sampled_from(
                    ["a", "p", "bike_trip", "2026-03-02T08:00:00", "", "-1", "9" * 30, '"', "NaN", "1"]
                ),
                min_size=6,
                max_size=9,
            ).map(",".join),
            st.just(ride("a")),
        ),
        max_size=60,
    )
)
def test_whatever_a_file_holds_every_row_is_accounted_for(
    take_it: Take, write: Write, lines: list[str]
) -> None:
    with transaction.atomic():
        receipt = take_it("generic", write(HEAD, *lines))
        transaction.set_rollback(True)

    assert receipt.rows == len(lines)
    assert receipt.rows == receipt.accepted + receipt.duplicate + receipt.refused
    assert receipt.refused == sum(receipt.reasons.values())
