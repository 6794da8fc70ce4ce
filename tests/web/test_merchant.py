"""A merchant's pages: the till, refunds, offers, settlements; nothing about a person is on any of them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from points.book import AT, findings, new_organisation, new_sponsor, points_of
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, Organisation, User
from tanpuhui.consent.models import Resident
from tanpuhui.kit.moment import utc_now
from tanpuhui.points import code
from tanpuhui.points.models import Closing, Offer, Redemption, Settlement, Sponsor
from tanpuhui.points.redeem import state_of
from web.second_book import captured_now, earn, held_now, offer_now
from web.site import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
HOME = "/merchant/cafe/"
#: A number that is nowhere by chance.
ACCOUNT = 987_654_321


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    for name in ("default", "worker"):
        caches[name].clear()


@pytest.fixture()
def sponsor() -> Sponsor:
    return new_sponsor("1000.00", value_minor=150)


@pytest.fixture()
def cafe() -> Organisation:
    return new_organisation(Organisation.MERCHANT, "cafe")


@pytest.fixture()
def person(sponsor: Sponsor) -> int:
    Resident.objects.create(pk=ACCOUNT, opened_at=AT)
    earn(ACCOUNT, sponsor, 60)
    return ACCOUNT


@pytest.fixture()
def coffee(sponsor: Sponsor, cafe: Organisation) -> Offer:
    return offer_now(sponsor, cafe, offline_points=6, offline_s=86_400)


def member(cafe: Organisation, role: str = Membership.MEMBER) -> Client:
    user = User.objects.create_user(f"{uuid4().hex[:8]}@cafe.example", language="en")
    join(user, cafe, role, at=utc_now())
    return client_of(user)


@pytest.fixture()
def clerk(cafe: Organisation) -> Client:
    return member(cafe)


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(f"{HOME}{address}", HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == status
    return answer.content.decode()


def send(client: Client, address: str, **given: Any) -> Any:
    return client.post(f"{HOME}{address}", given, HTTP_ACCEPT_LANGUAGE="en")


def token_of(found: Redemption) -> str:
    return code.sign(found, Offer.objects.select_related("organisation").get(pk=found.offer_id))


def state(found: Redemption) -> str:
    return state_of(Redemption.objects.select_related("closing").get(pk=found.pk))


@pytest.mark.parametrize("way", ["scanned", "read out", "typed in small letters"])
def test_a_code_is_looked_up_and_taken_once(way: str, clerk: Client, coffee: Offer, person: int) -> None:
    found = held_now(coffee, person, 2)
    token = token_of(found)
    spoken = code.spoken(token, found.pk)
    given = {"scanned": token, "read out": spoken, "typed in small letters": spoken.lower()}[way]

    shown = send(clerk, "till/", code=given, do="look")
    before = state(found)
    form = {"code": given, "do": "take", "quantity": 2, "key": str(uuid4())}
    first, again = send(clerk, "till/", **form), send(clerk, "till/", **form)

    assert shown.status_code == 200
    assert ("2 × Coffee" in shown.content.decode(), before) == (True, "held")
    assert (first.status_code, again.status_code) == (302, 302)
    assert state(found) == "captured"
    assert Closing.objects.get().points == 6
    assert AuditEntry.objects.filter(verb="redemption.captured").count() == 1
    assert findings() == []


def test_a_part_is_taken_and_the_rest_is_the_persons_again(
    clerk: Client, coffee: Offer, person: int, sponsor: Sponsor
) -> None:
    found = held_now(coffee, person, 3)

    send(clerk, "till/", code=token_of(found), do="take", quantity=1, key=str(uuid4()))

    assert points_of(person, sponsor) == (57, 0)
    assert Closing.objects.get().quantity == 1


@pytest.mark.parametrize(("quantity", "said"), [(4, "holds 3"), (0, "Ensure"), ("x", "whole number")])
def test_more_than_is_held_is_not_taken(
    quantity: object, said: str, clerk: Client, coffee: Offer, person: int
) -> None:
    found = held_now(coffee, person, 3)

    answer = send(clerk, "till/", code=token_of(found), do="take", quantity=quantity, key=str(uuid4()))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert state(found) == "held"


def test_what_is_not_given_is_let_go(clerk: Client, coffee: Offer, person: int, sponsor: Sponsor) -> None:
    found = held_now(coffee, person)

    answer = send(clerk, "till/", code=token_of(found), do="release")

    assert answer.status_code == 302
    assert (state(found), points_of(person, sponsor)) == ("released", (60, 0))


def test_a_code_that_was_taken_says_since_when_and_is_not_taken_again(
    clerk: Client, coffee: Offer, person: int
) -> None:
    found = captured_now(coffee, person)

    shown = send(clerk, "till/", code=token_of(found), do="look").content.decode()
    again = send(clerk, "till/", code=token_of(found), do="take", quantity=1, key=str(uuid4()))

    assert "Do not give anything for this code" in shown
    assert again.status_code == 409
    assert Closing.objects.count() == 1


@pytest.mark.parametrize("given", ["", "x", "a.b.c", "99-AAAAAA", "1" * 30, "<script>"])
def test_what_is_no_code_is_refused_as_typed(given: str, clerk: Client, coffee: Offer) -> None:
    answer = send(clerk, "till/", code=given, do="look")

    assert answer.status_code in (404, 422)
    assert "<script>" not in answer.content.decode()


def test_a_read_out_code_with_one_wrong_letter_is_nobodys(clerk: Client, coffee: Offer, person: int) -> None:
    found = held_now(coffee, person)
    spoken = code.spoken(token_of(found), found.pk)
    wrong = spoken[:-1] + ("7" if spoken[-1] != "7" else "8")

    assert send(clerk, "till/", code=wrong, do="look").status_code == 404
    assert send(clerk, "till/", code=str(found.pk), do="look").status_code == 422


def test_another_shops_code_is_refused(clerk: Client, sponsor: Sponsor, person: int) -> None:
    found = held_now(offer_now(sponsor), person)
    token = token_of(found)

    scanned = send(clerk, "till/", code=token, do="look")
    spoken = send(clerk, "till/", code=code.spoken(token, found.pk), do="look")

    assert "not for cafe" in scanned.content.decode()
    assert (scanned.status_code, spoken.status_code) == (422, 404)


def test_guessing_read_out_codes_is_slowed_down(clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tanpuhui.web.merchant.till.MOST_TRIES", 3)

    answers = [send(clerk, "till/", code=f"1-AAAAA{n}", do="look").status_code for n in range(5)]

    assert answers == [404, 404, 404, 429, 429]


def test_points_go_back_in_parts_with_a_reason_and_never_more_than_was_taken(
    clerk: Client, coffee: Offer, person: int, sponsor: Sponsor
) -> None:
    found = captured_now(coffee, person, 2)
    address = f"redemptions/{found.pk}/refund/"
    listed = page(clerk, "redemptions/")
    part = {"points": 2, "reason": "One was cold.", "key": str(uuid4())}

    first, again = send(clerk, address, **part), send(clerk, address, **part)
    over = send(clerk, address, points=5, reason="x", key=str(uuid4()))
    send(clerk, address, points=4, reason="The other too.", key=str(uuid4()))

    assert f'href="{HOME}{address}"' in listed
    assert (first.status_code, again.status_code, over.status_code) == (302, 302, 422)
    assert points_of(person, sponsor) == (60, 0)
    assert "6 back" in page(clerk, "redemptions/")
    assert address not in page(clerk, "redemptions/")
    assert findings() == []


def test_today_has_its_numbers_and_yesterday_does_not_count(
    clerk: Client, coffee: Offer, person: int
) -> None:
    captured_now(coffee, person, 2)
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = offer_now(coffee.sponsor, coffee.organisation, starts_at=midnight - timedelta(days=2))
    captured_now(yesterday, person, 1, at=midnight - timedelta(seconds=1))

    context = clerk.get(HOME).context

    assert context["today"] == {"count": 1, "points": 6}
    [waiting] = context["open"]
    assert (waiting.lines, waiting.points, waiting.amount_minor) == (2, 9, 1_350)


def test_what_is_open_is_settled_once_and_taken_along(clerk: Client, coffee: Offer, person: int) -> None:
    captured_now(coffee, person, 2)
    shown = page(clerk, "settlements/")
    hidden = dict(re.findall(r'name="(sponsor|key|through)" value="([^"]+)"', shown))

    first, again = send(clerk, "settlements/settle/", **hidden), send(clerk, "settlements/settle/", **hidden)
    nothing = clerk.post(
        f"{HOME}settlements/settle/", {**hidden, "key": str(uuid4())}, follow=True, HTTP_ACCEPT_LANGUAGE="en"
    )

    made = Settlement.objects.get()
    assert (made.points, made.amount_minor) == (6, 900)
    assert (first.status_code, again.status_code) == (302, 302)
    assert "nothing through" in nothing.content.decode()
    assert "not paid yet" in page(clerk, "settlements/")
    table = clerk.get(f"{HOME}settlements/{made.reference}.csv")
    statement = clerk.get(f"{HOME}settlements/{made.reference}.xml")
    assert table.content.decode("utf-8-sig").splitlines()[-1] == f"{made.reference},total,,,,6,9.00,CNY"
    assert b"camt.053.001.08" in statement.content
    assert "9.00" in page(clerk, "")


def test_another_merchants_settlement_is_not_there(clerk: Client, coffee: Offer, person: int) -> None:
    captured_now(coffee, person)
    hidden = dict(re.findall(r'name="(sponsor|key|through)" value="([^"]+)"', page(clerk, "settlements/")))
    send(clerk, "settlements/settle/", **hidden)
    made = Settlement.objects.get()
    other = new_organisation(Organisation.MERCHANT, "other")
    stranger = member(other)

    assert stranger.get(f"/merchant/other/settlements/{made.reference}.csv").status_code == 404
    assert stranger.get(f"/merchant/other/redemptions/{Closing.objects.get().pk}/refund/").status_code == 404
    assert stranger.get(f"/merchant/other/offers/{coffee.code}/").status_code == 404
    assert stranger.post(f"/merchant/other/offers/{coffee.code}/stop/", {"reason": "x"}).status_code == 404


def filled(sponsor: Sponsor, /, **other: Any) -> dict[str, Any]:
    now = timezone.localtime()
    return {
        "kind": "discount",
        "title_zh": "拿铁",
        "title_en": "Latte",
        "text_zh": "一杯",
        "text_en": "One cup",
        "sponsor": sponsor.code,
        "price_points": 4,
        "starts_at": now.strftime("%Y-%m-%dT%H:%M"),
        "ends_at": (now + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M"),
        "stock": 50,
        "per_person": "",
        "per_person_day": 2,
        "per_day": "",
        "code_minutes": 20,
        "offline_points": 0,
        "offline_hours": 24,
        "code": "latte",
        **other,
    }


def test_an_offer_is_seen_before_it_is_published_and_published_once(clerk: Client, sponsor: Sponsor) -> None:
    draft = send(clerk, "offers/new/", **filled(sponsor), do="preview")
    kept = Offer.objects.count()
    first = send(clerk, "offers/new/", **filled(sponsor), do="publish")
    again = send(clerk, "offers/new/", **filled(sponsor), do="publish")
    other = send(clerk, "offers/new/", **filled(sponsor, price_points=5), do="publish")

    assert ("nothing is published yet" in draft.content.decode(), kept) == (True, 0)
    made = Offer.objects.get()
    assert (made.price_points, made.stock, made.per_person_day, made.code_s, made.offline_s) == (
        4,
        50,
        2,
        1200,
        0,
    )
    assert (first.status_code, again.status_code, other.status_code) == (302, 302, 422)
    assert "taken by another offer" in other.content.decode()
    assert "Latte" in page(clerk, "offers/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends_at": "2020-01-01T00:00"},
        {"price_points": 0},
        {"stock": 0},
        {"kind": "financial"},
        {"sponsor": "nobody"},
        {"code": "Not a name"},
        {"title_zh": " "},
        {"stock": 10**13},
        {"offline_points": 3, "offline_hours": 0},
    ],
)
def test_what_cannot_be_an_offer_is_refused_as_typed(
    wrong: dict[str, Any], clerk: Client, sponsor: Sponsor
) -> None:
    answer = send(clerk, "offers/new/", **filled(sponsor, **wrong), do="publish")

    assert answer.status_code == 422
    assert 'value="Latte"' in answer.content.decode()
    assert not Offer.objects.exists()


def test_an_offer_is_stopped_with_a_reason_and_given_codes_stay_good(
    clerk: Client, coffee: Offer, person: int
) -> None:
    found = held_now(coffee, person)
    without = send(clerk, f"offers/{coffee.code}/stop/", reason="")
    stopped = send(clerk, f"offers/{coffee.code}/stop/", reason="The machine is broken.")

    assert (without.status_code, stopped.status_code) == (422, 302)
    assert "The machine is broken." in page(clerk, f"offers/{coffee.code}/")
    send(clerk, "till/", code=token_of(found), do="take", quantity=1, key=str(uuid4()))
    assert state(found) == "captured"


def test_an_auditor_looks_and_changes_nothing(cafe: Organisation, coffee: Offer, person: int) -> None:
    found = captured_now(coffee, person)
    auditor = member(cafe, Membership.AUDITOR)

    looked = [
        auditor.get(f"{HOME}{one}").status_code for one in ("", "offers/", "redemptions/", "settlements/")
    ]
    kept_out = [
        auditor.get(f"{HOME}till/"),
        auditor.get(f"{HOME}till/offline/"),
        auditor.get(f"{HOME}offers/new/"),
        send(auditor, "settlements/settle/"),
        send(auditor, f"redemptions/{found.pk}/refund/"),
        send(auditor, f"offers/{coffee.code}/stop/", reason="x"),
        send(auditor, "till/offline/upload/", code="x"),
    ]

    assert looked == [200] * 4
    assert [one.status_code for one in kept_out] == [403] * 7
    assert "Open the till" not in page(auditor, "")


def test_no_account_is_on_any_page_or_file_of_a_merchant(clerk: Client, coffee: Offer, person: int) -> None:
    found, other = captured_now(coffee, person), held_now(coffee, person)
    send(clerk, f"redemptions/{found.pk}/refund/", points=1, reason="cold", key=str(uuid4()))
    hidden = dict(re.findall(r'name="(sponsor|key|through)" value="([^"]+)"', page(clerk, "settlements/")))
    send(clerk, "settlements/settle/", **hidden)
    made = Settlement.objects.get()

    seen = [
        page(clerk, one)
        for one in (
            *("", "till/", "till/offline/", "offers/", f"offers/{coffee.code}/", "redemptions/"),
            *(f"redemptions/{found.pk}/refund/", "settlements/", "till/offline/key.json"),
            *(f"settlements/{made.reference}.csv", f"settlements/{made.reference}.xml"),
        )
    ]
    seen += [
        send(
            clerk, "till/", code=token_of(other), do=step, quantity=quantity, key=str(uuid4())
        ).content.decode()
        for step, quantity in (("look", 1), ("take", 99), ("take", 1), ("take", 1))
    ]
    seen.append(send(clerk, "till/offline/upload/", code=token_of(other)).content.decode())
    seen += [
        json.dumps(one.facts) + one.object_key
        for one in AuditEntry.objects.filter(organisation=coffee.organisation)
    ]

    assert [one for one in seen if str(ACCOUNT) in one.replace(",", "")] == []
    assert str(ACCOUNT) not in token_of(other)


def test_codes_taken_without_a_network_are_captured_once_however_often_they_are_sent(
    clerk: Client, coffee: Offer, person: int
) -> None:
    first, second = held_now(coffee, person), held_now(coffee, person, 2)
    codes = [token_of(first), token_of(second), "forged"]

    answers = [clerk.post(f"{HOME}till/offline/upload/", {"code": codes}).json()["answers"] for _ in range(2)]

    assert [[one["state"] for one in some] for some in answers] == [["captured", "captured", "refused"]] * 2
    assert Closing.objects.count() == 2
    assert AuditEntry.objects.filter(verb="redemption.captured").count() == 2
    assert findings() == []


def test_a_code_that_the_normal_till_took_first_is_answered_for(
    clerk: Client, coffee: Offer, person: int
) -> None:
    found = captured_now(coffee, person)

    [answer] = send(clerk, "till/offline/upload/", code=token_of(found)).json()["answers"]

    assert (answer["state"], answer["why"]) == ("refused", "points.redemption_closed")
    assert Closing.objects.count() == 1


def test_of_two_devices_that_took_one_code_the_second_is_told_whenever_it_sends(
    clerk: Client, coffee: Offer, person: int
) -> None:
    token = token_of(held_now(coffee, person))
    first, second = str(uuid4()), str(uuid4())

    def sent(device: str) -> tuple[str, str]:
        [answer] = send(clerk, "till/offline/upload/", code=token, device=device).json()["answers"]
        return answer["state"], answer["why"]

    answers = [sent(device) for device in (first, second, first, second)]

    assert answers == [("captured", ""), ("refused", "points.redemption_closed")] * 2
    assert Closing.objects.count() == 1
    assert findings() == []


@pytest.mark.parametrize("codes", [[], ["x"] * 51, ["x" * 2_001]])
def test_an_upload_has_a_measure(codes: list[str], clerk: Client) -> None:
    assert clerk.post(f"{HOME}till/offline/upload/", {"code": codes}).status_code == 422


def test_an_upload_of_a_device_without_a_proper_name_takes_nothing(
    clerk: Client, coffee: Offer, person: int
) -> None:
    token = token_of(held_now(coffee, person))

    assert send(clerk, "till/offline/upload/", code=token, device="till 1").status_code == 422
    assert not Closing.objects.exists()


def test_the_offline_till_has_its_key_and_alone_may_use_the_camera(clerk: Client, coffee: Offer) -> None:
    said = json.loads(page(clerk, "till/offline/key.json"))

    assert said["key"] == code.public_key()
    assert said["merchant"] == "cafe"
    assert "camera=(self)" in clerk.get(f"{HOME}till/offline/").headers["Permissions-Policy"]
    assert "camera=()" in clerk.get(f"{HOME}till/").headers["Permissions-Policy"]
    worker = clerk.get(f"{HOME}till/offline/worker.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")


def test_a_session_that_ran_out_leaves_what_a_till_keeps_and_signing_out_does_not(clerk: Client) -> None:
    gone = Client()
    gone.cookies["tanpuhui_session"] = "a" * 32

    ran_out = gone.get(f"{HOME}till/offline/")
    left = clerk.post("/sign-in/sign-out/")

    assert ran_out.headers.get("Clear-Site-Data", '"cache"') == '"cache"'
    assert left.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_it_all_works_with_the_servers_rights(
    clerk: Client, coffee: Offer, person: int, sponsor: Sponsor, as_the_application: None
) -> None:
    found = held_now(coffee, person)
    taken = send(clerk, "till/", code=token_of(found), do="take", quantity=1, key=str(uuid4()))
    back = send(clerk, f"redemptions/{found.pk}/refund/", points=1, reason="x", key=str(uuid4()))
    hidden = dict(re.findall(r'name="(sponsor|key|through)" value="([^"]+)"', page(clerk, "settlements/")))
    settled = send(clerk, "settlements/settle/", **hidden)
    published = send(clerk, "offers/new/", **filled(sponsor), do="publish")

    assert [one.status_code for one in (taken, back, settled, published)] == [302] * 4
    assert Settlement.objects.get().points == 2
