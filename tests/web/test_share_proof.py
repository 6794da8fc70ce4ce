"""The proof of one's share: one file from one's own page, checked offline by the program that everybody can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from close.town import TAKEN_AT, Town
from notary.town import AT, lived
from tanpuhui.access.hold import hold
from tanpuhui.access.models import User
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.methodology.load import Library
from tanpuhui.notary.enter import enter_all
from tanpuhui.notary.installation import log, policy_text
from tanpuhui.notary.shares import shares_of
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.transparency import verify_certificate
from tanpuhui.transparency.log import publish
from web.site import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture()
def lot(fresh_home: Path, library: Library) -> str:
    return lived(Town(fresh_home, library, load_jurisdiction("demo"), buckets=1)).code


PAGE = reverse("resident:certificates")


def address(lot: str) -> str:
    return reverse("resident:share_proof", args=[lot])


def in_the_log() -> None:
    with transaction.atomic():
        enter_all(log(), at=AT, rows=True)
    publish(log())


def person(email: str, account: int | None = None) -> Client:
    user = User.objects.create_user(email, language="en")
    if account is not None:
        hold(user, account, at=TAKEN_AT)
    return client_of(user)


def holder_of(lot: str) -> int:
    return shares_of(lot).accounts[0]


def test_one_file_proves_the_share_and_each_use_of_the_lot(lot: str) -> None:
    in_the_log()
    account = holder_of(lot)
    resident = person("a@example.org", account)

    page = resident.get(PAGE, headers={"Accept-Language": "en"}).content.decode()
    answer = resident.get(address(lot))

    assert address(lot) in page
    assert answer["Content-Disposition"] == f'attachment; filename="share-{lot}.json"'
    proved = verify_certificate.check_file(answer.content, policy_text())
    kinds = [one["kind"] for one in proved]
    assert kinds[:2] == ["share", "lot"]
    assert sorted(kinds[2:]) == ["retirement", "retirement", "surrender"]
    share = json.loads(answer.content)["documents"][0]["share"]["record"]
    assert (share["lot"], share["account"], share["amount_mg"]) == (lot, account, 2_000_000_000)
    with pytest.raises(verify_certificate.Wrong):
        verify_certificate.check_file(answer.content.replace(b"2000000000", b"2000000001"), policy_text())


def test_who_has_no_share_finds_nothing(lot: str) -> None:
    in_the_log()

    (stranger,) = open_accounts(1, at=TAKEN_AT)

    assert person("b@example.org", stranger).get(address(lot)).status_code == 404
    assert Client().get(address(lot)).status_code == 302


def test_a_lot_that_is_not_in_the_log_yet_says_so(lot: str) -> None:
    resident = person("a@example.org", holder_of(lot))

    answer = resident.get(address(lot), follow=True, headers={"Accept-Language": "en"})

    assert answer.redirect_chain == [(PAGE, 302)]
    assert "not in the log" in answer.content.decode()
