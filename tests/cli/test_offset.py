"""Offset, jurisdiction and registry commands: what they print as JSON, and how they refuse."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from registry.units_town import AT, given, new_lot
from tanpuhui.access.organise import organise
from tanpuhui.cli import main
from tanpuhui.kit.home import content
from tanpuhui.ledger.account import organisation

YEAR = ("--company", "acme", "--jurisdiction", "guangdong", "--year", "2022")


@pytest.fixture()
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on the tests' database; answers its exit status and what it printed as JSON."""
    monkeypatch.setattr(main, "start_database", lambda: None)

    def command(*given_words: object) -> tuple[int, Any]:
        status = main.status_of([*map(str, given_words), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return command


def test_a_cap_is_printed_with_its_rule(run: Any) -> None:
    status, said = run(
        "offset", "cap", "--jurisdiction", "guangdong", "--year", 2022, "--verified-emissions-t", 1_000_000
    )

    assert status == 0
    assert said["cap_mg"] == 100_000_000_000_000
    assert {"rule", "source", "status", "arithmetic"} <= set(said)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--jurisdiction", "guangdong", "--year", "2022"), "offsetting.amount_missing"),
        (
            ("--jurisdiction", "beijing", "--year", "2022", "--verified-emissions-t", "1"),
            "offsetting.amount_missing",
        ),
        (
            ("--jurisdiction", "guangdong", "--year", "2020", "--verified-emissions-t", "1"),
            "offsetting.no_rule",
        ),
        (
            ("--jurisdiction", "guangdong", "--year", "22", "--verified-emissions-t", "1"),
            "offsetting.bad_year",
        ),
        (("--jurisdiction", "guangdong", "--year", "2022", "--verified-emissions-t=-1"), "kit.bad_tonnes"),
        (
            ("--jurisdiction", "guangdong", "--year", "2022", "--verified-emissions-t", "0.0000000001"),
            "kit.bad_tonnes",
        ),
        (
            ("--jurisdiction", "atlantis", "--year", "2022", "--verified-emissions-t", "1"),
            "quantify.unknown_jurisdiction",
        ),
        (("--jurisdiction", "guangdong", "--year", "soon", "--verified-emissions-t", "1"), "cli.usage"),
    ],
)
def test_bad_input_is_refused(run: Any, words: tuple[str, ...], code: str) -> None:
    status, said = run("offset", "cap", *words)

    assert (status, said["refused"]["code"]) == (2, code)


@pytest.mark.django_db
def test_a_company_declares_reserves_surrenders_and_is_refused_the_milligram_above_its_cap(run: Any) -> None:
    company = organise("company", "acme", name_zh="甲", name_en="Acme", at=AT)
    lot = new_lot(120, jurisdiction="guangdong", status="official")
    given(organisation(company.pk), lot, 120)

    declared, report = run(
        "offset", "declare", *YEAR, "--verified-emissions-t", 1_000, "--source", "report 1"
    )
    assert (declared, report["cap"]["cap_mg"], report["left_mg"]) == (0, 10**11, 10**11)
    status, said = run("offset", "reserve", *YEAR, "--amount-t", "100.000000001")
    assert (status, said["refused"]["code"]) == (2, "offsetting.cap_exceeded")
    status, first = run("offset", "reserve", *YEAR, "--amount-t", 100, "--key", "k")
    assert (status, first["state"], first["ranges"][0]["tonnes"]) == (0, "reserved", 100)
    assert run("offset", "reserve", *YEAR, "--amount-t", 100, "--key", "k") == (0, first)
    status, used = run("offset", "surrender", first["reservation"])
    assert (status, used["state"]) == (0, "surrendered")
    assert run("offset", "surrender", first["reservation"]) == (0, used)
    status, said = run("offset", "release", first["reservation"])
    assert (status, said["refused"]["code"]) == (2, "offsetting.reservation_ended")
    status, shown = run("offset", "show", *YEAR)
    assert (shown["used_mg"], shown["left_mg"], shown["lots"][0]["tonnes"]) == (10**11, 0, 20)
    status, found = run("registry", "serial", "GD-PHCER-SHANGHAI.ROOFTOP-PV.1-2026-000000001-000000100")
    assert (status, found["state"], found["holder"]) == (0, "retired", "acme")
    assert found["history"][-1]["said"] == {
        "purpose": "surrender",
        "jurisdiction": "guangdong",
        "year": "2022",
    }


