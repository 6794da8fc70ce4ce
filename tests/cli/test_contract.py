"""Contract: names, JSON keys, codes and exit statuses of the commands, which others script against."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from program import Answer, Program, installation, lines_file

pytestmark = pytest.mark.slow

TANPUHUI = Path(sys.executable).with_name("tanpuhui")
HEADER = "source_id,person,kind,started_at,ended_at,distance_m,energy_wh"
DAY = "2026-03-02"
HALF_HOUR = f"{DAY}T08:00:00+08:00,{DAY}T08:30:00+08:00"
#: 10 km by metro at 46.7 g; 5 MWh from a roof at 0.42 t.
METRO_MG, ROOF_MG = 467_000, 2_100_000_000


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """Two residents, one day taken and closed."""
    with installation() as program:
        program.json("account", "open", "--count", 2)
        for account, person in ((1, "a"), (2, "b")):
            program.json("evidence", "link", "generic", person, account)
            kinds = ("--kind", "metro_trip", "--kind", "rooftop_pv_output")
            program.json(
                "grant", "give", "--account", account, "--provider", "generic", *kinds, "--from", "2026-01-01"
            )
        program.json("evidence", "take", "generic", city(program))
        program.json("close", DAY)
        yield program


def city(program: Program) -> Path:
    rows = (
        f"1,a,metro_trip,{HALF_HOUR},10000,",
        f"2,b,rooftop_pv_output,{HALF_HOUR},,5000000",
        f"3,c,metro_trip,{HALF_HOUR},1000,",
        f"4,a,metro_trip,{HALF_HOUR},far,",
    )
    return lines_file(program.home / "city.csv", [HEADER, *rows])


def state(program: Program) -> Any:
    """What a refusal must not change: the lake, the quarantine, the closes, the statements."""
    lake = program.home / "lake"
    files = sorted(str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file())
    reads = (
        ("evidence", "quarantine", "list", "--all"),
        ("close", "list"),
        ("statement", 1),
        ("lot", "show"),
    )
    answers = [program.json(*read) for read in reads]
    answers[2].pop("at")
    return files, answers


def refused(answer: Answer, code: str) -> dict[str, Any]:
    """The facts of a refusal: exit status 2, code and message on both streams, no traceback."""
    assert answer.status == 2, answer
    refusal: dict[str, Any] = answer.refused
    assert refusal["code"] == code
    assert set(refusal) == {"code", "message", "facts"}
    assert code in answer.err
    assert len(refusal["message"].split(". ")) >= 2, "the message says the next step"
    assert "Traceback" not in answer.err + answer.out
    facts: dict[str, Any] = refusal["facts"]
    return facts


def take(program: Program, provider: str, path: Path, *more: str) -> Answer:
    return program.run("evidence", "take", provider, path, *more, "--json")


def tanpuhui(home: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """The installed command itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return subprocess.run(
        [TANPUHUI, *arguments],
        input=given,
        capture_output=True,
        text=True,
        env=environment | {"TANPUHUI_HOME": str(home)},
        check=False,
    )


def test_explain_has_the_keys_of_the_contract(program: Program) -> None:
    act = json.dumps({"occurred_at": "2021-12-20T08:00:00+08:00", "distance_m": 10_000})
    order = ("methodology", "explain", "shenzhen/metro", "--activity", "-", "--json")

    answer = tanpuhui(program.home, *order, given=act)

    assert (answer.returncode, answer.stderr) == (0, "")
    explained = json.loads(answer.stdout)
    assert explained["avoided_mg"] == METRO_MG
    assert {"avoided_mg", "steps", "factors", "version", "digest"} <= set(explained)
    assert all({"name", "formula", "value", "unit"} <= set(step) for step in explained["steps"])
    (factor,) = explained["factors"]
    assert {"name", "value", "unit", "status", "source"} <= set(factor)
    assert (factor["value"], factor["status"]) == ("46.7", "published")


def test_the_installed_command_refuses_with_status_2(program: Program) -> None:
    after_tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()

    answer = tanpuhui(program.home, "close", after_tomorrow.isoformat(), "--json")

    assert answer.returncode == 2
    assert json.loads(answer.stdout)["refused"]["code"] == "close.day_not_over"
    assert "Traceback" not in answer.stderr


def test_take_has_the_keys_of_the_contract_and_the_same_file_the_same_answer(program: Program) -> None:
    before = state(program)

    answer = program.json("evidence", "take", "generic", city(program))

    assert {"digest", "rows", "accepted", "duplicate", "refused", "reasons"} <= set(answer)
    assert (answer["rows"], answer["accepted"], answer["duplicate"], answer["refused"]) == (4, 3, 0, 1)
    assert answer["reasons"] == {"evidence.not_a_number": 1}
    assert state(program) == before


