"""A village with a saving programme, through the product's own verbs. Use is chosen so that sums are worked by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from tanpuhui.close.places import Places
from tanpuhui.close.run import CloseAnswer, close_day
from tanpuhui.consent.give import give
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.terms import Terms, acts_of_days
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.methodology.load import Library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.join import join
from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.month import months_between, same_month
from tanpuhui.programme.open import KIND, Design, open_programme
from tanpuhui.programme.seal import look_inside
from tanpuhui.programme.settle import Order, settle
from tanpuhui.quantify.jurisdiction import Jurisdiction

SHANGHAI = ZoneInfo("Asia/Shanghai")
CODE = "village-saves"
HOMES = [f"meter-{number:02}" for number in range(40)]
OPENED_AT = datetime(2025, 2, 10, 9, 0, tzinfo=SHANGHAI)
SETTLED_AT = datetime(2025, 6, 2, 9, 0, tzinfo=SHANGHAI)
BASELINE, MARCH, MAY = date(2024, 3, 1), date(2025, 3, 1), date(2025, 5, 1)
LAST_DAY = date(2025, 5, 31)
#: Each home used so much in each month of the baseline, and those held out afterwards as well.
USED_WH = 3_000_000
SEED = "5e" * 32
PERCENT = 30
#: 0.42 t/MWh: national/household-programme@1.
MG_PER_WH = 420


def design(**other: Any) -> Design:
    named: dict[str, Any] = {
        "code": CODE,
        "title_zh": "村里节电",
        "title_en": "The village saves",
        "homes": HOMES,
        "percent": PERCENT,
        "rung": "L5",
        "baseline_from": BASELINE,
        "starts_on": MARCH,
        "pia_reference": "PIA-1",
        "seed": SEED,
    }
    return Design(**named | other)


@dataclass
class Village:
    folder: Path
    library: Library
    jurisdiction: Jurisdiction
    accounts: dict[str, int] = field(default_factory=dict)
    files: Any = field(default_factory=count)

    @property
    def places(self) -> Places:
        return Places(self.folder / "lake", 2)

    def open(self, **other: Any) -> Programme:
        return open_programme(
            design(**other), at=OPENED_AT, zone="Asia/Shanghai", library=self.library, places=self.places
        )

    @property
    def held(self) -> list[str]:
        """Pseudonyms of the homes held out, as only the seal knows."""
        inside = look_inside(get_programme(CODE)).held
        numbers = next(subject_ids(latest(CODE), HOMES))
        return [home for home in HOMES if numbers[home][0] in inside]

    @property
    def asked(self) -> list[str]:
        held = set(self.held)
        return [home for home in HOMES if home not in held]

    def join(self, homes: int) -> None:
        """The first homes that were asked join, with an account and a grant."""
        joining = self.asked[:homes]
        self.accounts = dict(zip(joining, open_accounts(homes, at=OPENED_AT), strict=True))
        join(CODE, self.accounts.items(), at=OPENED_AT)
        first, _ = acts_of_days(date(2025, 1, 1), None)
        for account in self.accounts.values():
            give(account, Terms(CODE, (KIND,), acts_from_us=first), at=OPENED_AT, method="test")

    def readings(
        self,
        used_wh: Mapping[str, int],
        *,
        first: date = MARCH,
        last: date = MAY,
        without: tuple[str, ...] = (),
        baseline: date = BASELINE,
    ) -> Path:
        """A file: each home as in the baseline but for those named, which used so much in each month."""
        lines = ["home,month,energy_wh"]
        for home in HOMES:
            if home in without:
                continue
            for month in months_between(first, last):
                lines.append(f"{home},{same_month(month, baseline):%Y-%m},{USED_WH}")
                lines.append(f"{home},{month:%Y-%m},{used_wh.get(home, USED_WH)}")
        path = self.folder / f"readings-{next(self.files)}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def write(self, rows: Iterable[tuple[str, date, int]]) -> Path:
        """A file of these readings."""
        lines = [f"{home},{month:%Y-%m},{energy_wh}" for home, month, energy_wh in rows]
        path = self.folder / f"readings-{next(self.files)}.csv"
        path.write_text("\n".join(["home,month,energy_wh", *lines]) + "\n", encoding="utf-8")
        return path

    def settle(
        self,
        path: Path,
        *,
        first: date = MARCH,
        last: date = MAY,
        at: datetime = SETTLED_AT,
        temperature: Path | None = None,
    ) -> Period:
        order = Order(CODE, first, last, path, temperature)
        with transaction.atomic():
            return settle(order, at=at, places=self.places, library=self.library)

    def close(self, day: date = LAST_DAY, *, at: datetime = SETTLED_AT) -> CloseAnswer:
        return close_day(day, at=at, places=self.places, jurisdiction=self.jurisdiction, library=self.library)
