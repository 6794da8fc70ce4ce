"""Public pages: what anybody finds, under addresses that stay, and nothing about anybody."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tanpuhui.kit.home import content
from tanpuhui.methodology.load import folders
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.models import LeftOut, StatisticsRelease
from tanpuhui.registry.statistics import publish_exact
from tanpuhui.web.public import lots
from tanpuhui.web.public.glossary import words
from tanpuhui.web.public.open_data import TABLES
from tanpuhui.web.public.text import in_language, rendered
from web.town import APRIL, TONNES, Closed

pytestmark = pytest.mark.django_db
EN, ZH = {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_ACCEPT_LANGUAGE": "zh-CN"}


def text(client: Client, address: str, **more: Any) -> str:
    answer = client.get(address, **{**EN, **more})
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def plain(html: str) -> str:
    """What is read: without tags and doubled spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_page_shows_the_installation_and_works_a_gram_out(client: Client, closed: Closed) -> None:
    page = plain(text(client, "/"))

    assert "Avoided and credited 5.04 t ± " in page
    assert "in March 2026, for everybody together" in page
    assert "Residents who took part 12 ± 2 in March 2026" in page
    assert "5 t 1 lot with serial numbers" in page
    assert "10000 m × 46.7 gCO2e/(person*km)" in page
    assert "467 g" in page


def test_what_persons_did_is_on_the_first_page_only_as_a_month_was_published(
    client: Client, db: None
) -> None:
    caches["worker"].clear()
    page = text(client, "/")

    assert "Avoided and credited" not in page
    assert "Residents who took part" not in page


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            EN,
            (
                "No number here is exact.",
                "Credited 5.04 t ± ",
                "Residents who took part 12 ± 2",
                "Solar power from the roof Energy 12 12 5.04 t",
                "with 3 kinds of act at most, with 100 acts and with 420 kg",
                "ε = 20.5",
                "left out: with noise, below 5 residents",
            ),
        ),
        (
            ZH,
            (
                "以下数字均非精确值。",
                "入账 5.04 ",
                "参与居民 12 ± 2",
                "12 12 5.04 ",
                "每位居民最多计 3 类行为、100 次和 420 千克",
                "ε = 20.5",
                "加噪后不足 5 人，不予公布",
            ),
        ),
    ],
)
def test_statistics_say_how_far_off_they_are_in_both_languages_and_how_persons_are_protected(
    client: Client, closed: Closed, language: dict[str, str], said: tuple[str, ...]
) -> None:
    html = text(client, "/statistics/", **language)
    page = plain(html)

    assert [one for one in said if one not in page] == []
    pictures = re.findall(r'(?:src|srcset)="(/statistics/[^"]+\.svg)\?v"', html)
    assert len(pictures) == 2
    for address in pictures:
        answer = client.get(address)
        assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
        assert "5,040 ± ".encode() in answer.content
        assert client.get(address, HTTP_IF_NONE_MATCH=answer.headers["ETag"]).status_code == 304


def test_a_city_without_noise_shows_its_exact_months_and_no_error_bars(
    client: Client, closed: Closed
) -> None:
    with transaction.atomic():
        exact = publish_exact(
            "2026-02",
            at=closed.release.published_at,
            places=closed.town.places,
            jurisdiction=replace(closed.town.jurisdiction, private=None, least_persons=3),
            library=closed.town.library,
        )

    page = plain(text(client, "/statistics/months/2026-02/"))

    assert "Fewer than 3 residents took part in this month" in page
    assert "None" not in page
    assert client.get(f"/statistics/{exact.pk}/").status_code == 404, "releases have months, and no numbers"
    newest = plain(text(client, "/statistics/"))
    assert re.search(r"March 2026 12 ± \d+ 12 ± 2 5.04 t ± ", newest)
    assert "February 2026 too few residents, left out" in newest
    assert b"5,040" in client.get("/statistics/months/2026-03/months.en.wide.svg").content
    assert client.get("/statistics/months/2026-02/kinds.en.wide.svg").status_code == 404