def test_a_file_with_only_a_header_is_taken_and_nothing_is_refused(program: Program, tmp_path: Path) -> None:
    """As a provider sends it on a day on which nothing happened."""
    path = tmp_path / "quiet.csv"
    path.write_text(f"{HEADER}\n", encoding="utf-8")

    answer = take(program, "generic", path)

    assert (answer.status, answer.json["rows"], answer.json["refused"]) == (0, 0, 0)


def test_close_and_replay_have_the_keys_of_the_contract(program: Program) -> None:
    answer = program.json("close", DAY, "--engine", "duckdb")

    assert {"manifest", "activities", "outcomes", "credited_mg", "posted"} <= set(answer)
    assert (answer["activities"], answer["posted"]) == (3, False)
    assert answer["outcomes"] == {"credited": 2, "unknown_person": 1}
    assert answer["credited_mg"] == METRO_MG + ROOF_MG
    replayed = program.json("close", "replay", answer["manifest"])
    assert (replayed["agrees"], replayed["rows"], replayed["credited_mg"]) == (True, 3, answer["credited_mg"])


def test_statement_and_ledger_check_have_the_keys_of_the_contract(program: Program) -> None:
    now = program.json("statement", 1)
    then = program.json("statement", 1, "--at", "2026-03-02T12:00:00+08:00")

    assert (now["account"], now["pending_mg"], now["certified_mg"], now["retired_mg"]) == (1, METRO_MG, 0, 0)
    assert [line["amount"] for line in now["lines"]] == [METRO_MG]
    assert (then["pending_mg"], then["lines"]) == (0, [])
    checked = program.json("ledger", "check")
    assert (checked["ok"], checked["findings"]) == (True, [])


def test_a_grant_is_given_shown_and_withdrawn(program: Program) -> None:
    terms = ("--account", 2, "--provider", "szt", "--kind", "metro_trip")

    given = program.json("grant", "give", *terms)
    shown = program.json("grant", "show", given["grant"])
    withdrawn = program.json("grant", "withdraw", given["grant"])

    assert {"grant", "provider", "kinds", "purpose", "recipient", "state"} <= set(given)
    assert shown["receipt"]
    assert (given["state"], withdrawn["state"]) == ("ConsentGiven", "Withdrawn")
    assert program.run("grant", "withdraw", given["grant"], "--json").status == 2


BAD_FILES: dict[str, tuple[str, bytes]] = {
    "evidence.empty_file": ("generic", b""),
    "evidence.wrong_columns": ("generic", b"name,surname\nx,y\n"),
    "evidence.wrong_encoding": ("generic", f"{HEADER}\n1,地铁,metro_trip,{HALF_HOUR},1,\n".encode("gb18030")),
    "evidence.unknown_provider": ("nobody", f"{HEADER}\n1,a,metro_trip,{HALF_HOUR},1,\n".encode()),
    "evidence.contract_expired": ("old", f"{HEADER}\n1,a,metro_trip,{HALF_HOUR},1,\n".encode()),
    "evidence.duplicate_header": ("generic", f"{HEADER},person\n".encode()),
    "evidence.line_too_long": ("generic", f"{HEADER}\n".encode() + b"x" * 40_000_000),
}


def test_each_bad_file_is_refused_by_its_code_and_nothing_changes(program: Program) -> None:
    terms = ("--format", "generic", "--kind", "metro_trip", "--pia", "P-1")
    program.json(
        "evidence", "contract", "add", "old", *terms, "--valid-from", "2025-01-01", "--valid-to", "2025-12-31"
    )
    before = state(program)

    for code, (provider, content) in BAD_FILES.items():
        path = program.home / "bad.csv"
        path.write_bytes(content)
        refused(take(program, provider, path), code)
    refused(take(program, "generic", program.home / "none.csv"), "evidence.file_missing")
    other = lines_file(program.home / "other.csv", [HEADER, f"9,a,metro_trip,{HALF_HOUR},1,"])
    refused(take(program, "szt", other), "evidence.wrong_columns")

    assert state(program) == before


def test_parquet_with_another_schema_is_refused(program: Program) -> None:
    before = state(program)
    path = program.home / "floats.parquet"
    names = ("source_id", "person", "kind", "started_at", "ended_at")
    pq.write_table(pa.table({name: ["1"] for name in names} | {"distance_m": [1.5]}), path)

    facts = refused(take(program, "generic", path), "evidence.wrong_schema")

    assert "distance_m" in facts["columns"]
    assert state(program) == before


