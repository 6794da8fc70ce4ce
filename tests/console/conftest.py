"""What the tests of the console share: an operator with two members and an auditor, and a small town behind them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from access.people import AT
from close.town import DAY, Town, act, metro
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.organise import organise
from tanpuhui.console.models import Job
from tanpuhui.console.work import drain
from tanpuhui.kit.files import write_bytes
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from web.site import client_of

ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
#: 5 MWh of 0.42 t are 2.1 t: two whole tonnes.
ROOF_WH = 5_000_000
SECOND = date(2026, 3, 3)


@dataclass
class Staff:
    """The operator's people, each with a browser of their own."""

    organisation: Organisation
    asker: Client
    decider: Client
    auditor: Client
    asking: User
    deciding: User
    auditing: User


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library()


@pytest.fixture(autouse=True)
def plain(settings: Any) -> None:
    """A second factor has a test of its own, and nothing is remembered from one test to the next."""
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["worker"].clear()


def member(organisation: Organisation, name: str, role: str) -> User:
    user = User.objects.create_user(f"{name}@operator.example", is_staff=True)
    join(user, organisation, role, at=AT)
    return user


@pytest.fixture()
def staff(db: None) -> Staff:
    return make_staff()


def make_staff() -> Staff:
    """Who asks, who decides and who only looks, in the city's centre."""
    centre = organise(Organisation.OPERATOR, "centre", name_zh="市碳普惠中心", name_en="City centre", at=AT)
    asking = member(centre, "an", Membership.ADMIN)
    deciding = member(centre, "bo", Membership.MEMBER)
    auditing = member(centre, "cai", Membership.AUDITOR)
    return Staff(
        centre, client_of(asking), client_of(deciding), client_of(auditing), asking, deciding, auditing
    )


@pytest.fixture()
def town(db: None, fresh_home: Path, library: Library) -> Town:
    """A town whose lake is the installation's."""
    town = Town(fresh_home, library, load_jurisdiction("demo"), buckets=1)
    write_bytes(town.places.lake / "layout.json", json.dumps({"buckets": 1}).encode())
    return town


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    """Two residents with a day of acts that is not closed, and a row that was refused."""
    people = town.settle("ab")
    town.take(
        act("rooftop_pv_output", "1", "a", day=DAY, energy_wh=ROOF_WH),
        metro("2", "b", 10_000),
        act("rooftop_pv_output", "3", "b", day=DAY, energy_wh=-1),
    )
    return people


Ask = Callable[..., Any]


def send(client: Client, address: str, **given: Any) -> Any:
    """Send a form; the answer is the page that follows, in English."""
    return client.post(f"/console/{address}", given, follow=True, **ENGLISH)


def look(client: Client, address: str = "") -> str:
    """A page's text, in English."""
    answer = client.get(f"/console/{address}", **ENGLISH)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return answer.content.decode()


def done(answer: Any) -> Job:
    """Do what waits; the one job that was asked for."""
    assert drain() == 1
    return Job.objects.latest("id")
