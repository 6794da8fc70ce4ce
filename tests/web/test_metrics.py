"""Figures for Prometheus: for whoever has the token, about all requests, with nobody in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "a-token-of-the-tests-0123456789"
DASHBOARD = Path(__file__).resolve().parents[2] / "docs" / "reference" / "grafana" / "tanpuhui.json"
pytestmark = pytest.mark.django_db


def figures(client: Client) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        f"{sample.name}{json.dumps(sample.labels, sort_keys=True)}": sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.fixture()
def watched(client: Client, settings: Any) -> Client:
    settings.METRICS_TOKEN = TOKEN
    return client


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer another", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"])
def test_without_the_token_there_is_no_such_page(watched: Client, given: str) -> None:
    assert watched.get("/metrics", headers={"Authorization": given}).status_code == 404


def test_without_a_token_in_the_settings_there_is_no_such_page(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_requests_are_counted_by_audience_and_not_by_address(watched: Client) -> None:
    name = 'tanpuhui_request_seconds_count{"audience": "%s", "method": "GET", "status": "%s"}'
    before = figures(watched)
    watched.get("/resident/")
    watched.get("/a-secret-that-somebody-typed/")

    after = figures(watched)

    assert after[name % ("resident", "3xx")] == before.get(name % ("resident", "3xx"), 0) + 1
    assert after[name % ("other", "4xx")] == before.get(name % ("other", "4xx"), 0) + 1
    assert "secret" not in str(after)


def test_queues_that_are_empty_are_shown_as_empty(watched: Client) -> None:
    found = figures(watched)

    assert found['tanpuhui_waiting{"queue": "log"}'] > 0, (
        "methodologies and rules wait for the log of a new installation"
    )
    for queue in ("inbox", "messages_to_banks", "requests", "appeals"):
        assert found[f'tanpuhui_waiting{{"queue": "{queue}"}}'] == 0
        assert found[f'tanpuhui_waiting_late{{"queue": "{queue}"}}'] == 0
    assert found['tanpuhui_disk_free_bytes{"folder": "home"}'] > 0


def test_every_figure_of_the_dashboard_is_there(watched: Client) -> None:
    watched.get("/")
    text = watched.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    wanted = set(re.findall(r"tanpuhui_[a-z_]+", DASHBOARD.read_text()))

    assert {name for name in wanted if f"# TYPE {re.sub('_(count|bucket)$', '', name)} " not in text} == set()
