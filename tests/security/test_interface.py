"""The provider's interface: every operation, without a signature, with a page's cookie, and by another provider."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client as Browser

from api.caller import HOST, Call, code_of, registered, rides
from api.conftest import one_connection
from security.watch import kept
from tanpuhui.api.provider.app import api
from tanpuhui.client import SigningKey
from tanpuhui.evidence.contract import ensure_default_contracts
from tanpuhui.kit.moment import utc_now
from web.site import client_of, make_site

__all__ = ["one_connection"]
pytestmark = pytest.mark.django_db
DOCUMENT = json.loads(json.dumps(api.get_openapi_schema()))
OPERATIONS = [
    (method.upper(), path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if method in ("get", "post", "put", "patch", "delete")
]
#: Content that each operation would take, by the end of its address, with the other's object in it.
CONTENT: dict[str, Any] = {
    "corrections": {"rows": [{"row": 1, "columns": {"distance_m": "10"}}]},
    "retractions": {"rows": [{"source_id": "1", "person": "a", "kind": "bike_trip"}]},
    "totals": {"totals": [{"day": "2026-03-02", "kind": "bike_trip", "records": 1}]},
    "evaluations": {"epoch": 2026, "suite": "hmac-sha256", "elements": ["0" * 64]},
    "claims": {"epoch": 2026, "claims": [{"record": "a", "tags": [f"{one:064x}" for one in range(3)]}]},
    "keys": {"public_key": "A" * 44},
    "revocations": {"key_id": "other"},
}


@pytest.fixture()
def keys(fresh_home: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[SigningKey, SigningKey, int]:
    """Two providers, and a batch with a refused row of the second one."""
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    ensure_default_contracts(at=utc_now())
    one, other = registered("generic"), registered("szt")
    sent = Call(one, body=rides("1,a,far"), headers={"Prefer": "wait"}).send()
    assert sent.status_code == 201, sent.text
    return other, one, int(sent.json()["batch"])


def address(path: str, batch: int) -> str:
    return re.sub(r"\{[^}]+\}", str(batch), path)


def body_of(method: str, path: str) -> tuple[bytes | None, dict[str, str]]:
    if method == "GET":
        return None, {}
    end = path.rstrip("/").rpartition("/")[2]
    if end in CONTENT:
        return json.dumps(CONTENT[end]).encode(), {"Content-Type": "application/json"}
    return rides("9,z"), {}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_operation_answers_without_a_signature_or_with_the_cookie_of_a_page(
    method: str, path: str
) -> None:
    operator = client_of(make_site()["operator"])
    before = kept()

    for cookies in ({}, {name: one.value for name, one in operator.cookies.items()}):
        with httpx.Client(transport=httpx.WSGITransport(WSGIHandler()), cookies=cookies) as http:
            body, headers = body_of(method, path)
            answer = http.request(method, HOST + address(path, 1), content=body, headers=headers)

        assert code_of(answer) == (401, "api.signature_missing")
    assert kept() == before


#: What merchants and companies have is tried by strangers in tests/api/test_organisation.py.
OF_PROVIDERS = [one for one in OPERATIONS if one[1].startswith(("/api/v1/provider/", "/api/v1/sandbox/"))]


@pytest.mark.parametrize(("method", "path"), [one for one in OF_PROVIDERS if "{" in one[1]])
def test_another_providers_object_is_not_there(
    method: str, path: str, keys: tuple[SigningKey, SigningKey, int]
) -> None:
    stranger, owner, batch = keys
    body, headers = body_of(method, path)

    other = Call(stranger, method=method, path=address(path, batch), body=body, headers=headers).send()
    own = Call(owner, method=method, path=address(path, batch), body=body, headers=headers).send()

    assert other.status_code == 404, other.text
    assert own.status_code != 404, own.text


def test_a_list_holds_ones_own_alone(keys: tuple[SigningKey, SigningKey, int]) -> None:
    stranger, owner, _ = keys

    for path, operations in DOCUMENT["paths"].items():
        if "get" in operations and "{" not in path:
            theirs = Call(stranger, method="GET", path=path).send().text
            mine = Call(owner, method="GET", path=path).send().text
            assert owner.key_id not in theirs, path
            assert stranger.key_id not in mine, path
            assert '"generic"' not in theirs, path


def test_what_the_interface_says_may_be_read_by_programs_of_any_site_is_nothing() -> None:
    """No answer allows other sites to read it, whatever they ask before."""
    for method, path in OPERATIONS:
        asked = Browser().options(
            address(path, 1),
            HTTP_ORIGIN="https://evil.example",
            HTTP_ACCESS_CONTROL_REQUEST_METHOD=method,
        )
        assert not [name for name in asked.headers if name.lower().startswith("access-control")]


def test_fields_that_a_caller_may_not_set_are_refused_or_ignored(
    keys: tuple[SigningKey, SigningKey, int],
) -> None:
    _, owner, batch = keys
    more = {"rows": [], "provider": "szt", "batch": 99, "at": "2001-01-01", "status": "taken"}
    answer = Call(
        owner,
        path=f"/api/v1/provider/batches/{batch}/corrections",
        body=json.dumps(more).encode(),
        headers={"Content-Type": "application/json"},
    ).send()

    assert answer.status_code == 422
