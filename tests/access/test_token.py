"""A token is shown once, found by its text while it is good, and revoked by its user alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import ProgrammingError, transaction

from access.people import AT, LATER, user
from consent.people import in_parallel
from tanpuhui.access import token
from tanpuhui.access.models import ApiToken, User
from tanpuhui.access.refusals import BadToken, BadTokenTerm, UnknownToken


@pytest.mark.django_db
def test_a_token_has_256_random_bits_and_only_its_digest_is_kept() -> None:
    text, row = token.issue(user(), scope="resident", days=30, at=AT)

    assert len(text) == len("tph_") + 43
    assert token.find(text, at=LATER) == row
    assert text not in str(ApiToken.objects.values())
    assert len(bytes(row.digest)) == 32
    assert token.issue(row.user, scope="resident", days=30, at=AT)[0] != text


@pytest.mark.django_db
@pytest.mark.parametrize("days", [0, 367, -1])
def test_a_term_outside_one_to_366_days_is_refused(days: int) -> None:
    with pytest.raises(BadTokenTerm):
        token.issue(user(), scope="resident", days=days, at=AT)


@pytest.mark.django_db
def test_terms_of_1_and_of_366_days_are_the_limits_and_end_to_the_microsecond() -> None:
    for days in (1, 366):
        text, _ = token.issue(user(), scope="resident", days=days, at=AT)
        end = AT + timedelta(days=days)

        assert token.find(text, at=end - timedelta(microseconds=1))
        with pytest.raises(BadToken):
            token.find(text, at=end)


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "tph_", "tph_" + "A" * 43, "A" * 47, "tph_" + "A" * 10_000, "tph_é"])
def test_other_texts_are_no_tokens(text: str) -> None:
    token.issue(user(), scope="resident", days=30, at=AT)

    with pytest.raises(BadToken):
        token.find(text, at=AT)


@pytest.mark.django_db
def test_a_revoked_token_stays_revoked_and_again_changes_nothing() -> None:
    one = user()
    text, row = token.issue(one, scope="resident", days=30, at=AT)

    token.revoke(row.pk, of=one, at=LATER)
    again = token.revoke(row.pk, of=one, at=LATER + timedelta(days=1))

    assert again.revoked_at == LATER
    with pytest.raises(BadToken):
        token.find(text, at=LATER)
    with pytest.raises(ProgrammingError, match="changes once"), transaction.atomic():
        ApiToken.objects.update(revoked_at=None)


@pytest.mark.django_db
def test_nobody_revokes_the_token_of_another_or_one_that_is_not_there() -> None:
    _, row = token.issue(user(), scope="resident", days=30, at=AT)

    with pytest.raises(UnknownToken):
        token.revoke(row.pk, of=user(), at=LATER)
    with pytest.raises(UnknownToken):
        token.revoke(uuid4(), of=row.user, at=LATER)


@pytest.mark.django_db
def test_the_token_of_a_blocked_user_is_not_good() -> None:
    text, row = token.issue(user(), scope="resident", days=30, at=AT)
    User.objects.filter(pk=row.user_id).update(is_active=False)

    with pytest.raises(BadToken):
        token.find(text, at=LATER)


@pytest.mark.django_db(transaction=True)
def test_revoked_by_many_at_once_it_is_revoked_once() -> None:
    _, row = token.issue(user(), scope="resident", days=30, at=AT)

    def revoke(minute: int) -> ApiToken:
        with transaction.atomic():
            return token.revoke(row.pk, of=row.user, at=LATER + timedelta(minutes=minute))

    answers = in_parallel([lambda minute=minute: revoke(minute) for minute in range(5)])

    assert len({answer.revoked_at for answer in answers}) == 1
