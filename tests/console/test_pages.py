"""Pages: every one answers in both languages, filled and empty, with a bounded number of queries."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from close.town import DAY, Town, metro
from console.conftest import ENGLISH, Staff, look
from tanpuhui.close.models import Manifest
from tanpuhui.console.site import site
from tanpuhui.evidence.models import Batch, QuarantinedRow

pytestmark = pytest.mark.django_db

PAGES = [
    "",
    "approvals/",
    "providers/",
    "batches/",
    "rows/",
    "scenes/",
    "methodologies/",
    "methodologies/shenzhen/metro/1/",
    "methodologies/shenzhen/metro/1/compare?with=1",
    "accounts/",
    "grants/",
    "appeals/",
    "held/",
    "requests/",
    "challenges/",
    "due/",
    "closes/",
    "lots/",
    "programmes/",
    "jobs/",
    "audit/",
]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_answers_when_nothing_has_happened_yet(
    page: str, language: str, staff: Staff, fresh_home: Any
) -> None:
    answer = staff.auditor.get(f"/console/{page}", HTTP_ACCEPT_LANGUAGE=language)

    assert answer.status_code == 200
    text = answer.content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|x-data", text)
    assert answer.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", [*PAGES, "providers/town/"])
def test_every_page_answers_when_it_has_something_to_show(
    page: str, staff: Staff, people: dict[str, int], town: Town
) -> None:
    town.close()

    assert look(staff.auditor, page)


def test_the_pages_of_rows_show_what_they_are_about(staff: Staff, people: dict[str, int], town: Town) -> None:
    answer = town.close()
    batch, row = Batch.objects.get(), QuarantinedRow.objects.get()

    assert "Why rows were refused" in look(staff.auditor, f"batches/{batch.pk}/")
    assert row.code in look(staff.auditor, f"rows/{row.pk}/")
    manifest = look(staff.auditor, f"closes/{answer.manifest}/")
    assert "Inputs: evidence" in manifest
    for output in Manifest.objects.get().body["outputs"]:
        assert output["digest"] in manifest
    account = look(staff.auditor, f"accounts/{people['a']}/")
    assert "shanghai/rooftop-pv@1" in account


@pytest.mark.parametrize(
    "page", ["batches/99/", "rows/99/", "closes/sha256:00/", "lots/NONE/", "accounts/99/", "jobs/99/", "audit/99/",
             "accounts/x/", "approvals/x/"]
)  # fmt: skip
def test_what_is_not_there_is_said_to_be_not_there(page: str, staff: Staff) -> None:
    assert staff.auditor.get(f"/console/{page}").status_code == 404


def test_lists_are_searched_and_filtered(staff: Staff, people: dict[str, int], town: Town) -> None:
    town.close()

    assert "1 row" in look(staff.auditor, f"accounts/?q={people['a']}")
    assert "Nothing fits" in look(staff.auditor, "accounts/?q=nobody")
    assert "Nothing fits" in look(staff.auditor, "rows/?open=False")
    assert "1 row" in look(staff.auditor, "rows/?open=True")
    assert "1 row" in look(staff.auditor, f"closes/?q={DAY.isoformat()}")


@pytest.mark.parametrize("page", ["", "batches/", "rows/", "closes/", "audit/", "providers/", "accounts/"])
def test_the_number_of_queries_does_not_grow_with_what_is_listed(
    page: str, staff: Staff, people: dict[str, int], town: Town
) -> None:
    town.close()
    look(staff.auditor, page)
    with CaptureQueriesContext(
        connection,
    ) as few:
        look(staff.auditor, page)
    town.settle("cdefgh")
    for number in range(6):
        town.take(metro(f"x{number}", "a", 1_000, hour=10 + number), metro(f"y{number}", "b", -1))
        town.close()
    look(staff.auditor, page)

    with CaptureQueriesContext(connection) as many:
        look(staff.auditor, page)

    assert len(many) <= len(few)
    assert len(many) <= 25


def test_nothing_is_added_changed_or_deleted_through_a_list(staff: Staff, people: dict[str, int]) -> None:
    for model_admin in site._registry.values():
        for name in ("add", "delete", "history"):
            with pytest.raises(Exception, match="not found"):
                reverse(f"console:{model_admin.opts.app_label}_{model_admin.opts.model_name}_{name}")
        assert not model_admin.has_add_permission(None)
        assert not model_admin.has_change_permission(None)
        assert not model_admin.has_delete_permission(None)
    for address in ("accounts/", "accounts/1/", "audit/1/", "batches/1/"):
        for action in ("delete_selected", "_save"):
            answer = staff.asker.post(
                f"/console/{address}", {"action": action, "_selected_action": "1"}, **ENGLISH
            )
            assert answer.status_code in (200, 302, 404, 405)
    assert Batch.objects.count() == 1


def test_there_is_no_sign_in_of_djangos_own(client: Any, staff: Staff) -> None:
    for name in ("login", "logout", "password_change", "jsi18n", "autocomplete"):
        with pytest.raises(Exception, match="not found"):
            reverse(f"console:{name}")
    assert client.get("/console/login/").status_code == 404
    assert staff.asker.get("/admin/").status_code == 404
