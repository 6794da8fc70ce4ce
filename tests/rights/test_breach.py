"""A breach has the three groups of contents, a deadline, and the people it concerns are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from access.people import AT
from tanpuhui.rights import breach
from tanpuhui.rights.ask import ask
from tanpuhui.rights.models import Breach, BreachStep, Request
from tanpuhui.rights.refusals import BreachIncomplete, BreachStepTaken, ProofMissing, UnknownBreach

pytestmark = pytest.mark.django_db
CONTENTS = breach.Contents(
    kinds="e-mail addresses",
    cause="a lost laptop",
    harm="unwanted mail",
    measures="its key is revoked",
    advice="be wary of mail",
    contact="privacy@carbon.example",
)


@pytest.mark.parametrize("group", ["kinds", "cause", "harm", "measures", "advice", "contact"])
def test_every_group_of_contents_is_said(group: str) -> None:
    with pytest.raises(BreachIncomplete) as refused:
        breach.record(replace(CONTENTS, **{group: " "}), [], found_at=AT, at=AT)

    assert refused.value.facts == {"missing": group}
    assert not Breach.objects.exists()


def test_the_authority_is_told_in_time_or_it_is_late() -> None:
    made = breach.record(CONTENTS, [], found_at=AT, at=AT)
    in_time, late = AT + timedelta(hours=24), AT + timedelta(hours=24, seconds=1)

    assert not breach.shown(made.pk).is_late(in_time)
    assert breach.shown(made.pk).is_late(late)
    breach.step(made.pk, BreachStep.AUTHORITY_TOLD, "by telephone", at=late)
    assert not breach.shown(made.pk).is_late(late)
    with pytest.raises(BreachStepTaken):
        breach.step(made.pk, BreachStep.AUTHORITY_TOLD, at=late)
    with pytest.raises(UnknownBreach):
        breach.shown(made.pk + 1)


def test_those_it_concerns_are_told_and_nobody_else() -> None:
    made = breach.record(CONTENTS, [7, 3, 7], found_at=AT, at=AT)
    assert breach.notices_of(7) == []

    breach.step(made.pk, BreachStep.PERSONS_TOLD, at=AT)

    assert breach.shown(made.pk).persons == (3, 7)
    assert [one.breach.pk for one in breach.notices_of(7)] == [made.pk]
    assert breach.notices_of(8) == []
    assert all(text in breach.notices_of(3)[0].notice for text in vars(CONTENTS).values())


def test_what_becomes_known_later_is_a_record_of_its_own() -> None:
    first = breach.record(CONTENTS, [7], found_at=AT, at=AT)
    later = breach.record(
        replace(CONTENTS, cause="a stolen laptop"), [7, 8], found_at=AT, follows=first.pk, at=AT
    )

    assert [one.breach.pk for one in breach.all_shown()] == [later.pk, first.pk]
    assert breach.shown(later.pk).as_json(AT)["follows"] == first.pk
    with pytest.raises(UnknownBreach):
        breach.record(CONTENTS, [], found_at=AT, follows=99, at=AT)
    with pytest.raises(DatabaseError), transaction.atomic():
        Breach.objects.update(cause="nothing")


def test_heirs_show_their_papers() -> None:
    for proof in ("", "seen", "sha256:00"):
        with pytest.raises(ProofMissing):
            ask(1, Request.HEIRS, "A copy for the daughter", by="heir", proof=proof, at=AT)

    made = ask(1, Request.HEIRS, "A copy for the daughter", by="heir", proof=f"sha256:{'0' * 64}", at=AT)

    assert made.steps.get().by == "heir"