@pytest.mark.django_db
def test_months_of_which_all_is_left_out_have_no_picture_and_kinds_without_persons_a_dash(
    client: Client,
) -> None:
    def add(month: str, **told: Any) -> None:
        body = {"month": month, "least_persons": 10, "totals": None, "kinds": [], "other": []} | told
        StatisticsRelease.objects.create(month=month, digest="d", body=body, published_at=APRIL)

    def pictures(page: str) -> list[str]:
        return re.findall(r'src="[^"]*/(kinds|months)[^"]*\.svg[^>]* height="(\d+)"', page)

    add("2026-01")
    add("2026-02")
    assert pictures(text(client, "/statistics/")) == []
    rows_of = [
        {"kind": kind, "sector": "transport", "acts": 20, "credited_mg": 10**9}
        for kind in ("bike_trip", "metro_trip")
    ]
    add(
        "2026-03",
        totals={"acts": 40, "persons": 11, "credited_mg": 2 * 10**9},
        kinds=[one | {"persons": None} for one in rows_of],
    )

    html = text(client, "/statistics/")

    # 34 for each bar and 50 around: two kinds, and the one month of three that has numbers.
    assert pictures(html) == [("kinds", "118"), ("months", "84")]
    assert "fewer than 10 could be told apart" in plain(html)
    assert "20 – 1 t" in plain(html)
    assert "None" not in plain(html)
    assert [row["persons"] for row in rows(client, "statistics")][:3] == ["11", "", ""]


def test_a_month_stays_under_its_address(client: Client, closed: Closed) -> None:
    assert "5.04 t" in plain(text(client, "/statistics/months/2026-03/"))
    assert client.get("/statistics/months/2026-04/").status_code == 404
    assert client.get("/statistics/999/").status_code == 404
    for wrong in ("x.en.wide", "kinds.xx.wide", "kinds.en.huge"):
        assert client.get(f"/statistics/months/2026-03/{wrong}.svg").status_code == 404


def test_before_a_month_is_over_the_page_says_that_nothing_is_published(client: Client, db: None) -> None:
    assert "No statistics were published yet." in text(client, "/statistics/")


def test_every_methodology_has_a_page_in_both_languages_with_all_its_numbers(
    client: Client, db: None
) -> None:
    for folder in folders():
        place, name, version = folder.parts[-3:]
        for language in (EN, ZH):
            html = text(client, f"/methodologies/{place}/{name}/{version}/", **language)
            assert html.count('class="card factor"') == (folder / "methodology.toml").read_text().count(
                "[[parameters.values]]"
            )
            assert "sha256:" in html


def test_the_text_of_a_methodology_is_in_the_readers_language(client: Client, db: None) -> None:
    english = text(client, "/methodologies/shenzhen/metro/v1/")
    chinese = text(client, "/methodologies/shenzhen/metro/v1/", **ZH)

    assert "Worked by hand" not in english
    assert "<h3>3 Double counting</h3>" in english
    assert "<h3>3 避免重复申报</h3>" not in english
    assert "<h3>3 避免重复申报</h3>" in chinese


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("distance_m=10000&day=2026-03-02", 200, "467 g"),
        ("distance_m=0&day=2026-03-02", 200, "Clause A1 excludes this act"),
        ("distance_m=200001&day=2026-03-02", 422, "200000"),
        ("distance_m=ten&day=2026-03-02", 422, 'value="ten"'),
        ("distance_m=10000&day=2020-01-01", 422, "The methodology is not in force on this day."),
        ("day=2026-03-02", 422, "Please look at this again"),
        ("distance_m=%00&day=2026-03-02", 400, "This request could not be read"),
        ("unknown=1", 200, "Work it out"),
    ],
)
def test_somebody_works_out_an_act_of_their_own_and_keeps_what_they_typed(
    client: Client, db: None, asked: str, status: int, said: str
) -> None:
    answer = client.get(f"/methodologies/shenzhen/metro/v1/?{asked}", **EN)
    html = answer.content.decode()

    assert answer.status_code == status
    assert said in plain(html) or said in html


