"""Signature: the published vectors, and every way in which a signed request is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.db import transaction
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)

from api.caller import BATCHES, HOST, Call, code_of, digest, registered, rides
from tanpuhui.client import SigningKey, generate_key, profile
from tanpuhui.client.sign import Outgoing
from tanpuhui.evidence.models import InboxBatch
from tanpuhui.evidence.provider_key import revoke_key
from tanpuhui.kit.moment import utc_now

ROWS = rides("a,p")

# RFC 9421, appendix B.1.4 (keys), B.2 (request) and B.2.6 (signature), retyped from
# https://www.rfc-editor.org/rfc/rfc9421.html
RFC_PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""
RFC_PRIVATE = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_FIELDS = {
    "Host": "example.com",
    "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "Content-Type": "application/json",
    "Content-Digest": "sha-512="
    ":WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    "Content-Length": "18",
}
RFC_INPUT = (
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = (
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
)


def rfc_request() -> Outgoing:
    return Outgoing("POST", "https://example.com/foo?param=Value&Pet=dog", dict(RFC_FIELDS))


def rfc_keys() -> Any:
    private = load_pem_private_key(RFC_PRIVATE, password=None)
    return MappingKeyResolver(
        public_keys={"test-key-ed25519": load_pem_public_key(RFC_PUBLIC)},
        private_keys={"test-key-ed25519": private},
    )


def test_the_published_ed25519_signature_is_made_byte_for_byte() -> None:
    request = rfc_request()
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=rfc_keys())

    signer.sign(
        request,
        key_id="test-key-ed25519",
        created=datetime.fromtimestamp(1618884473, UTC),
        label="sig-b26",
        include_alg=False,
        covered_component_ids=("date", "@method", "@path", "@authority", "content-type", "content-length"),
        use_existing_digest=True,
    )

    assert request.headers["Signature-Input"] == RFC_INPUT
    assert request.headers["Signature"] == RFC_SIGNATURE


@pytest.mark.parametrize("changed", [None, "Date", "Content-Type", "Content-Length"])
def test_the_published_signature_is_right_and_any_change_makes_it_wrong(changed: str | None) -> None:
    request = rfc_request()
    request.headers |= {"Signature-Input": RFC_INPUT, "Signature": RFC_SIGNATURE}
    if changed is not None:
        request.headers[changed] += "0"
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=rfc_keys())

    if changed is None:
        assert len(verifier.verify(request, max_age=None)) == 1
    else:
        with pytest.raises(InvalidSignature):
            verifier.verify(request, max_age=None)


def test_the_published_content_digests_are_ours() -> None:
    # RFC 9530, appendices A and B: the same JSON without and with a line end.
    assert (
        profile.digest_of(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    )
    assert (
        profile.digest_of(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    )


@pytest.mark.django_db
def test_a_signed_request_is_answered(key: SigningKey) -> None:
    assert Call(key, body=ROWS).send().status_code == 202
    assert Call(key, method="GET").send().status_code == 200
    assert Call(key, method="GET", path=f"{BATCHES}?limit=3").send().status_code == 200


def parameters(text: str) -> dict[str, str]:
    """A Signature-Input with other parameters; the signature then does not fit, or is not looked at."""
    return {"Signature-Input": f'sig1=("@method" "@target-uri"){text}'}


OTHER_BODY = rides("a,q")
REFUSED: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("no signature", {"without": ("signature", "signature-input")}, (401, "api.signature_missing")),
    ("no input", {"without": ("signature-input",)}, (401, "api.signature_invalid")),
    ("nonsense", {"after_signing": {"Signature": "sig1=nonsense"}}, (401, "api.signature_invalid")),
    (
        "garbage",
        {"after_signing": {"Signature-Input": "((((", "Signature": "))))"}},
        (401, "api.signature_invalid"),
    ),
    ("other label", {"after_signing": {"Signature": "sig2=:AAAA:"}}, (401, "api.signature_invalid")),
    ("other method", {"sent_method": "PUT"}, (405, "api.method_not_allowed")),
    ("other path", {"sent_path": "/api/v1/sandbox/batches"}, (401, "api.signature_invalid")),
    ("other query", {"sent_path": f"{BATCHES}?limit=1"}, (401, "api.signature_invalid")),
    (
        "other type",
        {"after_signing": {"Content-Type": "application/x-ndjson"}},
        (401, "api.signature_invalid"),
    ),
    ("other key", {"after_signing": {"Idempotency-Key": '"other"'}}, (401, "api.signature_invalid")),
    (
        "other digest",
        {"after_signing": {"Content-Digest": digest(OTHER_BODY)}},
        (401, "api.signature_invalid"),
    ),
    ("other content", {"sent_body": OTHER_BODY}, (400, "api.digest_mismatch")),
    ("packed unsaid", {"after_signing": {"Content-Encoding": "gzip"}}, (401, "api.signature_coverage")),
    (
        "name unsaid",
        {"after_signing": {"Content-Disposition": 'attachment; filename="a.csv"'}},
        (401, "api.signature_coverage"),
    ),
    ("digest uncovered", {"without": ("content-digest",)}, (401, "api.signature_coverage")),
    ("6 minutes slow", {"at": timedelta(minutes=-6)}, (401, "api.clock_off")),
    ("6 minutes fast", {"at": timedelta(minutes=6)}, (401, "api.clock_off")),
    (
        "no nonce",
        {"after_signing": parameters(';created={now};keyid="{key}"')},
        (401, "api.signature_invalid"),
    ),
    ("no created", {"after_signing": parameters(';keyid="{key}"')}, (401, "api.signature_parameters")),
    (
        "created is text",
        {"after_signing": parameters(';created="{now}";keyid="{key}"')},
        (401, "api.signature_invalid"),
    ),
    (
        "created beyond time",
        {"after_signing": parameters(';created=999999999999999;keyid="{key}"')},
        (401, "api.clock_off"),
    ),
    ("no key id", {"after_signing": parameters(";created={now}")}, (401, "api.signature_invalid")),
    (
        "unknown key",
        {"after_signing": parameters(';created={now};keyid="nobody:1"')},
        (401, "api.key_unknown"),
    ),
    (
        "key id of signs",
        {"after_signing": parameters(';created={now};keyid="\' OR 1=1 --"')},
        (401, "api.key_unknown"),
    ),
    (
        "other algorithm",
        {"after_signing": parameters(';created={now};keyid="{key}";alg="hmac-sha256"')},
        (401, "api.signature_invalid"),
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_request_that_is_not_rightly_signed_is_refused_and_changes_nothing(
    key: SigningKey, given: dict[str, Any], expected: tuple[int, str]
) -> None:
    options = dict(given)
    if "at" in options:
        options["at"] = utc_now() + options["at"]
    now = int(utc_now().timestamp())
    options["after_signing"] = {
        name: value.replace("{now}", str(now)).replace("{key}", key.key_id)
        for name, value in options.get("after_signing", {}).items()
    }

    assert code_of(Call(key, body=ROWS, **options).send()) == expected

    assert InboxBatch.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ_by_less_than_five_minutes(key: SigningKey, minutes: int) -> None:
    assert Call(key, method="GET", at=utc_now() + timedelta(minutes=minutes)).send().status_code == 200


def signed_otherwise(key: SigningKey, **changed: Any) -> Call:
    """A GET request with a right signature that keeps not to the profile."""
    options = {
        "key_id": key.key_id,
        "created": utc_now(),
        "nonce": "n-1",
        "tag": profile.TAG,
        "label": "sig1",
        "covered_component_ids": profile.ALWAYS,
    } | changed
    request = Outgoing("GET", HOST + BATCHES, {})
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: key.private})
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver).sign(request, **options)
    return Call(key, method="GET", after_signing=dict(request.headers))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tag": "another-application"}, "api.signature_parameters"),
        ({"tag": None}, "api.signature_parameters"),
        ({"nonce": None}, "api.signature_parameters"),
        ({"nonce": ""}, "api.signature_parameters"),
        ({"nonce": "n" * 129}, "api.signature_parameters"),
        ({"include_alg": False}, "api.signature_parameters"),
        ({"covered_component_ids": ("@method",)}, "api.signature_coverage"),
        ({"covered_component_ids": ("@method", "@path", "@authority")}, "api.signature_coverage"),
        ({"expires": datetime(2026, 1, 1, tzinfo=UTC)}, "api.clock_off"),
    ],
)
def test_a_right_signature_that_keeps_not_to_the_profile_is_refused(
    key: SigningKey, changed: dict[str, Any], code: str
) -> None:
    assert code_of(signed_otherwise(key, **changed).send()) == (401, code)


@pytest.mark.django_db
def test_two_signatures_on_one_request_are_refused(key: SigningKey) -> None:
    call = signed_otherwise(key)
    fields = call.after_signing
    for name in ("Signature", "Signature-Input"):
        fields[name] = f"{fields[name]}, {fields[name].replace('sig1', 'sig2')}"

    assert code_of(call.send()) == (401, "api.signature_invalid")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_is_sent_again_as_it_was_is_refused(key: SigningKey, method: str) -> None:
    call = Call(key, method=method, body=ROWS if method == "POST" else None, nonce="once", at=utc_now())
    assert call.send().is_success

    assert code_of(call.send()) == (401, "api.nonce_used")


@pytest.mark.django_db
def test_a_refused_request_has_spent_its_nonce(key: SigningKey) -> None:
    call = Call(
        key, body=b"not,the,columns\n", nonce="once", at=utc_now(), headers={"Content-Type": "text/html"}
    )
    assert code_of(call.send()) == (415, "api.media_type_unknown")

    assert code_of(call.send()) == (401, "api.nonce_used")


@pytest.mark.django_db
def test_another_provider_may_use_the_same_nonce(key: SigningKey) -> None:
    assert Call(key, method="GET", nonce="once").send().is_success

    assert Call(registered("szt"), method="GET", nonce="once").send().is_success


@pytest.mark.django_db
def test_a_key_counts_from_its_start_to_its_end_and_never_once_it_is_revoked(contracts: None) -> None:
    now = utc_now()
    coming = registered(valid_from=now + timedelta(hours=1))
    expired = registered(valid_from=now - timedelta(hours=2), valid_to=now - timedelta(hours=1))
    revoked = registered()
    with transaction.atomic():
        revoke_key(revoked.key_id, reason="lost", at=now)

    for key, state in ((coming, "coming"), (expired, "expired"), (revoked, "revoked")):
        answer = Call(key, method="GET").send()
        assert code_of(answer) == (401, "api.key_not_in_force")
        assert answer.json()["facts"]["state"] == state


@pytest.mark.django_db
def test_what_became_of_a_key_is_told_to_its_holder_alone(contracts: None) -> None:
    revoked = registered()
    with transaction.atomic():
        revoke_key(revoked.key_id, reason="lost", at=utc_now())
    guesser = SigningKey("generic", generate_key("generic").private)
    call = Call(guesser, method="GET")
    signed = call.signed().headers["Signature-Input"].replace(guesser.key_id, revoked.key_id)

    call.after_signing = {"Signature-Input": signed}

    assert code_of(call.send()) == (401, "api.signature_invalid")


@pytest.mark.django_db
def test_refusals_are_in_the_callers_language(key: SigningKey) -> None:
    call = Call(key, method="GET", at=utc_now() + timedelta(minutes=6))

    english = call.send()
    call.headers["Accept-Language"] = "zh-CN,zh;q=0.9"
    chinese = call.send()
    call.headers["Accept-Language"] = "fr"
    other = call.send()

    assert "Set your clock" in english.json()["detail"]
    assert english.headers["Content-Language"] == "en"
    assert "请校准时钟" in chinese.json()["detail"]
    assert (chinese.json()["title"], chinese.headers["Content-Language"]) == ("签名无效", "zh-Hans")
    assert other.headers["Content-Language"] == "zh-Hans"
    assert english.headers["WWW-Authenticate"].startswith("Signature")
    assert json.loads(chinese.content)["code"] == english.json()["code"] == "api.clock_off"
