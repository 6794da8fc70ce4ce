"""Appeals: one open for each act at a time, three in all, each answered once, words that go with the person."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from access.people import AT, LATER, user
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.appeal import MOST_CHARACTERS, MOST_OPEN, MOST_ROUNDS, Against, appeal
from tanpuhui.integrity.forget import forget
from tanpuhui.integrity.look import appeals_of, open_appeals
from tanpuhui.integrity.models import Answer, Appeal, AppealWords
from tanpuhui.integrity.refusals import (
    AlreadyAnswered,
    AlreadyAppealed,
    NoMoreAppeals,
    ReasonMissing,
    TooManyOpen,
    UnknownAppeal,
    WordsMissing,
    WordsTooLong,
    WordsUnreadable,
)

pytestmark = pytest.mark.django_db


def against(account: int = 1, record_id: int = 7) -> Against:
    return Against(account, record_id, date(2026, 3, 2), "duplicate_of", "sha256:00")


def test_an_appeal_waits_until_it_is_answered_and_the_answer_is_seen() -> None:
    made = appeal(against(), "  I rode twice.  ", at=AT)
    (waiting,) = appeals_of(1)

    answer(made.pk, uphold=True, reason="Two trips indeed.", by=user(), at=LATER)

    (answered,) = appeals_of(1)
    assert (waiting.is_open, waiting.words, waiting.round) == (True, "I rode twice.", 1)
    assert (answered.is_open, answered.decision, answered.reason) == (False, "upheld", "Two trips indeed.")
    assert answered.answered_at == LATER
    assert open_appeals() == []


def test_while_one_waits_another_against_the_same_act_is_refused_and_against_others_not() -> None:
    appeal(against(), "first", at=AT)

    with pytest.raises(AlreadyAppealed) as refused:
        appeal(against(), "again", at=LATER)

    assert refused.value.facts == {"asked_at": AT}
    appeal(against(record_id=8), "another act", at=LATER)
    appeal(against(account=2), "another person", at=LATER)
    assert [one.record_id for one in open_appeals()] == [7, 8, 7]


def test_after_each_answer_one_may_appeal_again_three_times_in_all() -> None:
    for _ in range(MOST_ROUNDS):
        made = appeal(against(), "again", at=AT)
        answer(made.pk, uphold=False, reason="No.", by=user(), at=LATER)

    with pytest.raises(NoMoreAppeals):
        appeal(against(), "once more", at=LATER)

    assert sorted(one.round for one in appeals_of(1, 7)) == [1, 2, 3]


def test_twenty_of_one_account_may_be_open_and_not_one_more() -> None:
    for record_id in range(1, MOST_OPEN + 1):
        appeal(against(record_id=record_id), "wrong", at=AT)

    with pytest.raises(TooManyOpen):
        appeal(against(record_id=MOST_OPEN + 1), "wrong", at=AT)

    appeal(against(account=2), "somebody else", at=AT)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("", WordsMissing),
        (" \n ", WordsMissing),
        ("x" * (MOST_CHARACTERS + 1), WordsTooLong),
        ("nul\x00", WordsUnreadable),
        ("bell\x07", WordsUnreadable),
    ],
)
def test_words_are_some_not_too_many_and_can_be_kept(words: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        appeal(against(), words, at=AT)

    assert not Appeal.objects.exists()


def test_words_of_the_longest_length_are_kept_whole() -> None:
    appeal(against(), "好" * MOST_CHARACTERS, at=AT)

    assert appeals_of(1)[0].words == "好" * MOST_CHARACTERS


def test_an_appeal_is_answered_once_and_the_same_answer_again_changes_nothing() -> None:
    made, by = appeal(against(), "wrong", at=AT), user()
    first = answer(made.pk, uphold=False, reason="It is right.", by=by, at=LATER)

    again = answer(made.pk, uphold=False, reason="It is right.", by=by, at=LATER + timedelta(hours=1))

    assert again == first
    with pytest.raises(AlreadyAnswered):
        answer(made.pk, uphold=True, reason="It is right.", by=by, at=LATER)
    with pytest.raises(AlreadyAnswered):
        answer(made.pk, uphold=False, reason="It is right.", by=user(), at=LATER)
    assert Answer.objects.count() == 1


def test_an_answer_needs_an_appeal_and_a_reason() -> None:
    with pytest.raises(UnknownAppeal):
        answer(1, uphold=True, reason="Why not.", by=user(), at=AT)
    made = appeal(against(), "wrong", at=AT)
    with pytest.raises(ReasonMissing):
        answer(made.pk, uphold=True, reason="  ", by=user(), at=AT)


def test_words_go_with_the_person_and_the_appeal_stays() -> None:
    made = appeal(against(), "my own words", at=AT)
    appeal(against(account=2), "words of another", at=AT)

    removed = forget(1)

    assert removed == 1
    assert [(one.id, one.words) for one in appeals_of(1)] == [(made.pk, "")]
    assert appeals_of(2)[0].words == "words of another"


def test_the_database_refuses_a_second_open_appeal_and_any_change() -> None:
    made = appeal(against(), "wrong", at=AT)

    def refused(action: object) -> bool:
        try:
            with transaction.atomic():
                action()  # type: ignore[operator]
        except DatabaseError:
            return True
        return False

    same = {"account": 1, "record_id": 7, "day": AT.date(), "outcome": "x", "manifest": "m", "asked_at": AT}
    assert refused(lambda: Appeal.objects.create(round=1, **same))
    assert refused(lambda: Appeal.objects.create(round=2, **same))
    assert refused(lambda: Appeal.objects.filter(pk=made.pk).update(outcome="credited"))
    assert refused(lambda: Appeal.objects.filter(pk=made.pk).delete())
    assert refused(lambda: AppealWords.objects.filter(pk=made.pk).update(words="other"))
    assert refused(lambda: AppealWords.objects.filter(pk=made.pk).update(words=""))


def test_the_application_may_remove_words_but_not_an_appeal() -> None:
    appeal(against(), "wrong", at=AT)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('tanpuhui_app', 'vault.appeal_words', 'DELETE'), "
            "has_table_privilege('tanpuhui_app', 'integrity_appeal', 'DELETE'), "
            "has_table_privilege('tanpuhui_app', 'integrity_answer', 'UPDATE')"
        )
        assert cursor.fetchone() == (True, False, False)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_appeal_at_once_one_is_refused() -> None:
    ready, ended = threading.Barrier(2), []

    def file() -> None:
        try:
            ready.wait()
            with transaction.atomic():
                appeal(against(), "at once", at=AT)
            ended.append("filed")
        except AlreadyAppealed:
            ended.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=file) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ended) == ["filed", "refused"]
    assert Appeal.objects.count() == AppealWords.objects.count() == 1