@pytest.mark.django_db
def test_a_surrender_and_a_voluntary_retirement_have_certificates_on_paper_too(
    run: Any, tmp_path: Path, fresh_home: Path
) -> None:
    company = organise("company", "acme", name_zh="甲", name_en="Acme", at=AT)
    given(organisation(company.pk), new_lot(120, jurisdiction="guangdong", status="official"), 120)
    given(organisation(company.pk), new_lot(12, status="illustrative"), 12)
    run("offset", "declare", *YEAR, "--verified-emissions-t", 1_000, "--source", "report 1")
    _, reserved = run("offset", "reserve", *YEAR, "--amount-t", 100)
    number = reserved["reservation"]
    status, said = run("offset", "certificate", number)
    assert (status, said["refused"]["code"]) == (2, "offsetting.not_surrendered")
    run("offset", "surrender", number)

    status, first = run("offset", "certificate", number, "--pdf", tmp_path / "zh.pdf")
    assert (status, first["certificate"]["number"], first["annulled_since"]) == (0, "C000001-95", [])
    assert run("offset", "certificate", "C000001-95", "--pdf", tmp_path / "en.pdf", "--language", "en") == (
        0,
        first,
    )
    for name in ("zh.pdf", "en.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF-")
    event = ("--beneficiary", "Marathon", "--purpose", "travel", "--key", "m")
    retire = ("offset", "retire", "--company", "acme", "--jurisdiction", "demo", "--amount-t", 12, *event)
    status, second = run(*retire)
    assert (status, second["certificate"]["number"]) == (0, "C000002-92")
    assert second["certificate"]["weakest_status"] == "illustrative"
    assert run(*retire) == (0, second)
    status, said = run(
        "offset", "retire", "--company", "acme", "--jurisdiction", "demo", "--amount-t", 1, *event[:4]
    )
    assert (status, said["refused"]["code"]) == (2, "offsetting.not_enough_held")
    status, said = run("offset", "certificate", "C000001-59")
    assert (status, said["refused"]["code"]) == (2, "offsetting.unknown_certificate")


@pytest.mark.django_db
def test_only_a_company_that_is_known_files(run: Any) -> None:
    organise("bank", "acme", name_zh="行", name_en="Bank", at=AT)

    status, said = run("offset", "reserve", *YEAR, "--amount-t", 1)
    assert (status, said["refused"]["code"]) == (2, "offsetting.not_a_company")
    status, said = run("offset", "surrender", 7)
    assert (status, said["refused"]["code"]) == (2, "offsetting.unknown_reservation")


def test_jurisdictions_are_checked_shown_and_compared(run: Any, tmp_path: Path) -> None:
    status, rows = run("jurisdiction", "check")
    assert (status, {row["sound"] for row in rows}) == (0, {True})
    status, shown = run("jurisdiction", "show", "shanghai", "--on", "2025-03-31")
    assert {row["table"] for row in shown["rules"]} >= {"offset_caps", "accepted_statuses", "scenes"}
    assert not [row for row in shown["rules"] if row["table"] == "sinks"]
    status, changes = run("jurisdiction", "diff", "shanghai", "--from", "2025-03-31", "--to", "2025-04-01")
    assert {(change["what"], change["table"]) for change in changes["changes"]} == {
        ("began", "sinks"),
        ("began", "points_conversions"),
    }
    folder = copytree(content("jurisdictions"), tmp_path / "earlier")
    status, same = run("jurisdiction", "diff", "guangdong", "--against", folder / "guangdong.toml")
    assert (status, same["changes"]) == (0, [])
    changed = (folder / "guangdong.toml").read_text(encoding="utf-8").replace('"10"', '"20"')
    (folder / "guangdong.toml").write_text(changed, encoding="utf-8")
    status, found = run("jurisdiction", "diff", "guangdong", "--against", folder / "guangdong.toml")
    assert (status, found["rewrites_past"]) == (3, True)
    status, said = run("jurisdiction", "diff", "guangdong")
    assert (status, said["refused"]["code"]) == (2, "jurisdiction.nothing_to_compare")
    status, said = run("jurisdiction", "diff", "guangdong", "--against", tmp_path / "none.toml")
    assert (status, said["refused"]["code"]) == (2, "jurisdiction.no_such_file")
    (folder / "guangdong.toml").write_text("code = 'guangdong'", encoding="utf-8")
    status, rows = run("jurisdiction", "check", "--root", folder)
    assert status == 2
    assert [row["jurisdiction"] for row in rows if not row["sound"]] == ["guangdong"]
    status, said = run("jurisdiction", "check", "--root", tmp_path / "none")
    assert (status, said["refused"]["code"]) == (2, "jurisdiction.no_files")
    assert date.fromisoformat(shown["on"]) == date(2025, 3, 31)