def test_a_superseded_version_keeps_its_page_and_says_what_took_its_place(
    client: Client, db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "methodologies"
    copytree(content("methodologies") / "shenzhen" / "metro", library / "shenzhen" / "metro")
    copytree(library / "shenzhen/metro/v1", library / "shenzhen/metro/v2")
    second = library / "shenzhen/metro/v2/methodology.toml"
    second.write_text(second.read_text().replace("version = 1", "version = 2").replace("46.7", "50"))
    examples = library / "shenzhen/metro/v2/examples.toml"
    examples.write_text(examples.read_text().split("[[examples]]")[0] + EXAMPLE)
    monkeypatch.setattr("tanpuhui.kit.home.content", lambda folder: tmp_path / folder)

    first = plain(text(client, "/methodologies/shenzhen/metro/v1/"))
    newest = client.get("/methodologies/shenzhen/metro/")

    assert "Superseded by version 2" in first
    assert newest.headers["Location"] == "/methodologies/shenzhen/metro/v2/"
    assert "Superseded" not in plain(text(client, "/methodologies/shenzhen/metro/v2/"))


EXAMPLE = """[[examples]]
name = "one kilometre"
source = "1 km x 50 g/km = 50 g"
status = "hand"
on = 2026-05-04
activity = { distance_m = 1000 }
expected_mg = 50000
"""


def test_formulas_are_pictures_with_the_same_in_words_and_nothing_else_is_drawn(
    client: Client, db: None
) -> None:
    html = text(client, "/methodologies/shenzhen/metro/v1/")

    [picture] = re.findall(r'src="(/formula/[^"]+)"', html)
    assert "avoided = distance_m × reduction_factor" in html
    assert client.get(picture).content.startswith(b"<svg")
    for nothing in ("files/SEAL", "files/..%2FREADME.md"):
        assert client.get(f"/methodologies/shenzhen/metro/v1/{nothing}").status_code == 404
    for nothing in ("shenzhen/none/v1/", "shenzhen/metro/v9/", "none/metro/"):
        assert client.get(f"/methodologies/{nothing}").status_code == 404


def test_what_a_text_holds_is_text_and_leads_only_to_pages() -> None:
    html = rendered(
        '<script>x</script> [a](javascript:x) [b](https://e.org "t") ![c](//e.org/c.png) <b onload=x>'
    )

    assert "<script" not in html
    assert "<b " not in html
    assert "javascript:" not in re.findall(r'href="([^"]*)"', html)
    assert "<img" not in html
    assert 'href="https://e.org"' in html
    assert in_language("# T\n\n## 中文\n\n甲\n\n## English\n\nB\n", "en").strip() == "B"
    assert in_language("# T\n\nwhole\n", "en").strip() == "whole"


def test_a_citizen_finds_a_lot_by_any_of_its_numbers(client: Client, closed: Closed) -> None:
    answer = client.get("/lots/look-up/?serial=3", **EN)
    tonne = plain(text(client, answer.headers["Location"]))
    page = plain(text(client, "/lots/DEMO-000001/?serial=3"))

    assert "Where it is now with residents, a pool or the buffer" in tonne
    assert answer.headers["Location"] == "/serials/DEMO-SHANGHAI.ROOFTOP-PV.1-2026-000000003-000000003/"
    assert "Tonne 3 is in this lot." in page
    assert f"With residents {TONNES} t 100 %" in page
    assert "In the buffer 0 t 0 %" in page
    assert closed.lot.manifests[0] in page
    missing = client.get("/lots/look-up/?serial=99", **EN)
    assert (missing.status_code, 'value="99"' in missing.content.decode()) == (404, True)
    assert client.get("/lots/look-up/?serial=x", **EN).status_code == 422
    assert client.get("/lots/DEMO-000009/").status_code == 404


def test_a_lot_tells_exact_numbers_of_persons_only_where_statistics_are_exact_and_of_few_that_they_are_few(
    client: Client, closed: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for market, accounts in (("ets", 9), ("ccer", 12)):
        LeftOut.objects.create(
            lot=closed.lot,
            market=market,
            clause="art. 3",
            source="notice 8",
            accounts=accounts,
            amount_mg=77_777,
        )

    def seen() -> tuple[str, str, Any]:
        caches["worker"].clear()
        column = pq.read_table(io.BytesIO(client.get("/open-data/lots.parquet").content))["residents"]
        return (
            plain(text(client, "/lots/DEMO-000001/")),
            rows(client, "lots")[0]["residents"],
            column[0].as_py(),
        )

    page, as_csv, as_parquet = seen()
    assert "Residents with a share" not in page
    assert "CCER art. 3 notice 8" in page, "why, and not how many"
    assert (as_csv, as_parquet) == ("", None)

    exact = replace(closed.town.jurisdiction, private=None)
    monkeypatch.setattr(lots, "load_jurisdiction", lambda code: exact)
    page, as_csv, as_parquet = seen()
    assert "Residents with a share 12" in page
    assert "emissions trading fewer than 10 art. 3 notice 8" in page
    assert "CCER 12 art. 3 notice 8" in page
    assert not re.search(r"77[.,  ]?777", page.partition("What it left out")[2])
    assert (as_csv, as_parquet) == ("12", 12)

    exact = replace(exact, least_persons=13)
    page, as_csv, as_parquet = seen()
    assert "Residents with a share fewer than 13" in page
    assert (as_csv, as_parquet) == ("", None)


def test_what_one_resident_moves_is_not_read_as_a_difference_of_two_looks(
    client: Client, closed: Closed
) -> None:
    """Of five tonnes 123,456 mg are clawed back from one account, then 23,456,789 mg from another."""

    def seen() -> tuple[str, dict[str, str]]:
        caches["worker"].clear()
        page = plain(text(client, "/lots/DEMO-000001/"))
        return page.partition("What happened to it so far")[2], rows(client, "lots")[0]

    def take(person: str, amount_mg: int) -> None:
        account, lot = closed.accounts[person], closed.lot.code
        claw_back(
            ClawBackOrder(person, account, lot, amount_mg, closed.lot.through), at=closed.lot.certified_at
        )

    take("a", 123_456)
    page, row = seen()
    assert "With residents 4 t 80 %" in page
    assert "Clawed back from an account" not in page, "less than a tonne"
    assert "Sum, which is what was issued 5 t" in page
    assert (row["with_residents_mg"], row["cancelled_mg"]) == ("4000000000", "0")

    take("b", 23_456_789)
    assert seen() == (page, row)


def rows(client: Client, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"/open-data/{name}.csv").content.decode())))


