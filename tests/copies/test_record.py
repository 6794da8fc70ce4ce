"""The copy of everything: all of one's own, nothing of anybody else's, as its schema says, and signed."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from access.people import AT, LATER, organisation, user
from close.town import TAKEN_AT, Town, metro
from community.credits import DAY, KG, credit
from consent.people import child, metro_grant
from points.book import AT as POINTS_AT
from points.book import DAY as POINTS_DAY
from points.book import code_of, held, new_offer, new_sponsor, taking, wanting, with_points
from tanpuhui.access.audit import record as write_down
from tanpuhui.access.hold import hold
from tanpuhui.community import board, challenge, goal, group
from tanpuhui.consent.artefact import verify_artefact
from tanpuhui.consent.district import say_district
from tanpuhui.consent.open_account import IdentityProof, open_account
from tanpuhui.consent.policy import policy
from tanpuhui.consent.receipt import verify_receipt
from tanpuhui.consent.restrict import lift, restrict
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.copies import record as records
from tanpuhui.copies.archive import SCHEMA_FILE, archive
from tanpuhui.evidence.contract import ensure_default_contracts
from tanpuhui.evidence.link import link
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.files import write_bytes
from tanpuhui.methodology.load import load_library
from tanpuhui.points.redeem import capture, redeem
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.rights.ask import ask
from tanpuhui.rights.letter import issue_letter
from tanpuhui.rights.visit import open_visit
from tanpuhui.transparency.credentials.form import read
from tanpuhui.transparency.credentials.present import disclose
from tanpuhui.transparency.credentials.verify import claims_of
from tanpuhui.transparency.issuer import issuer

pytestmark = pytest.mark.django_db


def somebody(mark: str) -> int:
    """An account with something of everything, each with a mark that is found again."""
    account = open_account(at=AT, proof=IdentityProof("city", mark))
    one = user(f"{mark}@example.org")
    hold(one, account, at=AT)
    withdraw(metro_grant(account).pk, at=AT, method=f"method-{mark}")
    metro_grant(account)
    ensure_default_contracts(at=AT)
    link("szt", f"card-{mark}", account, at=AT)
    credit(account, KG)
    ask(account, "correction", f"words-{mark}", at=AT)
    issue_letter(account, at=AT)
    open_visit(
        account, clerk=one.pk, organisation=f"org-{mark}", document="passport", reason="because", at=AT
    )
    goal.set_goal(account, 3 * KG, today=DAY, at=AT)
    group.found(account, "family", f"group-{mark}", at=AT)
    board.join_board(account, f"nick-{mark}", at=AT, lang="en", method="test")
    centre = organisation("operator")
    write_down(
        "counter_look",
        who=user(),
        organisation=centre,
        at=AT,
        object_kind="account",
        object_key=account,
        reason=f"reason-{mark}",
    )
    return account


MARKS = ("{}@example.org", "method-{}", "words-{}", "org-{}", "group-{}", "nick-{}", "reason-{}")


def test_every_planted_word_of_ones_own_is_in_it_and_none_of_anybody_elses() -> None:
    mine, other = somebody("mine"), somebody("other")

    text = json.dumps(records.record(mine, at=LATER))

    assert [mark for mark in MARKS if mark.format("mine") not in text] == []
    assert [mark for mark in MARKS if mark.format("other") in text] == []
    assert f'"principal": {other}' not in text


def test_neither_an_identifier_nor_a_code_nor_a_proof_is_in_it_because_none_is_kept() -> None:
    mine = somebody("mine")
    code = issue_letter(mine, at=LATER)

    text = json.dumps(records.record(mine, at=LATER))

    assert "card-mine" not in text
    assert code not in text


def test_it_is_what_its_schema_says_and_the_schema_leaves_nothing_open() -> None:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    young, guardian = child()

    for account in (somebody("mine"), young, guardian):
        assert list(check.iter_errors(records.record(account, at=LATER))) == []
    broken = records.record(guardian, at=LATER)
    del broken["grants"]
    assert list(check.iter_errors(broken))


def test_the_zip_has_record_schema_and_signed_receipts_that_verify() -> None:
    mine = somebody("mine")

    with zipfile.ZipFile(BytesIO(archive(mine, at=LATER))) as found:
        kept = {name: found.read(name) for name in found.namelist()}
    record = json.loads(kept["record.json"])
    key = json.loads(kept["public-key.json"])

    assert "d" not in key
    assert [verify_artefact(one["artefact"], key)["principal"] for one in record["grants"]] == [mine] * 3
    for one in record["grants"]:
        receipt = json.loads(kept[f"receipts/grant-{one['number']}.json"])
        assert verify_receipt(receipt["token"], key)["header"]["record_id"] == f"grant:{one['number']}"
    assert record["statement"]["pending_mg"] == KG


def test_the_zip_has_a_credential_of_exactly_its_record_and_a_later_record_names_it() -> None:
    mine = somebody("mine")

    with zipfile.ZipFile(BytesIO(archive(mine, at=LATER))) as found:
        kept = {name: found.read(name) for name in found.namelist()}
    credential = read(kept["account-portability.sd-jwt.json"].decode())
    claims = claims_of(credential, issuer(policy().origin))

    assert claims["record_digest"] == digest_bytes(kept["record.json"])
    assert (claims["account"], claims["balance"]["pending_mg"]) == (mine, KG)
    assert "account" not in claims_of(disclose(credential, [("balance",)]), issuer(policy().origin))
    [named] = records.record(mine, at=LATER)["more"]["credentials"]
    assert named["credential"] == credential.compact()
    check = Draft202012Validator(json.loads(kept["record.schema.json"]))
    assert list(check.iter_errors(records.record(mine, at=LATER))) == []
    assert records.record(somebody("other"), at=LATER)["more"]["credentials"] == []


def test_another_stage_can_add_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def others(account: int, *, at: Any) -> list[int]:
        return [account]

    monkeypatch.setitem(records.SECTIONS, "others", others)
    mine = somebody("mine")

    assert records.record(mine, at=LATER)["more"] == {
        "acts": [],
        "appeals": [],
        "credentials": [],
        "carried": [],
        "breaches": [],
        "district": None,
        "links": [],
        "points": {"earned": [], "converted": [], "taken_back": [], "redeemed": []},
        "restrictions": [],
        "verdicts": [],
        "pools": {"terms": [], "shares": [], "money": [], "payee_token": None, "withdrawals": []},
        "others": [mine],
    }


def test_every_act_is_in_it_with_its_grams_and_its_methodology_and_nobody_elses(fresh_home: Path) -> None:
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=1)
    write_bytes(town.places.lake / "layout.json", b'{"buckets": 1}')
    people = town.settle("ab")
    next_month = DAY + timedelta(days=31)
    town.take(metro("1", "a", 10_000), metro("1b", "a", 10_000), metro("2", "b", 5_000))
    town.take(metro("3", "a", 1_000, day=next_month), at=TAKEN_AT + timedelta(days=31))
    town.close()
    town.close(next_month, at=TAKEN_AT + timedelta(days=31))

    with zipfile.ZipFile(BytesIO(archive(people["a"], at=LATER))) as found:
        kept = json.loads(found.read("record.json"))
        schema = json.loads(found.read("record.schema.json"))

    acts = kept["more"]["acts"]
    credited = [act for act in acts if act["outcome"] == "credited"]
    # 46.7 mg for each metre: shenzhen/metro@1.
    assert [(one["day"], one["credited_mg"]) for one in credited] == [
        (next_month.isoformat(), 46_700),
        (DAY.isoformat(), 467_000),
    ]
    assert {one["methodology"] for one in credited} == {"shenzhen/metro@1"}
    assert credited[0]["measures"]["distance_m"] == 1_000
    (lost,) = [act for act in acts if act not in credited]
    assert (lost["credited_mg"], lost["counts_instead"]) == (0, credited[1]["record"])
    assert len(records.record(people["b"], at=LATER)["more"]["acts"]) == 1
    assert list(Draft202012Validator(schema).iter_errors(kept)) == []


def test_every_appeal_is_in_it_with_its_answer_and_nobody_elses() -> None:
    mine, other = somebody("mine"), somebody("other")
    first = appeal(Against(mine, 7, DAY, "duplicate_of", "sha256:00"), "I rode twice.", at=AT)
    appeal(Against(mine, 8, DAY, "overlapping", "sha256:00"), "Not the same.", at=LATER)
    appeal(Against(other, 9, DAY, "overlapping", "sha256:00"), "Somebody else's.", at=AT)
    answer(first.pk, uphold=True, reason="Two trips indeed.", by=user(), at=LATER)

    kept = records.record(mine, at=LATER)

    said = [(one["record"], one["words"], one["decision"], one["reason"]) for one in kept["more"]["appeals"]]
    assert said == [
        ("8", "Not the same.", None, ""),
        ("7", "I rode twice.", "upheld", "Two trips indeed."),
    ]
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(kept)) == []


def test_a_challenge_that_one_took_part_in_is_in_it() -> None:
    from community.test_challenge import TERMS

    mine = somebody("mine")
    challenge.announce(TERMS, at=AT)
    challenge.take_part(mine, TERMS.code, today=DAY, at=AT)

    assert [one["challenge"] for one in records.record(mine, at=LATER)["together"]["challenges"]] == ["march"]


def test_points_are_in_it_from_where_they_came_to_what_they_were_spent_on() -> None:
    sponsor = new_sponsor()
    mine, theirs = with_points(sponsor, 10), with_points(sponsor, 4)
    offer, dear = new_offer(sponsor), new_offer(sponsor, price_points=50)
    redemption = held(offer, mine, quantity=2)
    capture(taking(offer, redemption), day=POINTS_DAY, at=POINTS_AT)
    assert code_of(redeem(wanting(dear, mine), at=POINTS_AT)) == "points.too_few"
    held(offer, theirs)

    kept = records.record(mine, at=POINTS_AT)
    points = kept["more"]["points"]

    assert sum(one["points"] for one in points["earned"]) == 10
    assert [one["points"] for one in points["converted"]] == [10]
    ended = [
        (one["offer"], one["quantity"], one["captured_points"], one["state"]) for one in points["redeemed"]
    ]
    assert ended == [(offer.code, 2, 6, "captured"), (dear.code, 1, 0, "refused")]
    assert points["redeemed"][1]["refusal"]["code"] == "points.too_few"
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(kept)) == []


def test_what_one_said_of_home_and_when_data_was_only_kept_is_in_it(fresh_home: Path) -> None:
    mine = open_account(at=AT)
    say_district(mine, "310115", at=AT)
    restrict(mine, at=AT)
    lift(mine, at=LATER)

    kept = records.record(mine, at=LATER)

    assert kept["more"]["district"]["code"] == "310115"
    assert len(kept["more"]["restrictions"]) == 1
    assert kept["more"]["breaches"] == []
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(kept)) == []