@pytest.mark.django_db
def test_lots_are_exported_for_cad_trust_with_what_it_would_refuse(run: Any, tmp_path: Path) -> None:
    new_lot(2)
    site = ("--site", "https://carbon.example")

    status, first = run("registry", "export", "cadtrust", *site, "--model", 1)
    assert (status, first["problems"], first["units"][0]["unitCount"]) == (0, [], 2)
    status, second = run("registry", "export", "cadtrust", *site, "--out", tmp_path / "cadtrust.json")
    assert (status, [one["field"] for one in second["problems"]]) == (3, ["verificationBody"])
    assert len(json.loads((tmp_path / "cadtrust.json").read_text(encoding="utf-8"))["units"]) == 1
    status, said = run("registry", "export", "cadtrust", *site, "--model", 3)
    assert (status, said["refused"]["code"]) == (2, "registry.bad_model")


@pytest.mark.django_db
def test_exclusions_are_imported_listed_and_checked(run: Any, tmp_path: Path, fresh_home: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text(
        "kind,key,market,from,to,clause,source\nscope,energy,green_certificate,2026-01-01,,art. 3,notice 7\n"
    )

    assert run("registry", "exclude", "import", file) == (0, {"added": 1, "known": 0})
    assert run("registry", "exclude", "import", file) == (0, {"added": 0, "known": 1})
    status, rows = run("registry", "exclude", "list")
    assert (status, rows[0]["key"], rows[0]["to"]) == (0, "energy", None)
    status, said = run("registry", "exclude", "check", "scope", "energy.rooftop_pv", "--on", "2026-01-01")
    assert (status, said["covered"], said["by"][0]["clause"]) == (3, True, "art. 3")
    status, said = run("registry", "exclude", "check", "scope", "energy", "--on", "2025-12-31")
    assert (status, said["covered"]) == (0, False)
    status, said = run("registry", "exclude", "check", "meter", "nobody:7")
    assert (status, said["covered"]) == (0, False)
    status, said = run("registry", "exclude", "import", tmp_path / "none.csv")
    assert (status, said["refused"]["code"]) == (2, "registry.no_such_file")


@pytest.mark.django_db
def test_conflicts_are_imported_scanned_and_reviewed(run: Any, tmp_path: Path) -> None:
    lot = new_lot(2)
    file = tmp_path / "other.csv"
    file.write_text(
        "currentRegistry,projectId,country,sector,vintageYear\nOther,demo:shanghai/rooftop-pv@1,Korea,Waste,2026\n"
    )

    assert run("registry", "conflicts", "import", file) == (0, {"added": 1})
    status, [found] = run("registry", "conflicts", "scan")
    assert (status, found["ours"], found["severity"]) == (3, lot, "exact")
    review = (
        "registry",
        "conflicts",
        "review",
        found["conflict"],
        "--reason",
        "other roofs",
        "--reviewer",
        "desk",
    )
    status, said = run(*review)
    assert (status, said["reason"]) == (0, "other roofs")
    assert run(*review) == (0, said)
    status, [found] = run("registry", "conflicts", "scan")
    assert (status, found["reviewed"]) == (0, "other roofs")
    status, said = run("registry", "conflicts", "review", "0" * 16, "--reason", "x", "--reviewer", "desk")
    assert (status, said["refused"]["code"]) == (2, "registry.unknown_conflict")
