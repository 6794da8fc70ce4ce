"""Document: the OpenAPI document is whole, and its examples are true."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest
from django.core.handlers.wsgi import WSGIHandler

from api.caller import HOST, Call, client, registered, rides
from tanpuhui.api.language import chinese, is_for_callers
from tanpuhui.api.refusals import STATUSES
from tanpuhui.client import SigningKey
from tanpuhui.evidence.reasons import REFUSALS
from tanpuhui.kit.refusal import Refusal


def document() -> dict[str, Any]:
    with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
        found: dict[str, Any] = http.get(f"{HOST}/api/v1/openapi.json").json()
    return found


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_openapi_3_1_and_names_each_operation_once() -> None:
    found = document()

    ids = [operation["operationId"] for _, _, operation in operations()]
    assert found["openapi"].startswith("3.1.")
    assert sorted(ids) == sorted(set(ids)) == [
        "add_key",
        "capture_redemption",
        "claim_acts",
        "correct_rows",
        "declare_totals",
        "declare_year",
        "evaluate_act_tags",
        "get_batch",
        "get_code_key",
        "get_offer",
        "get_quality",
        "get_redemption",
        "get_settlement_file",
        "get_year",
        "list_batches",
        "list_holdings",
        "list_keys",
        "list_quarantine",
        "list_settlements",
        "read_code",
        "refund_redemption",
        "rehearse_batch",
        "release_redemption",
        "release_reservation",
        "reserve_units",
        "retract_acts",
        "revoke_key",
        "send_batch",
        "surrender_reservation",
    ]  # fmt: skip
    assert list(found["components"]["securitySchemes"]) == ["HttpMessageSignature"]


def test_every_operation_is_signed_described_and_says_what_it_refuses() -> None:
    for method, path, operation in operations():
        assert operation["security"] == [{"HttpMessageSignature": []}], path
        assert operation["description"], path
        assert operation["tags"], path
        statuses = {int(status) for status in operation["responses"]}
        assert {401, 422, 429, 500} <= statuses, path
        for status, response in operation["responses"].items():
            (media,) = response["content"]
            assert media == ("application/problem+json" if int(status) >= 400 else "application/json")
            if int(status) >= 400:
                assert response["content"][media]["example"]["status"] == int(status)
            else:
                assert "RateLimit" in response["headers"]
        if method == "post":
            assert any(each["name"] == "Idempotency-Key" for each in operation["parameters"]), path


def test_examples_are_true_to_their_schemas() -> None:
    found = document()
    schemas = found["components"]["schemas"]
    for schema in schemas.values():
        if "example" in schema:
            whole = {**schema, "components": found["components"]}
            jsonschema.validate(schema["example"], whole)
    assert {name for name, schema in schemas.items() if "example" in schema} >= {
        "Batch",
        "Corrections",
        "DayTotals",
        "Declared",
        "NewKey",
        "Problem",
        "Quality",
        "Receipt",
        "Rehearsal",
        "Retractions",
        "Revocation",
        "Waiting",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/provider/batches", "/api/v1/sandbox/batches"])
def test_the_examples_of_content_are_taken(key: SigningKey, path: str) -> None:
    content = document()["paths"][path]["post"]["requestBody"]["content"]

    for media in ("text/csv", "application/x-ndjson"):
        body = content[media]["example"].encode()
        answer = Call(key, path=path, body=body, headers={"Content-Type": media, "Prefer": "wait"}).send()
        assert (answer.status_code, answer.json()["accepted"] + answer.json()["duplicate"]) in (
            (200, 1),
            (201, 1),
        )


@pytest.mark.django_db
def test_answers_are_true_to_the_document(key: SigningKey) -> None:
    found = document()
    validators = {
        name: {"$ref": f"#/components/schemas/{name}", "components": found["components"]}
        for name in (
            "Batch",
            "BatchPage",
            "Keys",
            "Problem",
            "Quality",
            "Receipt",
            "RefusedRowPage",
            "Waiting",
        )
    }
    waiting = Call(key, body=rides("a,p")).send().json()
    taken = Call(key, body=rides("b,p", "c,q,far"), headers={"Prefer": "wait"}).send().json()

    with client(key) as platform:
        answers = {
            "Waiting": waiting,
            "Receipt": taken,
            "Batch": platform.batch(waiting["batch"]),
            "Quality": platform.quality(),
            "Keys": {"keys": platform.list_keys()},
        }
    answers["BatchPage"] = Call(key, method="GET").send().json()
    answers["RefusedRowPage"] = Call(key, method="GET", path=f"{taken['url']}/quarantine").send().json()
    answers["Problem"] = Call(registered("szt"), method="GET", path=taken["url"]).send().json()

    assert set(answers) == set(validators)
    for name, answer in answers.items():
        jsonschema.validate(json.loads(json.dumps(answer)), validators[name])


def refusals() -> list[type[Refusal]]:
    """Every refusal of the evidence and of the provider's API; a resident's has its words where pages have theirs."""

    def below(kind: type[Refusal]) -> list[type[Refusal]]:
        return [each for child in kind.__subclasses__() for each in (child, *below(child))]

    return [
        kind
        for kind in below(Refusal)
        if kind.code.startswith(("api.", "evidence.")) and ".api.resident" not in kind.__module__
    ]


#: Refusals of the evidence that only the operator's commands give: over the network they would be our fault.
OPERATORS_OWN = {
    "evidence.already_linked",
    "evidence.bad_correction",
    "evidence.bad_day",
    "evidence.bad_processes",
    "evidence.bad_moment",
    "evidence.bad_options",
    "evidence.bad_weighings",
    "evidence.buckets_changed",
    "evidence.contract_incomplete",
    "evidence.distance_table_wrong",
    "evidence.file_changed",
    "evidence.file_missing",
    "evidence.key_too_long",
    "evidence.key_unknown",
    "evidence.no_account",
    "evidence.no_files",
    "evidence.no_pseudonym",
    "evidence.no_rows",
    "evidence.no_stations",
    "evidence.no_such_owner",
    "evidence.owner_too_long",
    "evidence.receipt_invalid",
    "evidence.row_resolved",
    "evidence.row_tampered",
    "evidence.row_unknown",
    "evidence.rows_differ",
    "evidence.source_missing",
    "evidence.totals_unreadable",
    "evidence.unknown_batch",
    "evidence.unknown_format",
    "evidence.unknown_provider",
    "evidence.unknown_station",
    "evidence.weighing_overlaps",
    "evidence.weighing_source_missing",
    "evidence.weighings_unreadable",
}


def test_every_refusal_has_chinese_words_with_the_same_facts_or_is_the_operators() -> None:
    import string

    for kind in refusals():
        assert is_for_callers(kind.code) != (kind.code in OPERATORS_OWN), kind.code
        if is_for_callers(kind.code):
            names = [
                {field for _, field, _, _ in string.Formatter().parse(text) if field}
                for text in (kind.message, chinese()[kind.code])
            ]
            assert names[1] <= names[0], kind.code
    assert {f"row.{code}" for code in REFUSALS} == {code for code in chinese() if code.startswith("row.")}
    assert set(STATUSES) <= set(chinese())
    assert OPERATORS_OWN.isdisjoint(chinese())
