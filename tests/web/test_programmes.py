"""A verifier's pages of saving programmes: plan, bound, shares by number, the draw, and all of it worked out again."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import caches
from django.db import transaction
from django.test import Client
from django.utils.html import strip_tags

from programme.village import CODE, HOMES, SETTLED_AT, SHANGHAI, USED_WH, Village
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, Organisation
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.methodology.load import load_library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.models import Window
from tanpuhui.programme.month import months_between
from tanpuhui.programme.unseal import unseal
from tanpuhui.programme.window import declare as declare_window
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.certify import Order, certify
from tanpuhui.verification.declare import declaration_text, declare
from tanpuhui.verification.key import DECLARATION, sign
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.models import Engagement, Finding
from web.site import client_of, make_site
from web.town import AT

pytestmark = pytest.mark.django_db
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
HOME = "/verifier/own-verifier/programmes/"
PAGE = f"{HOME}{CODE}/"
SAVED_WH = 600_000


@pytest.fixture()
def client(settings: Any) -> Client:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False
    caches["default"].clear()
    return client_of(make_site()["verifier"])


@pytest.fixture()
def village(db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Village:
    """28 of 40 homes save 3 x 600 kWh without noise, ten of them joined; one of these used as much more."""
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    village = Village(fresh_home, load_library(), load_jurisdiction("demo"))
    village.open()
    village.join(10)
    used = dict.fromkeys(village.asked, USED_WH - SAVED_WH)
    village.settle(village.readings(used | {village.asked[0]: USED_WH + SAVED_WH}))
    return village


def text(client: Client, address: str) -> str:
    answer = client.get(address, **EN)
    assert answer.status_code == 200, answer.content.decode()
    body = answer.content.decode().replace("\u00a0", " ").replace("&nbsp;", " ").replace("<", " <")
    return " ".join(strip_tags(body).split())


def number_of(village: Village, home: str) -> int:
    return next(subject_ids(latest(CODE), [home]))[home][0]


def test_a_sealed_programme_shows_its_plan_and_bound_and_nobody_held_out(
    client: Client, village: Village
) -> None:
    listed, page = text(client, HOME), text(client, PAGE)

    assert "The village saves" in listed and "hold-out sealed" in listed
    assert "40 homes, 12 held out" in listed
    # 27 homes save 1.8 MWh and one loses 1.8: S = 46.8 MWh, rounded down.
    assert re.search(r"Estimated saving (46,800|46,799\.999) kWh", page)
    assert "28 with 12 held out" in page
    assert "Seed of the draw" not in page and "Work it out again now" not in page
    assert json.loads(client.get(f"{PAGE[:-1]}.json").content)["hold_out"] is None
    assert client.post(f"{PAGE}verify/", **EN).status_code == 422
    assert not AuditEntry.objects.filter(verb="programme_verified").exists()


def test_what_was_declared_and_how_a_missing_home_counted_are_shown(client: Client, village: Village) -> None:
    """June, of a window of its own: two homes are missing after, and another used more than the limit."""
    june = date(2025, 6, 1)
    year = list(months_between(date(2024, 3, 1), date(2025, 2, 1)))
    window = Window(
        programme=get_programme(CODE),
        rung="L3",
        comparison="stratified",
        limit_percent=110,
        limit_wh=0,
        baseline_from=year[0],
        starts_on=june,
    )
    frozen = village.write((home, month, USED_WH) for home in HOMES for month in year)
    declare_window(window, at=datetime(2025, 5, 20, tzinfo=SHANGHAI), baseline=frozen, places=village.places)
    used = dict.fromkeys(HOMES, USED_WH) | {village.asked[3]: 2 * USED_WH}
    rows = [(home, june, energy_wh) for home, energy_wh in used.items()]
    gone = (village.held[-1], village.asked[5])
    path = village.write(row for row in rows if row[0] not in gone)
    village.settle(path, first=june, last=june, at=datetime(2025, 7, 2, tzinfo=SHANGHAI))

    page = text(client, PAGE)

    assert "homes held out of the same stratum" in page and "110 % of its own baseline" in page
    assert "Of them with a frozen baseline 2" in page
    assert "Homes seen above the declared limit 1 · so it is not used" in page
    assert "no limit declared" in page


def test_an_open_one_is_worked_out_again_and_the_verdict_is_kept(client: Client, village: Village) -> None:
    unseal(CODE, at=SETTLED_AT)

    answer = client.post(f"{PAGE}verify/", **EN)

    assert answer.headers["Location"] == PAGE
    page = text(client, PAGE)
    assert "it stands. The digest is the published one, the draw of 12 homes is the same again" in page
    facts = AuditEntry.objects.get(verb="programme_verified").facts
    assert (facts["stands"], facts["held_out"], facts["periods"]) == (True, 12, 1)
    body = json.loads(client.get(f"{PAGE[:-1]}.json").content)
    assert set(body["hold_out"]["held"]) == {str(number_of(village, home)) for home in village.held}
    assert body["hold_out"]["seed"] in page


def test_a_home_held_out_that_joined_is_found(client: Client, village: Village) -> None:
    from tanpuhui.evidence.link import link_many

    unseal(CODE, at=SETTLED_AT)
    link_many(CODE, [(village.held[0], max(village.accounts.values()))], at=SETTLED_AT)

    client.post(f"{PAGE}verify/", **EN)

    page = text(client, PAGE)
    assert "it does not stand. Homes held out that joined: 1." in page


def test_shares_name_no_home_and_a_loss_is_carried(client: Client, village: Village) -> None:
    page = text(client, f"{PAGE}1/")

    loser = number_of(village, village.asked[0])
    assert "10 homes that joined" in page
    # It used 3 x 600 kWh more than the hold-out, has no share, and carries that on; rounded down.
    assert re.search(rf"{loser} 0 g −1,800(\.001)? kWh 0 kWh −1,800(\.001)? kWh", page)
    assert village.asked[0] not in page
    # A home and an account may happen to have the same number: the rows are the homes' and no others.
    rows = re.findall(r'<th scope="row"><code>(\d+)</code>', client.get(f"{PAGE}1/", **EN).content.decode())
    assert sorted(map(int, rows)) == sorted(number_of(village, home) for home in village.accounts)
    assert client.get(f"{PAGE}2/").status_code == client.get(f"{PAGE}0/").status_code == 404


def test_readings_that_were_altered_are_refused(client: Client, village: Village) -> None:
    unseal(CODE, at=SETTLED_AT)
    from tanpuhui.programme.models import Period

    path = village.places.frozen.checked(Period.objects.get().readings)
    path.chmod(0o644)
    path.write_bytes(b"other")

    answer = client.post(f"{PAGE}verify/", **EN)

    assert answer.status_code == 422
    assert not AuditEntry.objects.filter(verb="programme_verified").exists()


def test_the_lots_page_leads_to_the_programme_whose_shares_it_holds(client: Client, village: Village) -> None:
    village.close()
    unseal(CODE, at=SETTLED_AT)
    with transaction.atomic():
        certify(
            Order(
                methodology="national/household-programme",
                version=1,
                vintage=2025,
                through=SETTLED_AT.date().replace(month=5, day=31),
                operator="platform operator",
                verifier="Own",
                at=SETTLED_AT,
            ),
            places=village.places,
            jurisdiction=village.jurisdiction,
            library=village.library,
        )
    verifier = Organisation.objects.get(code="own-verifier")
    Organisation.objects.filter(pk=verifier.pk).update(name_en="Own")

    lot = client.get("/verifier/own-verifier/lots/DEMO-000001/", **EN).content.decode()

    assert f'href="{PAGE}"' in lot
    assert "DEMO-000001" in text(client, PAGE)


def test_an_auditor_reads_and_works_nothing_out(client: Client, village: Village) -> None:
    unseal(CODE, at=SETTLED_AT)
    mine = Membership.objects.get(organisation__code="own-verifier")
    Membership.objects.filter(pk=mine.pk).update(ended_at=AT)
    join(mine.user, mine.organisation, Membership.AUDITOR, at=AT)

    assert "Work it out again now" not in text(client, PAGE)
    assert client.post(f"{PAGE}verify/").status_code == 403


def test_findings_of_ones_own_engagements_are_listed_and_others_are_not(
    client: Client, village: Village
) -> None:
    for code, said in (("own-verifier", "Meters moved."), ("other-verifier", "Nobody else reads this.")):
        engagement = Engagement.objects.create(
            key=code,
            content_digest="sha256:0",
            verifier=Organisation.objects.get(code=code),
            operator="platform operator",
            opened_by="verifier",
            jurisdiction="demo",
            methodology="national/household-programme@1",
            vintage=2025,
            through=SETTLED_AT.date(),
            manifests=[],
            data_digest="sha256:0",
            materiality_ppm=50_000,
            materiality_source="the demonstration's own rule",
            opened_at=AT,
        )
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        register_key(engagement.verifier, public, at=AT)
        text_of = declaration_text(engagement, conflicts="None.")
        declare(engagement.pk, sign(text_of, DECLARATION, private), by=None, at=AT)
        Finding.objects.create(
            engagement=engagement,
            number=1,
            severity=Finding.MINOR,
            text=said,
            asked="Say where.",
            raised_at=AT,
        )

    page = text(client, PAGE)

    assert "Meters moved." in page
    assert "Nobody else reads this." not in page
