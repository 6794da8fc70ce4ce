"""Published vectors: SD-JWT cases of the reference library, each issued, shown in part and verified; status lists."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tanpuhui.transparency.credentials.conceal import Hidden
from tanpuhui.transparency.credentials.form import read
from tanpuhui.transparency.credentials.issue import issue
from tanpuhui.transparency.credentials.key import Issuer, read_key
from tanpuhui.transparency.credentials.plain import digest, unpacked
from tanpuhui.transparency.credentials.present import bind, disclose
from tanpuhui.transparency.credentials.reveal import reveal
from tanpuhui.transparency.credentials.status_list import StatusList
from tanpuhui.transparency.credentials.verify import Expected, verify

SHARED = (
    Path(os.environ.get("TANPUHUI_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    / "vectors"
    / "sd-jwt"
)
#: Cases that do not apply, and why.
OTHER = {"json_serialization_general": "one credential with several signatures: ours have one"}


class _Reader(yaml.SafeLoader):
    """YAML in which ``!sd`` marks what is hidden."""


class _Name(str):
    """The name of a hidden claim."""


def _hidden(loader: _Reader, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        plain = yaml.ScalarNode(
            loader.resolve(yaml.ScalarNode, node.value, (node.style is None, False)), node.value
        )
        if node.style is not None:
            plain.tag = "tag:yaml.org,2002:str"
        return Hidden(loader.construct_object(plain, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Hidden(loader.construct_sequence(node, deep=True))
    return Hidden(loader.construct_mapping(node, deep=True))


_Reader.add_constructor("!sd", _hidden)


def _claims(value: Any) -> Any:
    """A hidden name becomes a hidden value."""
    if isinstance(value, Hidden):
        return Hidden(_claims(value.value))
    if isinstance(value, dict):
        return {
            (name.value if isinstance(name, Hidden) else name): (
                Hidden(_claims(one)) if isinstance(name, Hidden) else _claims(one)
            )
            for name, one in value.items()
        }
    return [_claims(one) for one in value] if isinstance(value, list) else value


def _paths(wanted: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The places of everything that is not falsely or nowhere wanted."""
    if isinstance(wanted, dict):
        return [one for name, value in wanted.items() for one in _paths(value, (*path, name))]
    if isinstance(wanted, list):
        return [one for place, value in enumerate(wanted) for one in _paths(value, (*path, place))]
    return [path] if wanted is not None and wanted is not False and wanted != "None" else []


def _cases() -> list[Any]:
    found = sorted(SHARED.glob("*/specification.yml"))
    if not found:
        reason = "the published vectors are not here: name their folder with TANPUHUI_SHARED"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(path, id=path.parent.name, marks=[pytest.mark.skip(reason=OTHER[path.parent.name])])
        if path.parent.name in OTHER
        else pytest.param(path, id=path.parent.name)
        for path in found
    ]


@pytest.mark.parametrize("path", _cases())
def test_a_published_case_shows_what_it_should(path: Path) -> None:
    case = yaml.load(path.read_text(encoding="utf-8"), _Reader)
    fixed = yaml.load((SHARED / "settings.yml").read_text(encoding="utf-8"), _Reader)
    name, audience = fixed["identifiers"]["issuer"], fixed["identifiers"]["verifier"]
    key, holder = (
        read_key(one)
        for one in (fixed["key_settings"]["issuer_keys"][0], fixed["key_settings"]["holder_key"])
    )
    issuer = Issuer(name, {key.thumbprint(): key})
    bound = bool(case.get("key_binding"))
    registered = {"iss": name, "iat": fixed["iat"], "exp": fixed["exp"], "vct": "case"}

    whole = issue({**registered, **_claims(case["user_claims"])}, key, holder=holder if bound else None)
    shown = disclose(
        read(whole.text()), [one for one in _paths(case["holder_disclosed_claims"]) if _is_hidden(whole, one)]
    )
    if bound:
        shown = bind(shown, holder, audience=audience, nonce="1234567890", at_s=fixed["iat"])
    expected = Expected(issuer, fixed["iat"] + 1, (), audience, "1234567890", kinds=("case",))

    for text in (shown.compact(), shown.text()):
        claims = verify(text, expected, lambda receipt: receipt).claims
        said = {one: claims[one] for one in claims if one not in {*registered, "cnf"}}
        assert json.dumps(said, sort_keys=True) == json.dumps(
            case["expect_verified_user_claims"], sort_keys=True
        )


def _is_hidden(whole: Any, path: tuple[str | int, ...]) -> bool:
    """What was never hidden cannot be asked for."""
    places = reveal(unpacked(whole.jwt.split(".")[1]), whole.disclosures).places.values()
    return any(all(one == other for one, other in zip(path, place, strict=False)) for place in places)


#: From draft-ietf-oauth-status-list, sections 4.1 and 4.2, and what they say about each entry.
PUBLISHED = [
    ("eNrbuRgAAhcBXQ", 1, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
    ("eNo76fITAAPfAgc", 2, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
]


@pytest.mark.parametrize(("packed", "bits", "states"), PUBLISHED)
def test_a_published_status_list_says_what_it_should_and_is_packed_alike(
    packed: str, bits: int, states: list[int]
) -> None:
    found = StatusList.unpacked(packed, bits)

    assert [found[index] for index in range(found.entries)] == states
    assert StatusList.of(dict(enumerate(states)), bits=bits, entries=len(states)).packed() == packed


def test_the_published_example_of_an_issuers_claims_is_read() -> None:
    """RFC 9901, section 4.2: the digest of a disclosure is over its text, whatever spaces are in it."""
    disclosure = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"

    assert digest(disclosure) == "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"
    assert reveal({"_sd": [digest(disclosure)]}, [disclosure]).claims == {"family_name": "Möbius"}
