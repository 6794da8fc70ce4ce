"""Merchants and companies over the API: each with keys of its own, once for each key, and nobody else's things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from api.caller import Call, code_of, registered
from api.test_document import document
from ledger.bookings import in_parallel
from points.book import findings, new_offer, new_organisation, new_sponsor, points_of, with_points
from registry.units_town import given, new_lot
from tanpuhui.access.models import Organisation
from tanpuhui.cli import provider_key as commands
from tanpuhui.client import SigningKey, generate_key
from tanpuhui.evidence.provider_key import OwnerTooLong, owner_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.account import organisation as ledger_owner
from tanpuhui.points.code import sign
from tanpuhui.points.models import Offer, Redemption, Sponsor
from tanpuhui.points.redeem import RedeemOrder, redeem
from tanpuhui.points.settle import SettleOrder, settle

pytestmark = pytest.mark.django_db
_keys = count(1)
MERCHANT, COMPANY = "/api/v1/merchant", "/api/v1/company"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def home(fresh_home: Path) -> Iterator[None]:
    yield


@pytest.fixture()
def cafe() -> Organisation:
    return new_organisation(code="corner-cafe")


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("1000.00", value_minor=100)


@pytest.fixture()
def coffee(cafe: Organisation, sponsor: Sponsor) -> Offer:
    now = utc_now()
    dates = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=1)}
    return new_offer(sponsor, cafe, stock=50, **dates)


def key_of(organisation: Organisation) -> SigningKey:
    return registered(owner_of(organisation.kind, organisation.code))


def get(key: SigningKey, path: str) -> httpx.Response:
    return Call(key, method="GET", path=path).send()


def post(key: SigningKey, path: str, body: dict[str, Any], name: str | None = None) -> httpx.Response:
    headers = JSON | {"Idempotency-Key": json.dumps(name or f"k-{next(_keys)}")}
    return Call(key, path=path, body=json.dumps(body).encode(), headers=headers).send()


def holding(offer: Offer, sponsor: Sponsor, points: int = 10, quantity: int = 2) -> tuple[int, int]:
    resident = with_points(sponsor, points)
    order = RedeemOrder(f"hold-{next(_keys)}", offer.code, resident, quantity, utc_now().date())
    return resident, redeem(order, at=utc_now()).accepted()


def test_a_merchant_looks_takes_gives_back_and_reads_what_it_is_owed(
    cafe: Organisation, coffee: Offer, sponsor: Sponsor
) -> None:
    key = key_of(cafe)
    resident, number = holding(coffee, sponsor)
    code = sign(Redemption.objects.get(pk=number), coffee)

    shown = get(key, f"{MERCHANT}/redemptions?code={code}").json()
    offer = get(key, f"{MERCHANT}/offers/{coffee.code}").json()
    taken = post(key, f"{MERCHANT}/redemptions/{number}/capture", {"quantity": 1}).json()
    back = post(key, f"{MERCHANT}/redemptions/{number}/refund", {"points": 1, "reason": "cold"}).json()
    settled = settle(SettleOrder("s", cafe.code, sponsor.code, utc_now()), at=utc_now()).accepted()
    settlements = get(key, f"{MERCHANT}/settlements").json()
    files = [
        get(key, f"{MERCHANT}/settlements/{settled['settlement']}/file?form={form}").json()
        for form in ("csv", "camt")
    ]

    assert (shown["redemption"], shown["state"], shown["points"]) == (number, "held", 6)
    assert "account" not in shown
    assert (offer["code"], offer["left"]) == (coffee.code, 48)
    assert (taken["state"], taken["captured"], taken["captured_points"]) == ("captured", 1, 3)
    assert back["refunded_points"] == 1
    assert points_of(resident, sponsor) == (8, 0)
    (one,) = settlements["settlements"]
    assert (one["points"], one["amount_minor"], one["paid"], settlements["earlier"]) == (2, 200, False, None)
    assert settled["settlement"] in files[0]["content"]
    assert "camt.053" in files[1]["content"]
    assert get(key, f"{MERCHANT}/code-key").json()["crv"] == "Ed25519"
    found = document()
    for name, answer in {
        "Redemption": taken,
        "Offer": offer,
        "Settlements": settlements,
        "SettlementFile": files[0],
    }.items():
        jsonschema.validate(
            answer, {"$ref": f"#/components/schemas/{name}", "components": found["components"]}
        )
    assert findings() == []


def test_the_same_key_gets_the_same_answer_and_other_content_is_refused(
    cafe: Organisation, coffee: Offer, sponsor: Sponsor
) -> None:
    key = key_of(cafe)
    _, number = holding(coffee, sponsor)
    path = f"{MERCHANT}/redemptions/{number}/capture"

    answers = [post(key, path, {"quantity": 1}, "till-1") for _ in range(2)]
    other = post(key, path, {"quantity": 2}, "till-1")
    again = post(key, path, {"quantity": 1}, "till-2")

    assert answers[0].json() == answers[1].json()
    assert code_of(other) == (422, "api.key_of_other_body")
    assert code_of(again) == (409, "points.redemption_closed")
    assert findings() == []


def test_a_refusal_that_a_verb_stores_stays_and_is_said_in_both_languages(
    cafe: Organisation, coffee: Offer, sponsor: Sponsor
) -> None:
    key = key_of(cafe)
    _, number = holding(coffee, sponsor)
    path, body = f"{MERCHANT}/redemptions/{number}/refund", {"points": 1, "reason": "cold"}
    first = post(key, path, body, "early")
    post(key, f"{MERCHANT}/redemptions/{number}/capture", {})

    again = post(key, path, body, "early")
    call = Call(
        key,
        path=path,
        body=json.dumps(body).encode(),
        headers=JSON | {"Idempotency-Key": '"early"', "Accept-Language": "zh"},
    ).send()

    assert code_of(first) == code_of(again) == (422, "points.refund_too_large")
    assert code_of(call) == (422, "points.refund_too_large")
    assert any("\u4e00" <= character <= "\u9fff" for character in call.json()["detail"])
    assert call.headers["Content-Language"] == "zh-Hans"


def test_a_merchant_lets_go_at_once(cafe: Organisation, coffee: Offer, sponsor: Sponsor) -> None:
    resident, number = holding(coffee, sponsor)

    answer = post(key_of(cafe), f"{MERCHANT}/redemptions/{number}/release", {})

    assert (answer.status_code, answer.json()["state"]) == (200, "released")
    assert points_of(resident, sponsor) == (10, 0)


@pytest.mark.parametrize(
    "body", [{"quantity": 0}, {"quantity": 3}, {"quantity": 10**9 + 1}, {"quantity": "x"}, {"more": 1}]
)
def test_more_than_is_held_nothing_and_nonsense_take_nothing(
    cafe: Organisation, coffee: Offer, sponsor: Sponsor, body: dict[str, Any]
) -> None:
    resident, number = holding(coffee, sponsor)

    answer = post(key_of(cafe), f"{MERCHANT}/redemptions/{number}/capture", body)

    assert code_of(answer)[0] == 422
    assert points_of(resident, sponsor) == (4, 6)


def test_another_merchants_things_are_not_there(cafe: Organisation, coffee: Offer, sponsor: Sponsor) -> None:
    stranger = key_of(new_organisation())
    resident, number = holding(coffee, sponsor)
    taken = holding(coffee, sponsor)[1]
    post(key_of(cafe), f"{MERCHANT}/redemptions/{taken}/capture", {})
    settled = settle(SettleOrder("s", cafe.code, sponsor.code, utc_now()), at=utc_now()).accepted()

    answers = [
        get(stranger, f"{MERCHANT}/redemptions/{number}"),
        get(stranger, f"{MERCHANT}/offers/{coffee.code}"),
        get(stranger, f"{MERCHANT}/settlements/{settled['settlement']}/file"),
        get(stranger, f"{MERCHANT}/settlements?before={settled['settlement']}"),
        post(stranger, f"{MERCHANT}/redemptions/{number}/capture", {}),
        post(stranger, f"{MERCHANT}/redemptions/{number}/release", {}),
        post(stranger, f"{MERCHANT}/redemptions/{taken}/refund", {"points": 1, "reason": "x"}),
    ]
    code = sign(Redemption.objects.get(pk=number), coffee)
    shown = get(stranger, f"{MERCHANT}/redemptions?code={code}")

    assert {code_of(answer)[0] for answer in answers} == {404}
    assert code_of(shown) == (422, "points.code_elsewhere")
    assert get(stranger, f"{MERCHANT}/settlements").json()["settlements"] == []
    assert points_of(resident, sponsor) == (4, 6)


def test_a_key_opens_the_addresses_of_its_own_kind_alone(contracts: None, cafe: Organisation) -> None:
    works = new_organisation(Organisation.COMPANY)
    keys = {"provider": registered("generic"), "merchant": key_of(cafe), "company": key_of(works)}
    paths = {
        "provider": "/api/v1/provider/batches",
        "merchant": f"{MERCHANT}/settlements",
        "company": f"{COMPANY}/holdings",
    }

    for kind, key in keys.items():
        for other, path in paths.items():
            answer = get(key, path)
            if kind == other:
                assert answer.status_code == 200, answer.text
            else:
                assert code_of(answer) == (403, "api.other_kind")


@pytest.mark.django_db(transaction=True)
def test_a_redemption_is_captured_once_whoever_asks_at_the_same_time(
    cafe: Organisation, coffee: Offer, sponsor: Sponsor
) -> None:
    key = key_of(cafe)
    _, number = holding(coffee, sponsor)

    answers = in_parallel(6, lambda n: post(key, f"{MERCHANT}/redemptions/{number}/capture", {}, f"till-{n}"))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert findings() == []


def test_a_company_declares_reserves_surrenders_and_no_tonne_more() -> None:
    works = new_organisation(Organisation.COMPANY)
    key, owner = key_of(works), ledger_owner(works.pk)
    lot = new_lot(150)
    given(owner, lot, 150)
    before = get(key, f"{COMPANY}/years/2026")

    declared = post(
        key,
        f"{COMPANY}/declarations",
        {"year": 2026, "verified_emissions_mg": 1_000 * 10**9, "source": "report 1"},
    ).json()
    most_t = declared["left_mg"] // 10**9
    beyond = post(key, f"{COMPANY}/reservations", {"year": 2026, "amount_t": most_t + 1})
    reserved = [
        post(key, f"{COMPANY}/reservations", {"year": 2026, "amount_t": most_t}, "r") for _ in range(2)
    ]
    number = reserved[0].json()["reservation"]
    held_mg = get(key, f"{COMPANY}/holdings").json()["holdings"][0]["held_mg"]
    stranger = post(
        key_of(new_organisation(Organisation.COMPANY)), f"{COMPANY}/reservations/{number}/surrender", {}
    )
    used = post(key, f"{COMPANY}/reservations/{number}/surrender", {})
    late = post(key, f"{COMPANY}/reservations/{number}/release", {})

    assert code_of(before) == (404, "offsetting.no_obligation")
    assert declared["cap"]["cap_mg"] == most_t * 10**9 > 0
    assert code_of(beyond) == (422, "offsetting.cap_exceeded")
    assert reserved[0].json() == reserved[1].json()
    assert held_mg == most_t * 10**9
    assert code_of(stranger) == (404, "offsetting.unknown_reservation")
    assert used.json()["state"] == "surrendered"
    assert code_of(late) == (409, "offsetting.reservation_ended")
    (left,) = get(key, f"{COMPANY}/holdings").json()["holdings"]
    assert (left["available_mg"], left["held_mg"]) == ((150 - most_t) * 10**9, 0)
    year = get(key, f"{COMPANY}/years/2026").json()
    assert (year["left_mg"], year["lots"][0]["tonnes"]) == (0, 150 - most_t)


def test_a_company_gives_a_reservation_up() -> None:
    works = new_organisation(Organisation.COMPANY)
    key = key_of(works)
    given(ledger_owner(works.pk), new_lot(150), 150)
    said = {"year": 2026, "verified_emissions_mg": 1_000 * 10**9, "source": "report 1"}
    post(key, f"{COMPANY}/declarations", said)
    number = post(key, f"{COMPANY}/reservations", {"year": 2026, "amount_t": 1}).json()["reservation"]

    answer = post(key, f"{COMPANY}/reservations/{number}/release", {})

    assert answer.json()["state"] == "released"
    assert get(key, f"{COMPANY}/years/2026").json()["used_mg"] == 0


def test_the_operator_registers_a_key_for_an_organisation_that_is_there(
    contracts: None, cafe: Organisation, capsys: pytest.CaptureFixture[str]
) -> None:
    key = generate_key("merchant/corner-cafe")
    commands.add("merchant/corner-cafe", key.public_key, as_json=True)

    assert json.loads(capsys.readouterr().out)["key_id"] == key.key_id
    assert get(key, f"{MERCHANT}/settlements").status_code == 200
    for owner in ("company/corner-cafe", "merchant/nobody", "operator/corner-cafe"):
        with pytest.raises(Refusal):
            commands.add(owner, generate_key(owner).public_key)
    with pytest.raises(OwnerTooLong):
        registered("merchant/" + "x" * 49)


def test_requests_of_an_organisation_are_counted_against_its_key(cafe: Organisation, settings: Any) -> None:
    settings.PROVIDER_KEY_REQUESTS_PER_MINUTE = 2
    key = key_of(cafe)

    answers = [get(key, f"{MERCHANT}/settlements") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "RateLimit" in answers[0].headers


def test_what_merchants_are_refused_has_chinese_words_with_the_same_facts() -> None:
    import string

    from tanpuhui.evidence.said import chinese
    from tanpuhui.points import refusals

    kinds = {kind.code: kind for kind in vars(refusals).values() if hasattr(kind, "code")}
    said = {code: text for code, text in chinese().items() if code.startswith("points.")}

    assert said
    for code, text in said.items():
        names = [
            {field for _, field, _, _ in string.Formatter().parse(one) if field}
            for one in (text, kinds[code].message)
        ]
        assert names[0] <= names[1], code