def test_a_line_of_2_gb_is_refused_in_bounded_memory(program: Program) -> None:
    small = program.run("evidence", "take", "generic", program.home / "none.csv", "--json").peak_bytes
    path = program.home / "huge.csv"
    with path.open("wb") as stream:
        stream.write(f"{HEADER}\n".encode() + b"x" * 3_000_000)
        stream.truncate(2_000_000_000)

    answer = take(program, "generic", path)

    refused(answer, "evidence.line_too_long")
    assert answer.peak_bytes < small + 64_000_000
    path.unlink()


def test_a_key_with_other_bytes_is_refused(program: Program) -> None:
    first = lines_file(
        program.home / "k1.csv",
        [HEADER, "k1,z,metro_trip,2026-05-01T08:00:00+08:00,2026-05-01T08:30:00+08:00,1,"],
    )
    assert take(program, "generic", first, "--key", "march").status == 0
    before = state(program)

    refused(take(program, "generic", city(program), "--key", "march"), "evidence.key_reused")

    assert state(program) == before


def test_each_bad_row_is_counted_under_its_reason(program: Program) -> None:
    rows = (
        f"r1,z,metro_trip,{HALF_HOUR},-1,",
        f"r2,z,metro_trip,{HALF_HOUR},150000,",
        f"r3,z,metro_trip,{DAY}T08:30:00+08:00,{DAY}T08:00:00+08:00,1,",
        "r4,z,metro_trip,0014-03-02T08:00:00+08:00,0014-03-02T08:30:00+08:00,1,",
        f"r5,z,metro_trip,{HALF_HOUR},ten,",
    )
    bad = lines_file(program.home / "rows.csv", [HEADER, *rows])
    good = f"r6,z,metro_trip,{HALF_HOUR},1,".replace(DAY, "2026-05-02")
    mixed = lines_file(
        program.home / "mixed.csv", [HEADER, *(row.replace(",z,", ",y,") for row in rows), good]
    )
    reasons = dict.fromkeys(
        (
            "evidence.ends_before_start",
            "evidence.impossible_speed",
            "evidence.negative",
            "evidence.not_a_number",
            "evidence.year_out_of_range",
        ),
        1,
    )

    some, none = take(program, "generic", mixed), take(program, "generic", bad)

    # A file with any good row is done; one of which every row is refused is refused.
    assert (some.status, some.json["accepted"], some.json["reasons"]) == (0, 1, reasons)
    assert (none.status, none.json["accepted"], none.json["reasons"]) == (2, 0, reasons)
    assert "Traceback" not in some.err + none.err


GIVE = ("grant", "give", "--account", 1, "--provider", "generic", "--kind", "metro_trip")


def test_wrong_arguments_are_refused(program: Program) -> None:
    act = lines_file(program.home / "act.json", ['{"occurred_at": "2026-03-02T08:00:00+08:00"}'])
    for arguments, code in (
        (("close", "yesterday"), "close.bad_day"),
        (("close", "2018-W35-6"), "close.bad_day"),
        (("integrity", "look", "20180901"), "cli.bad_day"),
        (("close", DAY, "--engine", "abacus"), "close.unknown_engine"),
        (("close", DAY, "--engine", "spark"), "quantify.engine_misplaced"),
        (("close", "replay", "sha256:00"), "close.manifest_unknown"),
        (("lot", "show", "NONE-1"), "registry.lot_unknown"),
        (("lot", "certify", "shenzhen/metro", "--through", "soon", "--verifier", "V"), "cli.bad_day"),
        ((*GIVE, "--from", "2026-02-30"), "cli.bad_day"),
        ((*GIVE, "--until", ""), "cli.bad_day"),
        (("account", "open", "--birth-on", "long ago"), "cli.bad_day"),
        ((*GIVE, "--kind", "metro_tripp"), "consent.unknown_kind"),
        (
            ("grant", "give", "--account", 1, "--provider", "genric", "--kind", "metro_trip"),
            "evidence.unknown_provider",
        ),
        (("statement", 999), "consent.unknown_resident"),
        (("statement", 999, "--pdf", program.home / "nobody.pdf"), "consent.unknown_resident"),
        (("methodology", "explain", "shenzhen/ferry", "--activity", act), "methodology.unknown"),
    ):
        refused(program.run(*arguments, "--json"), code)
    assert program.run("closse", "--json").status == 2
    assert not (program.home / "nobody.pdf").exists()


def test_outside_the_demonstration_whoever_certifies_has_a_name(program: Program) -> None:
    order = ("lot", "certify", "shenzhen/metro", "--through", DAY, "--verifier", "V", "--json")
    elsewhere = {"TANPUHUI_JURISDICTION": "shanghai"}

    facts = refused(program.run(*order, **elsewhere), "registry.operator_unnamed")
    refused(program.run(*order, **elsewhere, TANPUHUI_OPERATOR=" "), "registry.operator_unnamed")
    named = program.run(*order, **elsewhere, TANPUHUI_OPERATOR="City centre")

    assert facts == {"variable": "TANPUHUI_OPERATOR"}
    assert named.refused["code"] == "registry.other_jurisdiction"


