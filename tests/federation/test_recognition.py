"""Two cities with different rules: what one recognises of the other, how much, once; and what stays locked at home."""

from __future__ import annotations

from dataclasses import replace

import pytest

from federation.acts import blocks, sound
from federation.platforms import TODAY, Pair, Platform
from registry.units_town import ACME, given, new_lot
from tanpuhui.federation.models import Incoming, Recognition
from tanpuhui.federation.peer import get_peer, holder_of
from tanpuhui.federation.recognition import Claim, decide_tonnes, offer
from tanpuhui.federation.refusals import NotOneRange, OfferedBefore, TooLittle
from tanpuhui.ledger.account import Kind
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import NotEnoughUnits
from tanpuhui.registry.units import Part, UnitOrder

pytestmark = pytest.mark.django_db


def has_tonnes(platform: Platform, tonnes: int, status: str = "published") -> str:
    """A lot of which a company has all tonnes."""

    def verb() -> str:
        lot = new_lot(tonnes, jurisdiction=platform.code, status=status)
        given(ACME, lot, tonnes)
        return lot

    lot: str = platform.do(verb)
    return lot


def offered(platform: Platform, to: str, lot: str, tonnes: int, key: str = "offer-1") -> None:
    order = UnitOrder(key, ACME, (Part(lot, tonnes),), TODAY)
    platform.do(lambda: offer(to, order, library=load_library(), home=platform.code, at=platform.now))


def answers(platform: Platform) -> list[str]:
    with platform.inside():
        rows = Incoming.objects.filter(kind__startswith="recogni").order_by("sequence")
        return [row.kind for row in rows]


def test_ten_tonnes_of_guangdong_are_nine_in_shanghai_and_stay_locked_at_home(cities: Pair) -> None:
    lot = has_tonnes(cities.district, 20)

    offered(cities.district, "shanghai", lot, 10)
    cities.settle()

    assert answers(cities.district) == ["recognised"]
    assert blocks(cities.district, lot) == [(1, 10, "locked"), (11, 20, "held")]
    with cities.city.inside():
        here = Lot.objects.get()
        made = Recognition.objects.get()
        from federation.acts import has_mg

        held_mg = has_mg(holder_of(get_peer("guangdong")), Kind.COMPANY, here.code)
    assert (here.tonnes, made.tonnes, made.first, made.last) == (9, 9, 1, 10)
    assert held_mg == 9_000_000_000
    assert made.rule["conversion_percent"] == "90"
    assert cities.agree()
    assert sound(cities.city)


def test_what_is_recognised_abroad_cannot_be_used_or_offered_again_at_home(cities: Pair) -> None:
    from tanpuhui.registry.retire import retire

    lot = has_tonnes(cities.district, 10)
    offered(cities.district, "shanghai", lot, 10)
    cities.settle()

    with pytest.raises(NotEnoughUnits):
        cities.district.do(
            lambda: retire(UnitOrder("use", ACME, (Part(lot, 1),), TODAY), at=cities.district.now)
        )
    with pytest.raises(NotEnoughUnits):
        offered(cities.district, "shanghai", lot, 1, key="offer-2")


def test_tonnes_that_are_not_locked_at_home_any_more_are_a_difference_on_both_sides(cities: Pair) -> None:
    """The lot was annulled at home, and the other city still counts what it had recognised of it."""
    from tanpuhui.registry.annul import annul

    lot = has_tonnes(cities.district, 10)
    offered(cities.district, "shanghai", lot, 10)
    cities.settle()
    assert cities.agree()

    cities.district.do(lambda: annul(lot, reason="The meter was broken.", at=cities.district.now))
    cities.settle()

    name = f"recognised:guangdong:{lot}:1-10"
    assert cities.report(cities.district)["differences"] == [
        {"what": "standing", "name": name, "here": 0, "there": 10}
    ]


def test_the_same_numbers_are_not_recognised_twice_whatever_the_home_city_says(cities: Pair) -> None:
    from tanpuhui.federation.outbox import say

    lot = has_tonnes(cities.district, 10)
    offered(cities.district, "shanghai", lot, 10)
    cities.settle()
    with cities.district.inside():
        from tanpuhui.federation.models import Draft

        body = dict(Draft.objects.get(kind="recognise").body)
    again = {**body, "first": 5, "last": 14}

    cities.district.do(
        lambda: say(get_peer("shanghai"), "recognise", f"guangdong:{lot}:5-14", again, at=cities.district.now)
    )
    cities.settle()

    with cities.city.inside():
        refused = Incoming.objects.filter(kind="recognise").order_by("-sequence")[0]
        assert refused.answer["facts"] == {"refused": "federation.claimed_twice"}
        assert Recognition.objects.count() == 1