@pytest.mark.parametrize("name", list(TABLES))
def test_open_data_is_the_same_in_both_forms_and_as_its_dictionary_says(
    client: Client, closed: Closed, name: str
) -> None:
    as_text = rows(client, name)
    table = pq.read_table(io.BytesIO(client.get(f"/open-data/{name}.parquet").content))
    package = json.loads(client.get("/open-data/datapackage.json").content)
    said = next(one for one in package["resources"] if one["name"] == name)

    assert len(as_text) == table.num_rows > 0
    assert list(as_text[0]) == table.column_names == [field["name"] for field in said["schema"]["fields"]]
    assert (
        {row["digest"] for row in as_text} == set(table["digest"].to_pylist())
        if "digest" in as_text[0]
        else True
    )


def test_open_data_of_the_town_is_what_was_certified_and_credited(client: Client, closed: Closed) -> None:
    lot, whole = rows(client, "lots")[0], rows(client, "statistics")[0]

    assert (lot["lot"], lot["tonnes"], lot["with_residents_mg"]) == ("DEMO-000001", "5", "5000000000")
    assert (whole["kind"], whole["month"], whole["acts"], whole["persons"]) == ("all", "2026-03", "12", "12")
    assert (whole["credited_mg"], whole["persons_error"], whole["digest"]) == (
        "5040000000",
        "2",
        closed.release.digest,
    )
    assert int(whole["credited_error_mg"]) > 0


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_has_not_changed_is_not_sent_again(client: Client, closed: Closed, form: str) -> None:
    first = client.get(f"/open-data/lots.{form}")

    marks = {"HTTP_IF_NONE_MATCH": first.headers["ETag"]}
    dates = {"HTTP_IF_MODIFIED_SINCE": first.headers["Last-Modified"]}

    assert "creativecommons.org" in first.headers["Link"]
    assert client.get(f"/open-data/lots.{form}", **marks).status_code == 304
    assert client.get(f"/open-data/lots.{form}", **dates).status_code == 304
    assert client.get(f"/open-data/lots.{form}", HTTP_IF_NONE_MATCH='"other"').status_code == 200
    assert client.get("/open-data/secrets.csv").status_code == 404
    assert client.get("/open-data/lots.xlsx").status_code == 404


