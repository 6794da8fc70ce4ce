"""A credential holds, or is refused with a code of its own; both verifiers are asked, and must agree."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.kit.digest import digest_bytes
from tanpuhui.transparency.credentials.conceal import Hidden
from tanpuhui.transparency.credentials.form import SdJwt, read
from tanpuhui.transparency.credentials.issue import issue
from tanpuhui.transparency.credentials.key import metadata, sign_jwt
from tanpuhui.transparency.credentials.kinds import BALANCE, PORTABILITY, RETIREMENT
from tanpuhui.transparency.credentials.plain import digest, encoded, packed, unpacked
from tanpuhui.transparency.credentials.present import NoSuchClaim, bind, disclose
from tanpuhui.transparency.credentials.refusals import IssuerMissing
from tanpuhui.transparency.credentials.reveal import reveal
from tanpuhui.transparency.credentials.status_list import LEAST_ENTRIES, StatusList, sign_list
from tanpuhui.transparency.verify import verify_file
from transparency.credentials.desk import (
    FOREIGN,
    HOLDER,
    KEY,
    NAME,
    NOW,
    RANGES,
    URI,
    Desk,
    balance,
    certificate,
    receipt,
    status_list,
)

DESK = Desk()
BANK = Desk(audience="bank", nonce="n-1", policy=None)


def payload_of(credential: SdJwt) -> dict[str, Any]:
    found: dict[str, Any] = unpacked(credential.jwt.split(".")[1])
    return found


def resigned(credential: SdJwt, payload: dict[str, Any], **header: Any) -> SdJwt:
    """The credential with another payload or header, signed by the issuer all the same."""
    said = {"typ": "dc+sd-jwt", "kid": KEY.thumbprint(), **header}
    return replace(credential, jwt=sign_jwt(said, payload, KEY))


def test_a_certificate_holds_with_status_and_the_logs_proof_of_each_serial() -> None:
    shown, *logged = DESK.shows(certificate().text())

    assert (shown["record"]["tonnes"], shown["record"]["ranges"]) == (4, RANGES)
    assert shown["checked"] == {
        "status": "valid",
        "status_until": "2026-05-29T08:26:40Z",
        "holder": "not asked for",
        "log": "proved",
    }
    assert [(one["kind"], one["key"]) for one in logged] == [
        ("surrender", "7"),
        ("retirement", "1"),
        ("retirement", "2"),
    ]


def test_showing_the_tonnes_alone_reveals_no_other_claim() -> None:
    whole = certificate()

    tonnes = disclose(whole, [("tonnes",)])

    [shown] = DESK.shows(tonnes.text())
    assert {
        name: shown["record"][name] for name in shown["record"] if name not in ("iss", "iat", "vct", "status")
    } == {"tonnes": 4}
    assert shown["checked"]["log"] == "not shown"
    # Everything that is written anywhere in the file, each base64 part decoded as often as it goes.
    written = everything_in(tonnes.text()) + everything_in(tonnes.compact())
    for hidden in (
        b"C000001-95",
        b"2025",
        b"2026",
        b"L-1",
        b"L-2",
        b"serial",
        b"vintage",
        b"year",
        b"ranges",
    ):
        assert hidden not in written.replace(b"2026-05-29", b""), hidden
    assert "马拉松".encode() not in written
    assert b"beneficiary" not in written
    assert DESK.with_(needs_log=True).refuses(tonnes.text()) == "credential.log_proof_missing"


def everything_in(text: str) -> bytes:
    """A text, and what every part of it that is base64url of JSON is."""
    found = text.encode()
    for part in "".join(one if one.isalnum() or one in "-_" else " " for one in text).split():
        content = urlsafe_b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""
        if content[:1] in (b"{", b"["):
            found += b"\n" + without_digests(json.loads(content))
    return found


def without_digests(said: Any) -> bytes:
    """JSON without digests and salts, which are random and could hold anything."""
    if isinstance(said, list):
        return json.dumps(said[1:], ensure_ascii=False).encode()
    plain = {name: value for name, value in said.items() if name not in ("_sd", "iat", "kid")}
    return json.dumps(plain, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("ranges", 1, "vintage"), {"ranges": [{"vintage": 2025}]}),
        (("ranges", 0), {"ranges": [RANGES[0]]}),
        (("number",), {"number": "C000001-95"}),
    ],
)
def test_a_part_of_a_claim_is_shown_without_its_neighbours(path: tuple[str | int, ...], said: Any) -> None:
    claims = unpacked(certificate().jwt.split(".")[1])
    shown = disclose(certificate(), [path])

    found = reveal(payload_of(shown), shown.disclosures).claims
    assert {name: one for name, one in found.items() if name not in claims} == said


def test_what_is_not_there_cannot_be_shown() -> None:
    with pytest.raises(NoSuchClaim):
        disclose(certificate(), [("trips",)])


def altered(whole: SdJwt, name: str, value: Any) -> SdJwt:
    def changed(one: str) -> str:
        said = unpacked(one)
        return packed([*said[:-1], value]) if said[1] == name else one

    return replace(whole, disclosures=tuple(changed(one) for one in whole.disclosures))


def unsigned(whole: SdJwt) -> str:
    _, payload, _ = whole.jwt.split(".")
    return replace(whole, jwt=f"{packed({'alg': 'none', 'typ': 'dc+sd-jwt'})}.{payload}.AA").compact()


def by_hs256(whole: SdJwt) -> str:
    """The public key as the secret of an HMAC: what careless verifiers take."""
    _, payload, _ = whole.jwt.split(".")
    head = packed({"alg": "HS256", "typ": "dc+sd-jwt", "kid": KEY.thumbprint()})
    secret = json.dumps(metadata(NAME, KEY)["jwks"]["keys"][0]).encode()
    signature = encoded(hmac.digest(secret, f"{head}.{payload}".encode(), "sha256"))
    return replace(whole, jwt=f"{head}.{payload}.{signature}").compact()


def wrong_signature(whole: SdJwt) -> str:
    *rest, signature = whole.jwt.split(".")
    other = "A" if signature[5] != "A" else "B"
    return replace(whole, jwt=".".join([*rest, signature[:5] + other + signature[6:]])).text()


def with_digest_twice(whole: SdJwt) -> str:
    payload = payload_of(whole)
    payload["_sd"] = [*payload["_sd"], payload["_sd"][0]]
    return resigned(whole, payload).text()


def with_claim_twice(whole: SdJwt) -> str:
    return resigned(whole, {**payload_of(whole), "tonnes": 9}).text()


def with_concealed(name: str, value: Any) -> Callable[[SdJwt], str]:
    def make(whole: SdJwt) -> str:
        disclosure = packed(["salt", name, value])
        payload = payload_of(whole)
        payload.pop(name, None)
        payload["_sd"] = [*payload["_sd"], digest(disclosure)]
        return replace(resigned(whole, payload), disclosures=(*whole.disclosures, disclosure)).text()

    return make


ALTERED: dict[str, tuple[Callable[[SdJwt], str], str]] = {
    "an altered disclosure": (lambda one: altered(one, "tonnes", 5).text(), "credential.disclosure_unused"),
    "an unused disclosure": (
        lambda one: replace(one, disclosures=(*one.disclosures, packed(["salt", "tonnes", 9]))).text(),
        "credential.disclosure_unused",
    ),
    "a disclosure twice": (
        lambda one: replace(one, disclosures=(*one.disclosures, one.disclosures[0])).text(),
        "credential.disclosure_twice",
    ),
    "a disclosure that is none": (
        lambda one: replace(one, disclosures=(*one.disclosures, packed({"a": 1}))).text(),
        "credential.disclosure_malformed",
    ),
    "a digest twice": (with_digest_twice, "credential.digest_twice"),
    "a claim twice": (with_claim_twice, "credential.claim_twice"),
    "a concealed issuer": (with_concealed("iss", NAME), "credential.issuer_wrong"),
    "a concealed status": (with_concealed("status", {}), "credential.claim_not_concealable"),
    "a concealed end": (with_concealed("exp", NOW * 2), "credential.claim_not_concealable"),
    "alg none": (unsigned, "credential.algorithm_refused"),
    "HS256": (by_hs256, "credential.algorithm_refused"),
    "a wrong signature": (wrong_signature, "credential.signature_wrong"),
    "another type": (
        lambda one: resigned(one, payload_of(one), typ="jwt").text(),
        "credential.type_wrong",
    ),
    "a header that asks for more": (
        lambda one: resigned(one, payload_of(one), b64=True, crit=["b64"]).text(),
        "credential.malformed",
    ),
    "another digest than SHA-256": (
        lambda one: resigned(one, {**payload_of(one), "_sd_alg": "md5"}).text(),
        "credential.malformed",
    ),
    "several signatures": (
        lambda one: json.dumps({**one.as_json(), "signatures": []}),
        "credential.malformed",
    ),
    "an unsigned receipt of something else": (
        lambda one: one.with_receipts(*one.receipts, {"format": "?"}).text(),
        "transparency.file_unreadable",
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_was_altered_is_refused(name: str) -> None:
    change, code = ALTERED[name]

    assert DESK.refuses(change(certificate())) == code


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"vct": "urn:example:other:1"}, "credential.type_wrong"),
    "another issuer": ({"iss": "https://other.example"}, "credential.issuer_wrong"),
    "no issuer": ({"iss": None}, "credential.issuer_wrong"),
    "over": ({"exp": NOW}, "credential.expired"),
    "not good yet": ({"nbf": NOW + 1}, "credential.not_yet_valid"),
    "from the future": ({"iat": NOW + 61}, "credential.not_yet_valid"),
    "a time that is none": ({"exp": "soon"}, "credential.malformed"),
    "a place outside the list": (
        {"status": {"status_list": {"idx": LEAST_ENTRIES, "uri": URI}}},
        "credential.status_index_outside",
    ),
    "a place below the list": (
        {"status": {"status_list": {"idx": -1, "uri": URI}}},
        "credential.status_index_outside",
    ),
    "another list": (
        {"status": {"status_list": {"idx": 5, "uri": f"{NAME}/status-lists/2"}}},
        "credential.status_list_missing",
    ),
    "a status that is none": ({"status": {"status_list": {"uri": URI}}}, "credential.malformed"),
    "more tonnes than serials": ({"tonnes": 5}, "credential.log_proof_other"),
    "another year than in the log": ({"year": 2027}, "credential.log_proof_other"),
    "a serial twice": ({"ranges": [*RANGES, RANGES[0]], "tonnes": 7}, "credential.log_proof_other"),
    "other serials": (
        {"ranges": [{"lot": "L-1", "serial_first": 1, "serial_last": 4}]},
        "credential.log_proof_other",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_says_the_wrong_thing_is_refused_though_the_issuer_signed_it(name: str) -> None:
    claims, code = WRONG[name]

    assert DESK.refuses(certificate(**claims).text()) == code


LISTS: dict[str, tuple[tuple[str, ...], str]] = {
    "revoked": ((status_list({5: 1}),), "credential.revoked"),
    "suspended": ((status_list({5: 2}),), "credential.suspended"),
    "a state that means nothing": ((status_list({5: 3}),), "credential.status_unknown"),
    "no list": ((), "credential.status_list_missing"),
    "kept too long": ((status_list(at_s=NOW - 43_200),), "credential.status_list_stale"),
    "over": ((status_list(at_s=NOW - 86_400, ttl_s=999_999),), "credential.status_list_stale"),
    "from the future": ((status_list(at_s=NOW + 61),), "credential.not_yet_valid"),
    "by a foreign key": ((status_list(key=FOREIGN),), "credential.key_foreign"),
    "of another issuer": ((status_list(issuer="https://other.example"),), "credential.issuer_wrong"),
    "a credential in its place": ((certificate().jwt,), "credential.type_wrong"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_status_list_that_says_no_or_is_none_ends_it(name: str) -> None:
    lists, code = LISTS[name]

    assert DESK.with_(lists=lists).refuses(certificate().text()) == code


def test_a_list_is_good_until_the_second_before_its_end_and_neighbours_say_nothing() -> None:
    fresh = status_list({4: 1, 6: 2}, at_s=NOW - 43_199)

    [shown, *_] = DESK.with_(lists=(fresh,)).shows(certificate().text())

    assert shown["checked"]["status"] == "valid"


def test_a_foreign_key_is_refused_and_so_is_one_that_calls_itself_ours() -> None:
    claims = payload_of(certificate())
    foreign = sign_jwt({"typ": "dc+sd-jwt", "kid": FOREIGN.thumbprint()}, claims, FOREIGN)
    disguised = sign_jwt({"typ": "dc+sd-jwt", "kid": KEY.thumbprint()}, claims, FOREIGN)

    assert DESK.refuses(replace(certificate(), jwt=foreign).text()) == "credential.key_foreign"
    assert DESK.refuses(replace(certificate(), jwt=disguised).text()) == "credential.signature_wrong"


@pytest.mark.parametrize(
    ("receipts", "code"),
    [
        ((receipt(0), receipt(1)), "credential.log_proof_other"),
        ((receipt(0), receipt(1), receipt(3)), "credential.log_proof_other"),
        ((receipt(5), receipt(1), receipt(2)), "credential.log_proof_other"),
        ((receipt(0), receipt(5), receipt(1), receipt(2)), "credential.log_proof_other"),
        ((receipt(0), receipt(1), receipt(2), receipt(4)), "credential.log_proof_other"),
        ((receipt(0), receipt(1), receipt(2), receipt(2)), "credential.log_proof_other"),
        ((receipt(0), receipt(1), receipt(2, (1,))), "transparency.quorum_missing"),
        (
            ({**receipt(0), "proof": receipt(1)["proof"]}, receipt(1), receipt(2)),
            "transparency.proof_invalid",
        ),
    ],
    ids=[
        "one missing",
        "another leaf",
        "another year",
        "two surrenders",
        "a lot too",
        "twice",
        "quorum",
        "swapped",
    ],
)
def test_a_log_proof_of_anything_else_or_without_quorum_is_refused(receipts: Any, code: str) -> None:
    assert DESK.refuses(certificate(*receipts).text()) == code


def test_serials_without_the_logs_proof_and_a_proof_without_a_policy_are_refused() -> None:
    whole = certificate()

    assert DESK.refuses(whole.compact()) == "credential.log_proof_missing"
    assert DESK.with_(policy=None).refuses(whole.text()) == "transparency.policy_missing"


def test_a_retirement_needs_no_surrender_and_must_not_have_one() -> None:
    bare = certificate(receipt(6), receipt(7), vct=RETIREMENT)

    assert [one["kind"] for one in DESK.shows(bare.text())] == [RETIREMENT, "retirement", "retirement"]
    assert DESK.refuses(certificate(vct=RETIREMENT).text()) == "credential.log_proof_other"


def test_serials_that_something_else_retired_prove_neither_a_surrender_nor_a_retirement() -> None:
    surrendered = certificate(receipt(0), receipt(6), receipt(2))
    voluntary = certificate(receipt(6), receipt(2), vct=RETIREMENT)

    assert DESK.refuses(surrendered.text()) == "credential.log_proof_other"
    assert DESK.refuses(voluntary.text()) == "credential.log_proof_other"


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_fresh_lists_the_newest_counts_in_whatever_order(turned: bool) -> None:
    before, revoked = status_list(at_s=NOW - 3_600), status_list({5: 1}, at_s=NOW - 60)
    suspended = status_list({5: 2}, at_s=NOW - 7_200)

    ended = (revoked, before) if turned else (before, revoked)
    restored = (before, suspended) if turned else (suspended, before)

    assert DESK.with_(lists=ended).refuses(certificate().text()) == "credential.revoked"
    assert DESK.with_(lists=restored).shows(certificate().text())[0]["checked"]["status"] == "valid"


def test_a_pdf_that_is_made_to_be_slow_is_refused_at_once() -> None:
    begun = b"%PDF-1.7\n" + b"stream\n" * 2_000_000
    many = b"%PDF-1.7\n" + b"stream\n{}\nendstream\n" * 1_001

    started = time.process_time()

    assert DESK.refuses(begun) == "transparency.file_unreadable"
    assert DESK.refuses(many) == "transparency.file_unreadable"
    assert time.process_time() - started < 10


def test_a_bank_sees_the_tier_alone_and_only_the_bank_that_it_is_for() -> None:
    tier = disclose(balance(), [("tier",)])

    [shown] = BANK.shows(tier.compact())

    assert shown["record"]["tier"] == {"name": {"en": "Gold"}}
    assert "balance" not in shown["record"]
    assert b"25000000" not in everything_in(tier.compact())
    for other in ("other", None):
        assert BANK.with_(audience=other).refuses(tier.compact()) == "credential.audience_wrong"


def test_a_statement_never_brings_receipts_of_the_log() -> None:
    with_receipt = balance().with_receipts(receipt(4))

    assert BANK.with_(policy=DESK.policy).refuses(with_receipt.text()) == "credential.malformed"


def bound(**changed: Any) -> SdJwt:
    given: dict[str, Any] = {"audience": "bank", "nonce": "n-1", "at_s": NOW, **changed}
    return bind(balance(holder=HOLDER), given.pop("key", HOLDER), **given)


def test_a_holder_proves_the_key_to_one_verifier_and_one_nonce() -> None:
    [shown] = BANK.shows(bound().text())

    assert shown["checked"]["holder"] == "proved"
    assert [one["checked"]["holder"] for one in BANK.shows(bound().compact())] == ["proved"]


def without_a_claim(one: SdJwt) -> SdJwt:
    return replace(one, disclosures=one.disclosures[:-1])


BOUND: dict[str, tuple[SdJwt, str]] = {
    "no proof": (balance(holder=HOLDER), "credential.key_binding_missing"),
    "for somebody else": (bound(audience="other"), "credential.audience_wrong"),
    "an old nonce": (bound(nonce="n-0"), "credential.nonce_wrong"),
    "another key": (bound(key=FOREIGN), "credential.signature_wrong"),
    "from the future": (bound(at_s=NOW + 61), "credential.not_yet_valid"),
    "of other claims": (
        replace(balance(holder=HOLDER), key_binding=bound().key_binding),
        "credential.key_binding_wrong",
    ),
    "where there is no key": (
        replace(balance(), key_binding=bound().key_binding),
        "credential.key_binding_wrong",
    ),
    "of another type": (
        replace(balance(holder=HOLDER), key_binding=balance().jwt),
        "credential.type_wrong",
    ),
}


@pytest.mark.parametrize("name", BOUND)
def test_a_proof_of_the_holder_that_does_not_hold_is_refused(name: str) -> None:
    credential, code = BOUND[name]

    assert BANK.refuses(credential.text()) == code


def test_nobody_who_names_no_nonce_takes_a_bound_one() -> None:
    assert BANK.with_(nonce=None).refuses(bound().text()) == "credential.nonce_wrong"


def test_a_record_is_the_one_whose_digest_was_signed() -> None:
    record = b'{"acts": []}'
    credential = issue(
        {
            "iss": NAME,
            "iat": NOW,
            "vct": PORTABILITY,
            "status": {"status_list": {"idx": 1, "uri": URI}},
            "record_digest": digest_bytes(record),
            "acts": Hidden(0),
        },
        KEY,
    )

    [shown] = DESK.with_(record=record).shows(credential.text())

    assert shown["record"]["acts"] == 0
    assert DESK.with_(record=record + b" ").refuses(credential.text()) == "transparency.proof_invalid"
    assert DESK.with_(record=record).refuses(balance(aud=None).text()) == "transparency.proof_invalid"


def test_an_issuer_that_is_not_named_is_nobody_to_believe() -> None:
    with pytest.raises(IssuerMissing):
        verify_file(certificate().text().encode(), None)


def test_decoys_hide_how_many_claims_there_are() -> None:
    lengths = {len(payload_of(certificate())["_sd"]) for _ in range(40)}

    assert min(lengths) >= 5
    assert len(lengths) > 1


def test_both_forms_are_the_same_credential() -> None:
    whole = bound()

    assert read(whole.compact()) == read(whole.text()) == whole
    assert len({*whole.disclosures}) == len(whole.disclosures)
    assert BALANCE in payload_of(whole)["vct"]


def test_a_status_list_is_never_short_and_each_size_keeps_its_neighbours() -> None:
    for bits in (1, 2, 4, 8):
        most = (1 << bits) - 1
        states = StatusList.of({0: 1, 9: most, LEAST_ENTRIES - 1: most}, bits=bits, entries=LEAST_ENTRIES)
        again = StatusList.unpacked(states.packed(), bits)
        assert [again[index] for index in (0, 1, 8, 9, 10, LEAST_ENTRIES - 1)] == [1, 0, 0, most, 0, most]
        assert again.entries == LEAST_ENTRIES
    short = StatusList.of({}, bits=2, entries=LEAST_ENTRIES - 4)
    with pytest.raises(AssertionError):
        sign_list(short, KEY, issuer=NAME, uri=URI, at_s=NOW, good_for_s=1, ttl_s=1)


LINE = disclose(balance(), [("tier",)]).compact()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LINE) - 1), st.sampled_from("AZaz09-_.~{ é"))
def test_no_character_of_a_credential_can_be_another(place: int, other: str) -> None:
    changed = LINE[:place] + other + LINE[place + 1 :]

    assert changed == LINE or BANK.refuses(changed)
