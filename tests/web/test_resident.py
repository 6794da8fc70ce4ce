"""A resident's pages on what really happened: own acts and nobody else's, how they came about, appeals, statement.

46.7 mg for each metre of metro: shenzhen/metro@1.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from close.town import TAKEN_AT, Town, act, metro
from tanpuhui.access.hold import hold
from tanpuhui.access.models import ApiToken, AuditEntry, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.close.acts import Act, acts_of
from tanpuhui.consent.show import grants_of
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.look import appeals_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.web.resident import views
from tanpuhui.web.resident.models import Visit
from web.site import client_of

pytestmark = [pytest.mark.django_db]
DAY = date(2026, 3, 2)
NOW = TAKEN_AT + timedelta(days=1)


library = cache(load_library)


class Person:
    """Somebody with an account, a browser, and their acts."""

    def __init__(self, town: Town, account: int, email: str) -> None:
        self.town, self.account = town, account
        self.user = User.objects.create_user(email, language="en")
        hold(self.user, account, at=TAKEN_AT)
        self.client: Client = client_of(self.user)

    def acts(self) -> list[Act]:
        return acts_of(self.account, [DAY + timedelta(days=n) for n in range(3)], self.town.places)

    def get(self, name: str, status: int = 200, query: str = "", **named: Any) -> str:
        answered = self.client.get(reverse(name, kwargs=named) + query, headers={"Accept-Language": "en"})
        assert answered.status_code == status, answered.content[:500]
        return text_of(answered.content.decode())


def text_of(page: str) -> str:
    """What a page says, without its tags; one blank between words."""
    words = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))).replace("\xa0", " ")
    return re.sub(r" ([.,:])", r"\1", words)


@pytest.fixture()
def town(db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    monkeypatch.setattr(views, "utc_now", lambda: NOW)
    yield Town(fresh_home, library(), load_jurisdiction("demo"), buckets=2)


@pytest.fixture()
def people(town: Town) -> tuple[Person, Person]:
    """Ming, whose trips were counted, and Hua, who has one of their own."""
    accounts = town.settle("ab")
    town.take(
        metro("m0", "a", 0, hour=6),
        metro("m1", "a", 10_000, hour=8),
        act("bike_trip", "b1", "a", hour=8, distance_m=1_000),
        metro("m2", "b", 5_000, hour=9),
    )
    town.close()
    return Person(town, accounts["a"], "ming@example.org"), Person(town, accounts["b"], "hua@example.org")


@pytest.mark.usefixtures("as_the_application")
def test_home_says_what_was_avoided_and_what_became_of_it(people: tuple[Person, Person]) -> None:
    ming, _ = people

    page = ming.get("resident:home")

    # The metro trip starts with the bicycle trip and comes after it in the order of kinds: 48.7 mg for each metre.
    assert "This year 48.7 g" in page
    assert "The last day that was counted for you is 2 March 2026, with 48.7 g." in page
    assert "Pending 48.7 g" in page
    assert "Certified 0 g" in page
    assert "Points 0 Counted apart from reductions, always." in page
    assert "Bicycle trip" in page


def test_what_is_new_is_told_at_the_next_visit_and_not_at_the_first(people: tuple[Person, Person]) -> None:
    ming, _ = people
    assert "New since" not in ming.get("resident:home")
    Visit.objects.update(seen_at=TAKEN_AT - timedelta(days=1))

    page = ming.get("resident:home")

    assert "New since 9 Mar 2026 48.7 g were credited, from 1 day." in page
    assert "New since" in ming.get("resident:home"), "the same visit goes on"


def test_the_chart_is_an_image_without_anything_that_a_policy_forbids(people: tuple[Person, Person]) -> None:
    ming, _ = people

    for theme in ("light", "dark"):
        answered = ming.client.get(reverse("resident:chart", kwargs={"theme": theme}))
        assert (answered.status_code, answered["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
        drawn = answered.content.decode()
        assert "<script" not in drawn
        assert "http://" not in drawn.replace("http://www.w3.org/", "")
    assert ming.client.get(reverse("resident:chart", kwargs={"theme": "loud"})).status_code == 404


@pytest.mark.usefixtures("as_the_application")
def test_activities_list_every_end_with_its_reason(people: tuple[Person, Person]) -> None:
    ming, hua = people

    page = ming.get("resident:activities")

    assert "2 March 2026 Monday 48.7 g" in page
    assert "Overlaps another act" in page
    assert "The trip has an entry and an exit and a distance above zero." in page
    assert "233.5 g" not in page
    assert "233.5 g" in hua.get("resident:activities")


def test_activities_are_filtered_by_month_kind_and_outcome(people: tuple[Person, Person]) -> None:
    ming, _ = people

    def listed(query: str) -> list[str]:
        answered = ming.client.get(reverse("resident:activities") + query)
        assert answered.status_code == 200
        return [one.act.kind for day in answered.context["days"] for one in day.acts]

    assert listed("?kind=bike_trip") == ["bike_trip"]
    assert listed("?outcome=overlapping") == ["metro_trip"]
    assert listed("?month=2026-03") == ["bike_trip", "metro_trip", "metro_trip"]
    assert listed("?month=2026-03&kind=ev_charge") == []
    assert len(listed("?month=never&kind=no&outcome=none&before=yesterday")) == 3
    assert listed("?before=2026-03-02") == []


@pytest.mark.usefixtures("as_the_application")
def test_a_trace_shows_every_number_behind_an_act(people: tuple[Person, Person]) -> None:
    _, hua = people
    (one,) = hua.acts()
    (grant,) = grants_of(hua.account)

    page = hua.get("resident:activity", record=one.record_id)

    for said in (
        "Metro trip",
        "233.5 g",
        "Counted",
        "published",
        "Distance ridden from entry to exit 5,000 m",
        "= 5000 m × 46.7 gCO2e/(person*km) = 233.5 gCO2e",
        "46.7 gCO2e/(person*km)",
        "https://www.citysz.net/guonei/2022/0923/2022107136.html",
        "to be reviewed by 30 June 2027",
        f"No. {grant.pk}, since 1 March 2026",
        "run 1, as of 10 March 2026, 20:00",
        "none yet: pending",
    ):
        assert said in page, said


def test_somebody_elses_act_is_not_there_on_any_page(people: tuple[Person, Person]) -> None:
    ming, hua = people
    (theirs,) = hua.acts()

    for name in ("resident:activity", "resident:appeal"):
        ming.get(name, status=404, record=theirs.record_id)
        ming.get(name, status=404, record=10**30)
    answered = ming.client.post(
        reverse("resident:appeal", kwargs={"record": theirs.record_id}), {"words": "mine, I say"}
    )

    assert answered.status_code == 404
    assert appeals_of(hua.account) == appeals_of(ming.account) == []


@pytest.mark.usefixtures("as_the_application")
def test_an_appeal_is_filed_seen_and_answered(people: tuple[Person, Person]) -> None:
    ming, hua = people
    lost = next(one for one in ming.acts() if one.rival_id)
    address = reverse("resident:appeal", kwargs={"record": lost.record_id})

    answered = ming.client.post(address, {"words": "I took both."}, follow=True)
    again = ming.client.post(address, {"words": "I said so."}, headers={"Accept-Language": "en"})

    page = text_of(answered.content.decode())
    assert "I took both." in page
    assert again.status_code == 409
    assert "I said so." in again.content.decode(), "what was typed stays"
    assert AuditEntry.objects.get(verb="appeal").who == ming.user
    (waiting,) = appeals_of(ming.account)
    answer(waiting.id, uphold=False, reason="They were at the same time.", by=hua.user, at=utc_now())
    page = ming.get("resident:activity", record=lost.record_id)
    assert "rejected" in page
    assert "They were at the same time." in page
    assert "They were at the same time." in ming.get("resident:appeals")
    assert "They were at the same time." not in hua.get("resident:appeals")


@pytest.mark.usefixtures("as_the_application")
def test_the_copy_to_read_has_every_act_and_appeal_and_names_providers(people: tuple[Person, Person]) -> None:
    ming, hua = people
    organise(Organisation.PROVIDER, "town", name_zh="小城地铁", name_en="The town's metro", at=TAKEN_AT)
    lost = next(one for one in ming.acts() if one.rival_id)
    ming.client.post(reverse("resident:appeal", kwargs={"record": lost.record_id}), {"words": "I took both."})
    (waiting,) = appeals_of(ming.account)
    answer(waiting.id, uphold=True, reason="So you did.", by=hua.user, at=utc_now())

    page = ming.get("resident:readable")

    assert "2 Mar 2026 Metro trip The town's metro Overlaps another act" in page
    assert "48.7 g" in page
    assert "233.5 g" not in page
    assert "I took both." in page
    assert "upheld So you did." in page
    assert "The town's metro · 2026-03-01" in page


def test_an_appeal_without_words_is_asked_for_again(people: tuple[Person, Person]) -> None:
    ming, _ = people
    lost = next(one for one in ming.acts() if one.rival_id)

    answered = ming.client.post(reverse("resident:appeal", kwargs={"record": lost.record_id}), {"words": " "})

    assert answered.status_code == 422
    assert appeals_of(ming.account) == []


@pytest.mark.usefixtures("as_the_application")
def test_the_statement_is_the_same_file_for_the_same_moment(people: tuple[Person, Person]) -> None:
    ming, hua = people
    assert "Pending: 48.7 g" in ming.get("resident:certificates")

    def drawn(person: Person, language: str, at: str) -> bytes:
        address = reverse("resident:statement_pdf", kwargs={"language": language})
        answered = person.client.get(address, {"at": at})
        assert (answered.status_code, answered["Content-Type"]) == (200, "application/pdf")
        assert f"tanpuhui-{person.account}-" in answered["Content-Disposition"]
        return answered.content

    at = "2026-03-11T08:00:00+08:00"
    assert drawn(ming, "zh", at) == drawn(ming, "zh", at)
    assert drawn(ming, "en", at) != drawn(ming, "zh", at)
    assert drawn(ming, "en", at) != drawn(hua, "en", at)
    assert drawn(ming, "en", at) != drawn(ming, "en", "2026-03-01T08:00:00+08:00")
    assert drawn(ming, "en", "no moment").startswith(b"%PDF")
    assert ming.client.get(reverse("resident:statement_pdf", kwargs={"language": "fr"})).status_code == 404


@pytest.mark.usefixtures("as_the_application")
def test_a_token_is_shown_once_and_revoked_by_its_own_user_alone(people: tuple[Person, Person]) -> None:
    ming, hua = people
    given = {"label": "my app", "may": ["balance", "acts"], "days": "30"}

    made = ming.client.post(reverse("resident:tokens"), given)

    text = re.search(r'value="(tph_[A-Za-z0-9_-]{43})"', made.content.decode())
    assert text is not None
    assert made["Cache-Control"] == "no-store, private"
    (row,) = ApiToken.objects.all()
    assert (row.user, row.scope, row.label) == (ming.user, "resident:balance,acts", "my app")
    assert text[1] not in ming.get("resident:tokens")
    assert "my app" not in hua.get("resident:tokens")
    address = reverse("resident:revoke_token", kwargs={"token": row.pk})
    assert hua.client.post(address).status_code == 404
    row.refresh_from_db()
    assert row.revoked_at is None
    assert ming.client.post(address).status_code == 302
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert [entry.verb for entry in AuditEntry.objects.order_by("id")] == ["issue_token", "revoke_token"]


@pytest.mark.parametrize(
    "given",
    [
        {"label": "x", "may": [], "days": "30"},
        {"label": "x", "may": ["everything"], "days": "30"},
        {"label": "x", "may": ["balance"], "days": "9999"},
        {"label": "", "may": ["balance"], "days": "30"},
    ],
)
def test_a_token_that_says_too_little_or_too_much_is_not_made(
    people: tuple[Person, Person], given: dict[str, Any]
) -> None:
    ming, _ = people

    assert ming.client.post(reverse("resident:tokens"), given).status_code == 422

    assert not ApiToken.objects.exists()


def test_pages_take_a_fixed_number_of_queries(people: tuple[Person, Person], town: Town) -> None:
    ming, _ = people
    town.take(
        *(metro(f"x{hour}", "a", 1_000, day=DAY + timedelta(days=1), hour=hour) for hour in range(4, 22, 2))
    )
    town.close(DAY + timedelta(days=1))
    most = {"resident:home": 14, "resident:activities": 12, "resident:certificates": 10}
    for name in most:
        ming.get(name)

    for name, limit in most.items():
        with CaptureQueriesContext(connection) as queries:
            ming.get(name)
        assert len(queries) <= limit, [query["sql"][:120] for query in queries]


def test_a_formula_is_drawn_once_and_kept_by_everybody(client: Client, town: Town) -> None:
    from tanpuhui.close.methodology_then import find_methodology
    from tanpuhui.web.shared.formula import short

    methodology = find_methodology("shenzhen/metro@1")
    assert methodology is not None
    named = {
        "key": "shenzhen/metro@1",
        "step": "avoided",
        "language": "zh",
        "digest": short(methodology.digest),
    }

    first = client.get(reverse("formula", kwargs=named))
    again = client.get(reverse("formula", kwargs=named))

    assert (first.status_code, first["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert "immutable" in first["Cache-Control"]
    assert first.content == again.content
    for wrong in (
        {"step": "no"},
        {"language": "fr"},
        {"digest": "0000"},
        {"key": "shenzhen/metro@9"},
        {"key": "../x@1"},
    ):
        assert client.get(reverse("formula", kwargs=named | wrong)).status_code == 404


def test_no_page_has_a_style_or_script_of_its_own(people: tuple[Person, Person]) -> None:
    ming, _ = people
    lost = next(one for one in ming.acts() if one.rival_id)

    for name, named in (
        ("resident:home", {}),
        ("resident:activities", {}),
        ("resident:activity", {"record": lost.record_id}),
        ("resident:appeal", {"record": lost.record_id}),
        ("resident:certificates", {}),
        ("resident:tokens", {}),
    ):
        page = ming.client.get(reverse(name, kwargs=named)).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
