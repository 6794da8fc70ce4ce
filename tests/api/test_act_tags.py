"""Act tags over the network: two providers of one act, of whom the second is refused, and nobody learns what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.caller import client, registered
from tanpuhui.client import Problem, SigningKey
from tanpuhui.client.tag import blind
from tanpuhui.evidence import act_tag
from tanpuhui.evidence.models import ActClaim
from tanpuhui.kit.act_tag import HMAC, SUITES, VOPRF

pytestmark = pytest.mark.django_db

START_US, MINUTE_US = 1_772_412_000_000_000, 60_000_000


@pytest.mark.parametrize("suite", SUITES)
def test_an_act_that_two_providers_report_is_claimed_once(key: SigningKey, suite: str) -> None:
    first = ("ev_charge", "Session-7", START_US)
    again = ("ev_charge", "session-7", START_US + 3 * MINUTE_US)
    other = ("ev_charge", "session-8", START_US)

    with client(key) as platform:
        (mine,) = platform.tags_of([first], epoch=2026, suite=suite)
        claimed = [platform.claim_acts({"a-1": mine}, epoch=2026) for _ in range(2)]
    with client(registered("szt")) as platform:
        theirs = platform.tags_of([again, other], epoch=2026, suite=suite)
        second = platform.claim_acts({"b-1": theirs[0], "b-2": theirs[1]}, epoch=2026)

    assert claimed == [{"claims": [{"record": "a-1", "state": "claimed", "code": None, "detail": None}]}] * 2
    assert [(one["record"], one["state"], one["code"]) for one in second["claims"]] == [
        ("b-1", "refused", "evidence.act_claimed_already"),
        ("b-2", "claimed", None),
    ]
    assert "epoch 2026" in second["claims"][0]["detail"]
    assert ActClaim.objects.count() == 2


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda platform: platform.tags_of([("a", "b", 0)], epoch=1999), "api.request_invalid"),
        (lambda platform: platform.claim_acts({"a": [b"1" * 32] * 2}, epoch=2026), "api.request_invalid"),
        (lambda platform: platform.claim_acts({"a": [b"1" * 32] * 3}, epoch=2026), "evidence.bad_tags"),
    ],
)
def test_what_makes_no_sense_claims_nothing(key: SigningKey, call: Callable[[Any], Any], code: str) -> None:
    with client(key) as platform, pytest.raises(Problem) as refused:
        call(platform)

    assert refused.value.as_json()["code"] == code
    assert not ActClaim.objects.exists()


def test_an_element_that_is_no_point_is_refused(key: SigningKey) -> None:
    body = {"epoch": 2026, "suite": VOPRF, "elements": ["f" * 64]}

    with client(key) as platform, pytest.raises(Problem) as refused:
        platform._post_json("/api/v1/provider/act-tags/evaluations", body)

    assert refused.value.as_json()["code"] == "evidence.bad_element"


def test_a_platform_without_the_package_says_which_suite_it_has(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act_tag, "find_spec", lambda _name: None)
    elements = [one.hex() for one in blind(kind="a", thing="b", started_us=0, suite=HMAC).elements]

    with client(key) as platform, pytest.raises(Problem) as refused:
        platform._post_json(
            "/api/v1/provider/act-tags/evaluations", {"epoch": 2026, "suite": VOPRF, "elements": elements}
        )

    assert refused.value.as_json()["code"] == "evidence.suite_missing"
    assert HMAC in str(refused.value)
