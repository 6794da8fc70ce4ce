"""Two providers that report one act have the same tags, learn nothing else, and one of them is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conftest import SHARED
from consent.people import AT, in_parallel
from tanpuhui.client.tag import BadEvaluation, NoSuite, best_suite, blind
from tanpuhui.evidence.act_tag import BadElement, BadTags, ClaimedAlready, OtherTags, claim, evaluator
from tanpuhui.evidence.models import ActClaim, ActTag, Contract
from tanpuhui.evidence.subjects import pseudonym_key
from tanpuhui.kit.act_tag import HMAC, SLOT_US, SUITES, VOPRF

START_US = 1_772_412_000_000_000
MINUTE_US = 60_000_000
EPOCH = 2026
SESSION = {"kind": "ev_charge", "thing": "session-7"}


def tags(suite: str, *, started_us: int = START_US, epoch: int = EPOCH, **changes: Any) -> tuple[bytes, ...]:
    """An act's tags, computed blind as a provider does."""
    server = evaluator(epoch, suite)
    blinded = blind(**{**SESSION, **changes}, started_us=started_us, suite=suite)
    return blinded.finish(server.evaluate(blinded.elements), server.public_key)


@pytest.mark.parametrize("suite", SUITES)
def test_an_act_has_the_same_tags_from_whoever_computes_them(fresh_home: Path, suite: str) -> None:
    assert tags(suite) == tags(suite, thing=" SESSION-7 ")
    assert set(tags(suite)) & set(tags(suite, started_us=START_US + SLOT_US))
    assert not set(tags(suite)) & set(tags(suite, started_us=START_US + 3 * SLOT_US))
    assert not set(tags(suite)) & set(tags(suite, thing="session-8"))
    assert not set(tags(suite)) & set(tags(suite, kind="waste_sorting"))
    assert not set(tags(suite)) & set(tags(suite, epoch=EPOCH + 1))


@pytest.mark.parametrize("jitter_min", range(-5, 6))
def test_clocks_that_differ_by_five_minutes_share_a_tag(fresh_home: Path, jitter_min: int) -> None:
    for offset in range(0, SLOT_US, 2 * MINUTE_US):
        first = tags(HMAC, started_us=START_US + offset)
        second = tags(HMAC, started_us=START_US + offset + jitter_min * MINUTE_US)
        assert set(first) & set(second)


def test_the_platform_sees_blinded_elements_that_are_never_the_same(fresh_home: Path) -> None:
    seen = [blind(**SESSION, started_us=START_US, suite=VOPRF).elements for _ in range(3)]

    assert len({element for elements in seen for element in elements}) == 9
    assert b"session" not in b"".join(element for elements in seen for element in elements)


def test_an_answer_of_another_key_or_with_another_byte_is_refused(fresh_home: Path) -> None:
    server, other = evaluator(EPOCH), evaluator(EPOCH + 1)
    blinded = blind(**SESSION, started_us=START_US, suite=VOPRF)
    good = server.evaluate(blinded.elements)

    refused = 0
    for place in range(len(good[0])):
        changed = bytearray(good[0])
        changed[place] ^= 1
        with pytest.raises(BadEvaluation):
            blinded.finish([bytes(changed), *good[1:]], server.public_key)
        refused += 1
    for bad, key in [
        (other.evaluate(blinded.elements), server.public_key),
        (good, other.public_key),
        (good[:2], server.public_key),
        (good[::-1], server.public_key),
        (good, b"not a key"),
    ]:
        with pytest.raises(BadEvaluation):
            blinded.finish(bad, key)
    assert refused == 96
    assert len(blinded.finish(good, server.public_key)) == 3


