"""A small town that goes through the product's own verbs: accounts, links, grants, files, closes, statements."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection, transaction

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.run import CloseAnswer, close_day
from tanpuhui.consent.give import give
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.evidence import contract, link
from tanpuhui.evidence.models import Contract, LakeFile
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.take import take
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balances
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.outcome import Outcome

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 2)
#: Grants are given before the first act, files are taken and days closed after the last one.
OPENED_AT = datetime(2026, 3, 1, 9, 0, tzinfo=SHANGHAI)
TAKEN_AT = datetime(2026, 3, 10, 20, 0, tzinfo=SHANGHAI)
PROVIDER = "town"
#: What grants cover; the contract names two kinds more, and taps, so that files of the days around are read too.
KINDS = ("bike_trip", "metro_trip", "rooftop_pv_output", "second_hand_sale")

#: 46.7 g per person-km: shenzhen/metro@1.
METRO_MG_PER_M = 46.7
#: 73 kg * 79 % * 90 %: national/second-hand-goods@1, at most three a year.
PHONE_MG = 51_903_000
#: 0.42 t/MWh: shanghai/rooftop-pv@1.
PV_MG_PER_WH = 420


def metro(
    source_id: str, person: str, distance_m: int, *, day: date = DAY, hour: int = 8, **more: Any
) -> Any:
    """A metro trip of half an hour, as the generic format writes it."""
    return act("metro_trip", source_id, person, day=day, hour=hour, distance_m=distance_m, **more)


def act(
    kind: str, source_id: str, person: str, *, day: date = DAY, hour: int = 8, **more: Any
) -> dict[str, Any]:
    """An act of half an hour on a local day."""
    started = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)
    return {
        "source_id": source_id,
        "person": person,
        "kind": kind,
        "started_at": started.isoformat(),
        "ended_at": (started + timedelta(minutes=30)).isoformat(),
        **more,
    }


def ride(hour: int, distance_m: int) -> dict[str, Any]:
    """A ride of a by pedal bike for two hours on the day, so that its speed is one at which people ride."""
    ended = datetime(DAY.year, DAY.month, DAY.day, hour + 2, tzinfo=SHANGHAI).isoformat()
    return act("bike_trip", f"b{hour}", "a", hour=hour, ended_at=ended, distance_m=distance_m)


@dataclass
class Town:
    """A lake of a few buckets under the demonstration's rules, on the tests' database."""

    folder: Path
    library: Library
    jurisdiction: Jurisdiction
    buckets: int = 2
    files: Any = field(default_factory=count)

    @property
    def places(self) -> Places:
        return Places(self.folder / "lake", self.buckets)

    def settle(self, people: str) -> dict[str, int]:
        """Open an account for each letter, link it, and give a grant for everything; letter to account."""
        accounts = dict(zip(people, open_accounts(len(people), at=OPENED_AT), strict=True))
        self.link(accounts)
        for account in accounts.values():
            self.give(account)
        return accounts

    def link(self, accounts: dict[str, int]) -> None:
        self.contract()
        link.link_many(PROVIDER, accounts.items(), at=OPENED_AT)

    def contract(self, *, raw: bool = True) -> None:
        """The one provider's contract, made once; with taps, unless told otherwise."""
        if not Contract.objects.exists():
            contract.add(
                PROVIDER,
                format="generic",
                kinds=[*KINDS, "e_invoice", "top_up", *(["metro_entry"] if raw else [])],
                pia_reference="PIA-1",
                valid_from=date(2020, 1, 1),
                made_at=OPENED_AT,
            )

    def give(self, account: int) -> int:
        """A grant for all kinds of this town, from the start of 2026 on; its number."""
        first, _ = acts_of_days(date(2026, 1, 1), None)
        terms = Terms(PROVIDER, KINDS, acts_from_us=first)
        return give(account, terms, at=OPENED_AT, method="test").pk

    def take(self, *rows: dict[str, Any], at: datetime = TAKEN_AT) -> Receipt:
        """Take these rows as one NDJSON file."""
        self.contract()
        path = self.folder / f"batch-{next(self.files)}.ndjson"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        with transaction.atomic():
            return take(PROVIDER, path, at=at, lake=self.places.lake, buckets=self.buckets)

    def close(self, day: date = DAY, *, at: datetime = TAKEN_AT, reopen: bool = False) -> CloseAnswer:
        return close_day(
            day,
            at=at,
            places=self.places,
            jurisdiction=self.jurisdiction,
            library=self.library,
            reopen=reopen,
        )

    def under(self, code: str) -> Town:
        """The same town under another jurisdiction's rules."""
        return Town(self.folder, self.library, load_jurisdiction(code), self.buckets, self.files)


def manifest(answer: CloseAnswer) -> Manifest:
    return Manifest.objects.get(pk=answer.manifest)


def pending_mg(account: int) -> int:
    """What a resident has that waits for certification, over all methodologies."""
    return sum(row.available for row in balances(connection, [account_id(Kind.RESIDENT_PENDING, account)]))


def certified_mg(account: int) -> int:
    """What a resident has of all lots."""
    return sum(row.available for row in balances(connection, [account_id(Kind.RESIDENT_CERTIFIED, account)]))


def posted_lines() -> list[tuple[Any, ...]]:
    """Every line of the ledger, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tx_id, account_id, asset_id, amount FROM ledger_posting ORDER BY tx_id, account_id"
        )
        return list(cursor.fetchall())


def results(town: Town, answer: CloseAnswer) -> dict[int, tuple[str, int]]:
    """What a close's result files say of each record: its outcome and milligrams; each record is there once."""
    body = manifest(answer).body
    tables = [pq.read_table(town.places.results.checked(output["results"])) for output in body["outputs"]]
    rows = pa.concat_tables(tables).to_pylist()
    found = {row["record_id"]: (Outcome(row["outcome"]).name, row["credited_mg"]) for row in rows}
    assert len(found) == len(rows), "a record ends once"
    return found


def lake_rows(day: date) -> int:
    """How many accepted records of a day the lake has."""
    return sum(LakeFile.objects.filter(part=LakeFile.RECORDS, day=day).values_list("rows", flat=True))
