"""Two accounts of one person, linked with consent and parted by either side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from consent.people import child
from federation.platforms import Pair
from tanpuhui.federation.link import (
    Wish,
    agree,
    begin,
    challenge_of,
    finish,
    links_of,
    redeem,
    revoke,
    wish_of,
)
from tanpuhui.federation.models import Incoming, Link
from tanpuhui.federation.peer import get_peer
from tanpuhui.federation.refusals import BadLink, ChildLinks, LinkedAlready, RefusedByPeer, UnknownLink

pytestmark = pytest.mark.django_db

IN_CITY, IN_DISTRICT = 41, 7


def asked_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def sent_back(pair: Pair, address: str) -> dict[str, str]:
    """What the browser brings back when the district's resident agreed."""

    def verb() -> str:
        return agree(wish_of(asked_of(address)), IN_DISTRICT, notice={"text": "words"}, at=pair.district.now)

    return asked_of(pair.district.do(verb))


def begun(pair: Pair, account: int = IN_CITY) -> tuple[str, str]:
    found: tuple[str, str] = pair.city.do(lambda: begin("pudong", account, at=pair.city.now))
    return found


def finished(pair: Pair, brought: dict[str, str], account: int = IN_CITY) -> Link:
    with pair.city.inside():
        return finish(
            account, state=brought["state"], code=brought["code"], transport=pair.wire, at=pair.city.now
        )


def linked(pair: Pair) -> Link:
    address, _ = begun(pair)
    return finished(pair, sent_back(pair, address))


def test_both_sides_keep_one_pseudonym_and_neither_the_others_number(pair: Pair) -> None:
    address, state = begun(pair)
    brought = sent_back(pair, address)
    here = finished(pair, brought)

    with pair.district.inside():
        (there,) = links_of(IN_DISTRICT)
    assert here.pseudonym == there.pseudonym
    assert (here.account, there.account) == (IN_CITY, IN_DISTRICT)
    assert brought["state"] == state
    exchanged = pair.wire.posted()[-1].content.decode()
    # Random letters may have the digits of any number in them: a value that is the number would be a leak.
    assert str(IN_CITY) not in [value for _, value in parse_qsl(urlsplit(address).query)]
    assert "account" not in exchanged


def test_pseudonyms_of_two_links_of_one_person_are_different(pair: Pair) -> None:
    first = linked(pair)
    pair.city.do(lambda: revoke(IN_CITY, first.pk, at=pair.city.now))
    pair.settle()

    assert linked(pair).pseudonym != first.pseudonym


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("redirect_uri", "https://evil.example/resident/link/return/"),
        ("redirect_uri", "https://shanghai.example/resident/link/return/?x=1"),
        ("code_challenge_method", "plain"),
        ("code_challenge", "short"),
        ("response_type", "token"),
        ("state", ""),
    ],
)
def test_what_is_not_exactly_right_sends_nobody_anywhere(pair: Pair, field: str, value: str) -> None:
    address, _ = begun(pair)

    with pair.district.inside(), pytest.raises(BadLink):
        wish_of({**asked_of(address), field: value})


def test_a_code_is_good_once_and_a_second_time_ends_what_it_made(pair: Pair) -> None:
    address, _ = begun(pair)
    brought = sent_back(pair, address)
    finished(pair, brought)
    post = pair.wire.posted()[-1]

    again = pair.wire.deliver(post)

    assert b"federation.link_code_spent" in again.content
    with pair.district.inside():
        (there,) = links_of(IN_DISTRICT)
        assert not there.end.by_peer
    pair.settle()
    with pair.city.inside():
        assert links_of(IN_CITY)[0].end.by_peer


def test_a_code_without_its_verifier_is_worth_nothing(pair: Pair) -> None:
    address, _ = begun(pair)
    brought = sent_back(pair, address)
    stolen = {"grant_type": "authorization_code", "code": brought["code"], "code_verifier": "x" * 43}

    with pair.district.inside():
        answer = redeem(get_peer("shanghai"), stolen, at=pair.district.now)

    assert isinstance(answer, BadLink)
    with pytest.raises(RefusedByPeer):
        finished(pair, brought)


def test_a_code_is_over_after_two_minutes(pair: Pair) -> None:
    address, _ = begun(pair)
    brought = sent_back(pair, address)
    pair.later(seconds=121)

    with pytest.raises(RefusedByPeer, match="link_code_spent"):
        finished(pair, brought)


def test_a_state_is_good_for_who_began_and_for_a_quarter_of_an_hour(pair: Pair) -> None:
    address, _ = begun(pair)
    brought = sent_back(pair, address)

    with pytest.raises(BadLink):
        finished(pair, brought, account=IN_CITY + 1)
    pair.later(minutes=16)
    with pytest.raises(BadLink):
        finished(pair, brought)


@pytest.mark.parametrize("side", ["city", "district"])
def test_either_side_ends_it_for_both(pair: Pair, side: str) -> None:
    linked(pair)
    mine, account = (pair.city, IN_CITY) if side == "city" else (pair.district, IN_DISTRICT)
    other, theirs = (pair.district, IN_DISTRICT) if side == "city" else (pair.city, IN_CITY)
    with mine.inside():
        number = links_of(account)[0].pk

    mine.do(lambda: revoke(account, number, at=mine.now))
    mine.do(lambda: revoke(account, number, at=mine.now + timedelta(hours=1)))
    pair.settle()

    with other.inside():
        assert links_of(theirs)[0].end.by_peer
        assert Incoming.objects.filter(kind="link_ended").count() == 1
    assert pair.agree()


def test_one_account_has_one_link_with_a_platform(pair: Pair) -> None:
    linked(pair)

    with pytest.raises(LinkedAlready):
        begun(pair)
    with pair.district.inside(), pytest.raises(LinkedAlready):
        agree(
            Wish(get_peer("shanghai"), "", "s" * 22, "c" * 43),
            IN_DISTRICT,
            notice={},
            at=pair.district.now,
        )


def test_a_child_links_nothing_on_either_side(pair: Pair) -> None:
    def of_a_child(do: Callable[[int], object]) -> None:
        account, _ = child(born=date(2020, 1, 1))
        do(account)

    with pytest.raises(ChildLinks):
        pair.city.do(lambda: of_a_child(lambda account: begin("pudong", account, at=pair.city.now)))
    address, _ = begun(pair)
    wish = asked_of(address)
    with pytest.raises(ChildLinks):
        pair.district.do(
            lambda: of_a_child(
                lambda account: agree(wish_of(wish), account, notice={"text": "w"}, at=pair.district.now)
            )
        )


def test_nobody_ends_the_link_of_somebody_else(pair: Pair) -> None:
    link = linked(pair)

    with pair.city.inside(), pytest.raises(UnknownLink):
        revoke(IN_CITY + 1, link.pk, at=pair.city.now)


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