def test_guangdong_takes_official_factors_alone_and_what_it_refuses_is_free_again(cities: Pair) -> None:
    lot = has_tonnes(cities.city, 10)

    offered(cities.city, "guangdong", lot, 10)
    assert blocks(cities.city, lot) == [(1, 10, "locked")]
    cities.settle()

    assert answers(cities.city) == ["recognition_refused"]
    with cities.city.inside():
        said = Incoming.objects.get(kind="recognition_refused")
    assert b"registry.status_not_accepted" in bytes(said.content)
    assert blocks(cities.city, lot) == [(1, 10, "held")]
    assert cities.agree()


def test_what_was_refused_is_not_locked_again_for_an_offer_that_nobody_hears(cities: Pair) -> None:
    lot = has_tonnes(cities.city, 10, status="secondary")
    offered(cities.city, "guangdong", lot, 10)
    cities.settle()
    assert blocks(cities.city, lot) == [(1, 10, "held")]

    with pytest.raises(OfferedBefore):
        offered(cities.city, "guangdong", lot, 10, key="offer-2")
    assert blocks(cities.city, lot) == [(1, 10, "held")]

    offered(cities.city, "guangdong", lot, 9, key="offer-3")
    cities.settle()
    assert blocks(cities.city, lot) == [(1, 10, "held")]
    assert cities.agree()


def test_a_year_takes_no_more_than_its_quota(cities: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(code: str | None = None) -> Jurisdiction:
        found = load_jurisdiction("shanghai")
        return replace(found, recognitions=(rule(quota_t=10),))

    monkeypatch.setattr("tanpuhui.federation.kinds.recognise.jurisdiction", small)
    lot = has_tonnes(cities.district, 30)
    offered(cities.district, "shanghai", lot, 10)
    cities.settle()
    offered(cities.district, "shanghai", lot, 10, key="offer-2")
    cities.settle()

    assert answers(cities.district) == ["recognised", "recognition_refused"]
    with cities.district.inside():
        said = Incoming.objects.get(kind="recognition_refused")
    assert b"federation.over_quota" in bytes(said.content)
    assert blocks(cities.district, lot) == [(1, 10, "locked"), (11, 30, "held")]


def test_tonnes_in_two_ranges_are_offered_one_range_at_a_time(cities: Pair) -> None:
    from tanpuhui.ledger.account import organisation
    from tanpuhui.registry.transfer import transfer_units

    lot = has_tonnes(cities.district, 9)

    def verb() -> None:
        bolt = organisation(3)
        transfer_units(UnitOrder("away", ACME, (Part(lot, 6),), TODAY), to=bolt, at=cities.district.now)
        transfer_units(UnitOrder("third", ACME, (Part(lot, 1),), TODAY), to=bolt, at=cities.district.now)
        transfer_units(UnitOrder("back", bolt, (Part(lot, 2),), TODAY), to=ACME, at=cities.district.now)

    cities.district.do(verb)

    with pytest.raises(NotOneRange):
        offered(cities.district, "shanghai", lot, 4)
    assert blocks(cities.district, lot) == [(1, 2, "held"), (3, 7, "held"), (8, 9, "held")]


def rule(percent: str = "90", quota_t: int = 100) -> Rule:
    content = {"home": "guangdong", "conversion_percent": percent, "quota_t": quota_t}
    return Rule(TODAY.replace(month=1, day=1), FOREVER, "illustrative", "a test", content)


@pytest.mark.parametrize(
    ("tonnes", "percent", "worth"), [(10, "90", 9), (11, "90", 9), (100, "92.5", 92), (1, "100", 1)]
)
def test_a_conversion_is_rounded_down(tonnes: int, percent: str, worth: int) -> None:
    assert decide_tonnes(rule(percent), claim(tonnes)) == worth


def test_less_than_a_tonne_is_nothing_to_recognise() -> None:
    with pytest.raises(TooLittle):
        decide_tonnes(rule("90"), claim(1))


def claim(tonnes: int) -> Claim:
    return Claim(
        home="guangdong",
        lot="GUANGDONG-000001",
        first=1,
        last=tonnes,
        methodology="shanghai/rooftop-pv@1",
        digest="sha256:0",
        status="published",
        vintage=2026,
        through=TODAY,
        verifier="Green Audit Ltd",
    )
