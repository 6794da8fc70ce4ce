"""Bins: sorting stations of a town whose contract says that they must balance, and a haulier who weighs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction

from close.town import DAY, OPENED_AT, SHANGHAI, TAKEN_AT, Town
from tanpuhui.consent.give import give
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.evidence import contract, link
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.take import take
from tanpuhui.evidence.weighing import Row, declare

BINS, HAULIER = "bins", "hauliers"
NEXT = DAY + timedelta(days=1)
#: 16.5 kg/t for each tenth recovered: 165 g a kilogram; national/waste-sorting@1.
MG_PER_G = 165


@dataclass
class Bins:
    """Stations beside a town; weighings are declared a second apart."""

    town: Town
    seconds: Any = field(default_factory=count)

    def settle(self, people: str, *, must_balance: bool = True) -> dict[str, int]:
        """Open an account for each letter, link it, and give a grant; letter to account."""
        self.agree(must_balance=must_balance)
        accounts = dict(zip(people, open_accounts(len(people), at=OPENED_AT), strict=True))
        link.link_many(BINS, accounts.items(), at=OPENED_AT)
        first, _ = acts_of_days(date(2026, 1, 1), None)
        for account in accounts.values():
            give(account, Terms(BINS, ("waste_sorting",), acts_from_us=first), at=OPENED_AT, method="test")
        return accounts

    def agree(self, *, must_balance: bool, valid_from: date = date(2020, 1, 1)) -> None:
        """A version of the stations' contract."""
        contract.add(
            BINS,
            format="generic",
            kinds=["waste_sorting"],
            options={"must_balance": must_balance},
            pia_reference="PIA-2",
            valid_from=valid_from,
            made_at=OPENED_AT,
        )

    def take(self, *rows: dict[str, Any], at: datetime = TAKEN_AT) -> Receipt:
        """Take these rows as one NDJSON file of the stations."""
        path = self.town.folder / f"bins-{next(self.town.files)}.ndjson"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        with transaction.atomic():
            return take(BINS, path, at=at, lake=self.town.places.lake, buckets=self.town.buckets)

    def weigh(
        self, fetched_g: int | None, *, station: str = "north", first: date = DAY, last: date = DAY
    ) -> int:
        """Declare what the haulier weighed; how many declarations are new."""
        at = TAKEN_AT + timedelta(seconds=next(self.seconds))
        rows = [Row(station, first, last, fetched_g)]
        with transaction.atomic():
            return len(declare(BINS, rows, source=HAULIER, at=at, by="operator", lake=self.town.places.lake))


def bag(
    source_id: str,
    person: str,
    mass_g: int,
    *,
    day: date = DAY,
    hour: int = 8,
    station: str = "north",
    **more: Any,
) -> dict[str, Any]:
    """Paper that somebody brings to a station."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI).isoformat()
    return {
        "source_id": source_id,
        "person": person,
        "kind": "waste_sorting",
        "started_at": moment,
        "ended_at": moment,
        "mass_g": mass_g,
        "material": 1,
        "station": station,
        **more,
    }