@pytest.mark.parametrize(
    "address", ["postgresql://owner:s3cret%21@127.0.0.1:1/none", "postgresql://owner:s3c%zz@h/none", "s3cret"]
)
def test_a_database_that_does_not_answer_is_said_so_without_its_password(
    tmp_path: Path, address: str
) -> None:
    environment = {**os.environ, "TANPUHUI_HOME": str(tmp_path), "TANPUHUI_DATABASE_URL": address}

    ran = subprocess.run(
        [TANPUHUI, "ledger", "check", "--json"], env=environment, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 2
    assert json.loads(ran.stdout)["refused"]["code"] == "project.database_unreachable"
    assert "Traceback" not in ran.stderr
    assert "://" not in address or "s3c" not in ran.stdout + ran.stderr


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """The folder's content on a disk of 16 MB that is full; as it was, afterwards."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine may not mount a small disk")
    try:
        shutil.copytree(copy, folder, dirs_exist_ok=True)
        filler = folder.joinpath("filler").open("wb", buffering=0)
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            filler.close()
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(copy)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_refuses_takes_and_closes_and_nothing_changes(program: Program) -> None:
    act = ("f1,a,metro_trip,2026-06-01T08:00:00+08:00,2026-06-01T08:30:00+08:00,10000,",)
    first = lines_file(program.home / "f1.csv", [HEADER, *act])
    assert take(program, "generic", first).status == 0
    late = lines_file(program.home / "f2.csv", [HEADER, act[0].replace("f1", "f2")])
    before = state(program)

    with full_disk(program.home / "lake"):
        refused(take(program, "generic", late), "kit.disk_full")
        refused(program.run("close", "2026-06-01", "--json"), "kit.disk_full")

    assert state(program) == before
    assert program.json("close", "2026-06-01")["credited_mg"] == METRO_MG


def test_a_lot_is_certified_and_shown_and_its_day_is_closed_for_good(program: Program) -> None:
    order = ("lot", "certify", "shanghai/rooftop-pv", "--through", DAY)
    refused(
        program.run(*order, "--verifier", "Platform  OPERATOR", "--json"), "registry.verifier_is_operator"
    )
    refused(
        program.run("lot", "certify", "shenzhen/metro", "--through", DAY, "--verifier", "V", "--json"),
        "registry.less_than_a_tonne",
    )

    lot = program.json(*order, "--verifier", "Green Audit Ltd")

    assert (lot["tonnes"], lot["certified_mg"], lot["serial_first"], lot["serial_last"]) == (
        2,
        2 * 10**9,
        1,
        2,
    )
    assert program.json("lot", "show", lot["lot"]) == lot
    assert program.json("lot", "show") == [lot]
    assert program.json("statement", 2)["certified_mg"] == 2 * 10**9
    assert program.json("statement", 2)["pending_mg"] == ROOF_MG - 2 * 10**9
    before = state(program)
    refused(program.run("close", DAY, "--json"), "close.day_certified")
    assert state(program) == before
    assert program.json("ledger", "check")["ok"]


def test_every_day_that_is_due_is_closed_and_certified_ones_are_listed(program: Program) -> None:
    """Two days come new, and a late act for the day that the test before this one certified."""
    late = f"9,b,rooftop_pv_output,{DAY}T10:00:00+08:00,{DAY}T10:30:00+08:00,,1000"
    days = ("2026-03-20", "2026-03-21")
    fresh = (
        f"{number},b,rooftop_pv_output,{day}T08:00:00+08:00,{day}T08:30:00+08:00,,1000"
        for number, day in enumerate(days, start=10)
    )
    program.json("evidence", "take", "generic", lines_file(program.home / "more.csv", [HEADER, late, *fresh]))
    assert {DAY, *days} <= {row["day"] for row in program.json("close", "due", status=3)}

    done = program.json("close", "all", status=3)

    # 1 kWh from a roof is 420 g.
    credited = {answer["day"]: answer["credited_mg"] for answer in done["closed"]}
    assert [credited[day] for day in days] == [420_000, 420_000]
    assert [(row["day"], row["reason"], row["lot"]) for row in done["left"]] == [
        (DAY, "new_evidence", "DEMO-000001")
    ]
    assert program.json("close", DAY, "--reopen")["credited_mg"] == METRO_MG + ROOF_MG + 420_000
    assert program.json("close", "all") == {"closed": [], "left": []}
    assert program.json("ledger", "check")["ok"]
