"""Peers: what is refused about them, and that a district has one city and hands over before its first lot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry.units_town import AT, new_lot
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import PeerOrder, add_key, add_peer, enable, get_peer, is_enabled, stop
from tanpuhui.federation.refusals import (
    BadPeer,
    OneCity,
    PeerStopped,
    PeerTaken,
    UnknownPeer,
    WrongRole,
)
from tanpuhui.registry.delegate import certifier
from tanpuhui.registry.refusals import HasLots

pytestmark = pytest.mark.django_db
ORDER = PeerOrder("shanghai", Peer.CITY, "https://carbon.example", "Agreement 2026-7", "上海", "Shanghai")
KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.mark.parametrize(
    "change",
    [
        {"code": "Shanghai"},
        {"code": "x"},
        {"role": "friend"},
        {"contract": " "},
        {"versions": ()},
        {"versions": (3,)},
        {"url": "http://carbon.example"},
        {"url": "https://carbon.example/path"},
        {"url": "https://user@carbon.example"},
        {"url": "ftp://carbon.example"},
        {"url": "https://[::1"},
    ],
)
def test_what_is_not_right_about_a_peer_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(BadPeer):
        add_peer(replace(ORDER, **change), at=AT)


def test_the_same_peer_again_is_the_same_and_another_one_under_its_code_is_refused() -> None:
    first = add_peer(ORDER, at=AT)

    assert add_peer(ORDER, at=AT) == first
    with pytest.raises(PeerTaken):
        add_peer(replace(ORDER, contract="another"), at=AT)


def test_a_key_belongs_to_one_peer_and_is_one() -> None:
    peer = add_peer(ORDER, at=AT)

    assert add_key(peer, KEY, valid_from=AT) == add_key(peer, KEY, valid_from=AT)
    with pytest.raises(BadPeer):
        add_key(peer, "bm8=", valid_from=AT)


def test_a_district_has_one_city_that_certifies_from_then_on() -> None:
    add_peer(ORDER, at=AT)
    add_peer(replace(ORDER, code="guangdong", url="https://gd.example"), at=AT)

    enable("shanghai", reason="contract", at=AT)
    enable("shanghai", reason="contract", at=AT)

    assert certifier() == "shanghai"
    with pytest.raises(OneCity):
        enable("guangdong", reason="contract", at=AT)
    stop("shanghai", reason="it ended", at=AT)
    assert not is_enabled(get_peer("shanghai"))
    with pytest.raises(PeerStopped):
        get_peer("shanghai", enabled=True)


def test_a_district_with_lots_of_its_own_hands_nothing_over() -> None:
    new_lot(1)
    add_peer(ORDER, at=AT)

    with pytest.raises(HasLots):
        enable("shanghai", reason="contract", at=AT)


def test_a_peer_is_asked_for_by_its_code_and_role() -> None:
    add_peer(ORDER, at=AT)

    with pytest.raises(UnknownPeer):
        get_peer("nowhere")
    with pytest.raises(WrongRole):
        get_peer("shanghai", role=Peer.DISTRICT)
