"""``tanpuhui challenge``, ``tanpuhui request`` and the statement on paper: what an operator does at a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from access.people import AT
from community.credits import KG
from tanpuhui.access.models import AuditEntry
from tanpuhui.cli import challenge, request
from tanpuhui.cli.statement import statement
from tanpuhui.community.refusals import ChallengeTaken
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.rights.ask import ask
from tanpuhui.rights.refusals import StepImpossible

pytestmark = pytest.mark.django_db
WORDS = {"title_zh": "三月", "title_en": "March", "text_zh": "一起", "text_en": "Together"}


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_challenge_is_announced_counted_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    days = {"starts_on": "2026-03-01", "ends_on": "2099-03-31"}
    assert challenge.announce("march", **WORDS, **days, target_kg=10, as_json=True) == 0
    (announced,) = printed(capsys)
    assert (announced["target_mg"], announced["credited_mg"]) == (10 * KG, None)

    assert challenge.tally(as_json=True) == 0
    (counted,) = printed(capsys)
    assert (counted["participants"], counted["credited_mg"]) == (0, 0)
    assert challenge.show() == 0
    assert "march" in capsys.readouterr().out
    with pytest.raises(ChallengeTaken):
        challenge.announce("march", **WORDS, **days, target_kg=11)


def test_a_request_is_listed_and_answered_and_the_person_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    made = ask(7, "correction", "My birth date is wrong.", at=AT)

    assert request.list_(as_json=True) == 3
    (row,) = printed(capsys)
    assert (row["account"], row["state"], row["due_on"], row["late"]) == (7, "received", "2026-04-01", True)
    assert request.in_hand(made.pk, as_json=True) == 0
    assert request.refuse(made.pk, reasons="It is right.", as_json=True) == 0
    capsys.readouterr()
    with pytest.raises(StepImpossible):
        request.done(made.pk)
    assert request.list_(as_json=True) == 0
    assert printed(capsys) == []
    entries = AuditEntry.objects.filter(object_kind="account", object_key="7").order_by("pk")
    assert [entry.verb for entry in entries] == ["answer_in_hand", "answer_refused"]


def test_a_statement_is_written_for_printing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (account,) = open_accounts(1, at=AT)
    for place, changes in enumerate(({}, {"language": "en"}, {"large": True})):
        path = tmp_path / f"{place}.pdf"

        assert statement(account, pdf=path, **changes) == 0

        assert path.read_bytes().startswith(b"%PDF-")
    assert "written to" in capsys.readouterr().out