def test_the_glossary_says_every_word_in_both_languages(client: Client, db: None) -> None:
    english, chinese = text(client, "/glossary/"), text(client, "/glossary/", **ZH)

    assert len(words()) >= 40
    assert [word.en for word in words() if not word.meaning_zh] == [], "say these in docs/glossary.zh.md"
    assert "whole tonnes" not in chinese
    assert "reductions certified together" in english
    assert "一并核证" in chinese


def test_robots_find_public_pages_and_nobodys_own(client: Client, closed: Closed) -> None:
    robots, sitemap = text(client, "/robots.txt"), text(client, "/sitemap.xml")

    assert "Disallow: /resident/" in robots
    assert "Sitemap: http://testserver/sitemap.xml" in robots
    addresses = re.findall("<loc>http://testserver([^<]*)</loc>", sitemap)
    assert "/lots/DEMO-000001/" in addresses
    assert "/methodologies/shenzhen/metro/v1/" in addresses
    assert all(client.get(address).status_code == 200 for address in addresses)


def test_whom_to_tell_of_a_weakness_is_there_when_somebody_was_named(client: Client, settings: Any) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404

    settings.SECURITY_CONTACT = "mailto:security@city.example"
    page = text(client, "/.well-known/security.txt")

    assert "Contact: mailto:security@city.example\n" in page
    assert re.search(r"^Expires: \d{4}-\d\d-\d\dT00:00:00Z$", page, re.MULTILINE)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/statistics/",
        "/methodologies/",
        "/methodologies/shenzhen/metro/v1/",
        "/lots/",
        "/lots/DEMO-000001/",
    ],
)
def test_a_public_page_asks_the_database_a_few_times_and_is_small(
    client: Client, closed: Closed, address: str
) -> None:
    client.get(address)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = client.get(address)

    assert len(asked) <= 6
    assert len(page.content) < 60_000


def test_public_pages_are_read_with_the_servers_rights(
    client: Client, closed: Closed, as_the_application: None
) -> None:
    for address in ("/", "/statistics/", "/lots/", "/lots/DEMO-000001/", "/open-data/lots.csv"):
        caches["worker"].clear()
        assert client.get(address).status_code == 200


def test_rules_of_the_past_in_force_and_to_come_are_shown_and_compared(client: Client) -> None:
    page = plain(text(client, "/rules/guangdong/"))
    changed = plain(text(client, "/rules/shanghai/changes/?first=2025-03-31&second=2025-11-01"))

    assert (
        "How much a company may offset in force 1 January 2021 – Share 10 % of what verified emissions"
        in page
    )
    assert (
        "What all companies together may offset over 1 January 2021 – 31 December 2021 Tonnes 1000000" in page
    )
    assert "File by, in the following year 06-10" in page
    assert changed.count("begins") == 6
    assert "What reductions may be used for begins" in changed
    same = plain(text(client, "/rules/shanghai/changes/?first=2025-11-01&second=2025-11-02"))
    assert "Nothing changes between these days." in same
    assert client.get("/rules/shanghai/changes/?first=x&second=2025-11-02").status_code == 422
    assert client.get("/rules/atlantis/changes/").status_code == 404