def test_what_is_no_element_or_suite_is_refused(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suite in SUITES:
        with pytest.raises(BadElement):
            evaluator(EPOCH, suite).evaluate([b"x"])
    with pytest.raises(NoSuite):
        blind(**SESSION, started_us=START_US, suite="sha1")
    assert best_suite() == VOPRF
    monkeypatch.setattr("tanpuhui.client.tag.find_spec", lambda name: None)
    assert best_suite() == HMAC
    with pytest.raises(NoSuite, match="voprf"):
        blind(**SESSION, started_us=START_US, suite=VOPRF)


@pytest.mark.parametrize("suite", ["ristretto255-SHA512", "P384-SHA384"])
def test_the_package_agrees_with_the_published_vectors(suite: str) -> None:
    """RFC 9497, appendix A, mode VOPRF; where they are on this machine."""
    import voprf

    file = SHARED / "vectors" / "voprf_vectors.json"
    if not file.exists():
        pytest.skip("the vectors are not on this machine (../shared/vectors, or TANPUHUI_SHARED)")
    (known,) = [one for one in json.loads(file.read_text()) if (one["identifier"], one["mode"]) == (suite, 1)]
    module = {"ristretto255-SHA512": voprf.ristretto, "P384-SHA384": voprf.p384}[suite]

    server = module.Evaluator.from_seed(bytes.fromhex(known["seed"]), bytes.fromhex(known["keyInfo"]))

    assert bytes(server.public_key.serialize()).hex() == known["pkSm"]
    for vector in known["vectors"]:
        inputs, outputs = vector["Input"].split(","), vector["Output"].split(",")
        assert [bytes(server.evaluate_known_input(bytes.fromhex(one))).hex() for one in inputs] == outputs
        elements, evaluated = vector["BlindedElement"].split(","), vector["EvaluationElement"].split(",")
        for element, expected in zip(elements, evaluated, strict=True):
            answer = server.evaluate(module.BlindedInput.deserialize(bytes.fromhex(element)))
            # The package puts the proof before the element.
            assert bytes(answer.serialize()).hex().endswith(expected)


@pytest.mark.django_db
def test_an_act_is_claimed_once_by_whoever_comes_first(fresh_home: Path) -> None:
    first = claim("bikes", "r1", tags(VOPRF), epoch=EPOCH, at=AT)

    for provider, record, started_us in [
        ("maps", "x9", START_US),
        ("maps", "x9", START_US + 5 * MINUTE_US),
        ("bikes", "r2", START_US - 5 * MINUTE_US),
    ]:
        with pytest.raises(ClaimedAlready) as refused:
            claim(provider, record, tags(VOPRF, started_us=started_us), epoch=EPOCH, at=AT)
        assert refused.value.facts == {"epoch": EPOCH}
    assert claim("bikes", "r1", tags(VOPRF), epoch=EPOCH, at=AT) == first
    claim("maps", "x10", tags(VOPRF, thing="session-8"), epoch=EPOCH, at=AT)
    claim("maps", "x9", tags(VOPRF, epoch=EPOCH + 1), epoch=EPOCH + 1, at=AT)
    assert ActClaim.objects.count() == 3
    assert ActTag.objects.count() == 9


@pytest.mark.django_db
def test_a_claim_keeps_its_tags_and_names_no_record(fresh_home: Path) -> None:
    made = claim("bikes", "order-4711", tags(HMAC), epoch=EPOCH, at=AT)

    with pytest.raises(OtherTags):
        claim("bikes", "order-4711", tags(HMAC, thing="session-8"), epoch=EPOCH, at=AT)
    for bad in (tags(HMAC)[:2], (b"x" * 32,) * 3, (b"x", b"y", b"z")):
        with pytest.raises(BadTags):
            claim("bikes", "r2", bad, epoch=EPOCH, at=AT)
    assert b"4711" not in bytes(made.record)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActTag.objects.create(claim=made, tag=tags(HMAC)[0], epoch=EPOCH)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_one_act_at_once_one_does(fresh_home: Path) -> None:
    same = tags(HMAC)

    results = in_parallel(
        [lambda n=n: claim(f"p{n}", "r", same, epoch=EPOCH, at=AT) for n in range(6)]  # type: ignore[misc]
    )

    assert sum(isinstance(one, ActClaim) for one in results) == 1
    assert sum(isinstance(one, ClaimedAlready) for one in results) == 5


def test_two_providers_keys_for_one_person_are_never_equal(fresh_home: Path) -> None:
    import hmac

    one, other = (pseudonym_key(Contract(provider=name, pseudonym_key="pseudonyms-1")) for name in ("a", "b"))
    again = pseudonym_key(Contract(provider="a", pseudonym_key="pseudonyms-2"))
    people = [f"person-{number}".encode() for number in range(100_000)]

    digests = [{hmac.digest(key, person, "sha256") for person in people} for key in (one, other, again)]

    assert [len(each) for each in digests] == [100_000] * 3
    assert not digests[0] & digests[1]
    assert not digests[0] & digests[2]
