"""The artefact: everything that must be said is in it, and one changed byte is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from consent.people import METRO, adult, metro_grant
from tanpuhui.consent.artefact import attach, public_key, sign, verify_artefact
from tanpuhui.consent.policy import LANGUAGES, policy
from tanpuhui.consent.refusals import ArtefactInvalid
from tanpuhui.kit.digest import canonical_json, digest_bytes, digest_json

pytestmark = pytest.mark.django_db

#: The proposed artefact of the trust reference, section 2.4, and four things that PIPL asks to be said besides.
FIELDS = {
    *(
        "id",
        "schema",
        "principal",
        "provider",
        "recipient",
        "purpose",
        "kinds",
        "activity_types",
        "sensitive",
    ),
    *("separate", "mode", "fetch_type", "frequency", "data_range", "data_life", "start", "expiry", "notice"),
    *(
        "collection_method",
        "guardian",
        "withdraw_uri",
        "rights_uri",
        "jurisdiction",
        "storage_location",
        "pia_id",
    ),
    "supersedes",
    *("necessity", "controller"),
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every single value in JSON."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, (*path, key))
    else:
        yield path


def changed(content: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The content with one value changed."""
    copy: Any = json.loads(json.dumps(content))
    place = copy
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = not old if isinstance(old, bool) else old + 1 if isinstance(old, int) else f"{old}x"
    return dict(copy)


def test_an_artefact_says_all_that_must_be_said() -> None:
    grant = metro_grant()

    content = verify_artefact(grant.token)

    assert set(content) == FIELDS
    assert content["principal"] == grant.resident_id
    assert content["purpose"]["code"] == "quantification"
    assert content["activity_types"] == ["metro_trip"]
    assert content["separate"] is True
    assert content["sensitive"] is True
    assert (content["start"], content["expiry"]) == ("2026-03-02T01:00:00+00:00", "2027-03-02T01:00:00+00:00")
    assert content["data_life"]["unit"] != "INF"
    assert {"id", "name", "contact"} <= set(content["provider"]) & set(content["recipient"])
    assert digest_json(content) == grant.digest


def test_the_notice_is_that_which_was_shown_and_says_how_to_withdraw() -> None:
    grant = metro_grant(lang="en")
    notice = policy().notice(policy().purposes["quantification"], "en")

    assert grant.artefact["notice"] == {
        "hash": digest_bytes(notice.text.encode()),
        "version": notice.version,
        "lang": "en",
    }
    for words in ("Withdraw", "Kept for: 36 months", "privacy@carbon.example", "trip trace", "guardian"):
        assert words in notice.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_purpose_has_a_notice_in_every_language(lang: str) -> None:
    for purpose in policy().purposes.values():
        assert purpose.text[lang] in policy().notice(purpose, lang).text


def test_every_single_value_is_under_the_signature() -> None:
    grant = metro_grant()
    paths = list(leaves(grant.artefact))

    for path in paths:
        with pytest.raises(ArtefactInvalid):
            verify_artefact(attach(grant.jws, changed(grant.artefact, path)))

    assert len(paths) > 40


def test_every_changed_character_is_refused() -> None:
    token = metro_grant().token
    header, payload, signature = token.split(".")
    last_bits = {len(header), len(header) + 1 + len(payload), len(token) - 1}

    for place in range(0, len(token), 7):
        if place in last_bits or token[place] == ".":
            continue
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(ArtefactInvalid):
            verify_artefact(token[:place] + other + token[place + 1 :])
    assert signature


def test_another_signer_algorithm_type_or_form_is_refused() -> None:
    content = metro_grant().artefact
    payload = canonical_json(content)
    other = OKPKey.import_key(Ed25519PrivateKey.generate())
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"consent+jwt"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    public = OctKey.import_key(json.dumps(public_key(), sort_keys=True))
    forged = {
        "another signer": jws.serialize_compact(
            {"alg": "Ed25519", "typ": "consent+jwt"}, payload, other, algorithms=["Ed25519"]
        ),
        "alg none": f"{header}.{body}.",
        "the public key as a secret": jws.serialize_compact(
            {"alg": "HS256", "typ": "consent+jwt"}, payload, public, algorithms=["HS256"]
        ),
        "another type": sign(content, "evidence-receipt+jwt"),
        "another schema": sign(content | {"schema": "tanpuhui-consent/2"}),
        "nothing": "",
        "not a token": "a.b",
        "rubbish": "...",
    }

    for name, token in forged.items():
        with pytest.raises(ArtefactInvalid):
            pytest.fail(f"{name}: {verify_artefact(token)}")


def test_whoever_holds_the_public_key_verifies_it_without_this_installation(fresh_home: Path) -> None:
    token, key, account = metro_token()

    assert "d" not in key
    assert verify_artefact(token, key)["principal"] == account


def test_another_installation_does_not_take_it_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _, _ = metro_token()
    monkeypatch.setenv("TANPUHUI_HOME", str(tmp_path / "other"))

    with pytest.raises(ArtefactInvalid):
        verify_artefact(token)


def metro_token() -> tuple[str, dict[str, Any], int]:
    grant = metro_grant(adult())
    return grant.token, public_key(), grant.resident_id


def test_an_installation_names_itself_in_its_own_policy(fresh_home: Path) -> None:
    packaged = Path(__file__).parents[2] / "src/tanpuhui/consent/policy.toml"
    own = packaged.read_text(encoding="utf-8").replace(
        "碳普惠演示平台 Tanpuhui demonstration platform", "Shenzhen centre"
    )
    (fresh_home / "consent.toml").write_text(own, encoding="utf-8")

    assert metro_grant().artefact["recipient"]["name"] == "Shenzhen centre"
    assert METRO.recipient == "platform"
