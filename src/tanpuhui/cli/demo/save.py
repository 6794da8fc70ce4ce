"""Save: homes save electricity together; what of it is certified is a bound against homes held out at random.

Use is made up, so what each home truly saved is known. It is told to nothing of the product: only readings are.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from tanpuhui.cli.demo.calendar import ZONE, Calendar
from tanpuhui.cli.demo.people import pseudonym
from tanpuhui.cli.demo.plan import City
from tanpuhui.close.places import Places
from tanpuhui.close.run import CloseAnswer, close_day
from tanpuhui.consent.give import Giving, give_many
from tanpuhui.consent.terms import Terms
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.kit.home import keys
from tanpuhui.kit.moment import day_bounds_us
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.methodology.load import Library
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.join import join
from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.month import last_day, months_between, same_month
from tanpuhui.programme.open import KIND, METHODOLOGY, Design, open_programme
from tanpuhui.programme.seal import look_inside
from tanpuhui.programme.settle import Order, mg_each_wh, settle
from tanpuhui.programme.unseal import unseal
from tanpuhui.programme.verify import Checked, verify
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.certify import Order as LotOrder
from tanpuhui.registry.certify import certify
from tanpuhui.registry.models import Lot
from tanpuhui.registry.refusals import LessThanATonne

CODE, METHOD = "demo-saves", "demo"
TITLE_ZH, TITLE_EN = "全城节电", "The city saves electricity"
#: Homes of the list: residents' own, and others of the same streets, so that a small city has a hold-out too.
FEWEST_HOMES, MOST_HOMES = 100, 2_000
#: Three in ten are held out; of ten of the others six join, and use eight per cent less than they would have.
HELD_OUT_PERCENT, JOIN_OF_10, SAVING_PERCENT = 30, 6, 8
#: A quarter before the week, which no bill and no day of a home's meter counts as well.
BASELINE_FROM, STARTS, ENDS = date(2024, 10, 1), date(2025, 10, 1), date(2025, 12, 1)
#: Standard deviations of logarithms, as in the synthetic cities of the benchmark of schemes.
MEAN_MONTH_WH, LEVEL_SD, DRIFT_SD, NOISE_SD = 250_000, 0.34, 0.18, 0.20
#: Everybody uses less in the second year: a mild one, which is nobody's saving.
MILD_PERCENT = 4


@dataclass(frozen=True)
class Home:
    """A home of the list, and its use by month in Wh: as it is, and as it would have been without the programme."""

    name: str
    resident: int | None
    before_wh: tuple[int, ...]
    without_wh: tuple[int, ...]
    saves: bool

    @property
    def used_wh(self) -> tuple[int, ...]:
        return tuple(_less(one, SAVING_PERCENT) for one in self.without_wh) if self.saves else self.without_wh

    @property
    def saved_wh(self) -> int:
        return sum(self.without_wh) - sum(self.used_wh)

    @property
    def good_months_wh(self) -> int:
        """What a rule would pay that counts each month below the same one of last year, and none above."""
        return sum(max(was - now, 0) for was, now in zip(self.before_wh, self.used_wh, strict=True))


@dataclass(frozen=True)
class Saved:
    """What came of the programme, beside what is true; ``shared_to`` are accounts whose share is above 0."""

    programme: Programme
    period: Period
    answer: CloseAnswer
    checked: Checked
    lot: Lot | None
    gained_mg: int
    true_wh: int
    true_mg: int
    good_months_wh: int
    shared_to: tuple[int, ...]

    @property
    def certified_mg(self) -> int:
        return self.lot.tonnes * TONNE_MG if self.lot else 0

    @property
    def is_within_truth(self) -> bool:
        """No more certified than was saved: so in nineteen programmes of twenty, which is what the bound promises."""
        return self.certified_mg <= self.true_mg

    @property
    def is_exact(self) -> bool:
        """What holds whatever the draw: the same again, and no milligram between bound, shares, ledger and lot."""
        period = self.period
        return (
            self.checked.stands
            and period.shared_mg == self.answer.credited_mg == self.gained_mg
            and self.certified_mg <= period.shared_mg <= period.certifiable_mg
        )

    def as_json(self) -> dict[str, Any]:
        period = self.period
        return {
            "programme": self.programme.code,
            "commitment": self.programme.commitment,
            "homes": self.programme.homes,
            "held_out": self.programme.held_out,
            "joined": period.joined,
            "estimated_wh": period.saved_wh,
            "error_wh": period.error_wh,
            "bound_wh": period.bound_wh,
            "shared_mg": period.shared_mg,
            "lot": self.lot.code if self.lot else None,
            "certified_mg": self.certified_mg,
            "true_wh": self.true_wh,
            "true_mg": self.true_mg,
            "good_months_wh": self.good_months_wh,
            "within_truth": self.is_within_truth,
            "verified": self.checked.stands,
        }


@dataclass(frozen=True)
class Frame:
    """Where it happens, and under whose names a lot is made."""

    places: Places
    jurisdiction: Jurisdiction
    library: Library
    folder: Path
    operator: str
    verifier: str


def homes_of(city: City) -> list[tuple[str, int | None]]:
    """The list: homes of residents whose grants are plain, then others, by the pseudonym of their meter."""
    plain = [one.number for one in city.residents if one.plain][:MOST_HOMES]
    others = max(FEWEST_HOMES - len(plain), 0)
    found: list[tuple[str, int | None]] = [(pseudonym(city.seed, CODE, number), number) for number in plain]
    return found + [(pseudonym(city.seed, CODE, -number), None) for number in range(1, others + 1)]


def fix_numbers(city: City) -> None:
    """The key of pseudonyms, invented, so that the same city has the same draw; a real installation's is random."""
    path = keys() / "pseudonyms"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(hashlib.sha256(f"pseudonyms|{CODE}|{city.seed}".encode()).digest())


def begin(city: City, frame: Frame, at: datetime) -> Programme:
    """Draw and seal the hold-out, and freeze what homes used before, before anybody of the city has an account."""
    then = [same_month(month, BASELINE_FROM) for month in months_between(STARTS, ENDS)]
    before = {home.name: home.before_wh for home in _lived(city)}
    design = Design(
        code=CODE,
        title_zh=TITLE_ZH,
        title_en=TITLE_EN,
        homes=[name for name, _ in homes_of(city)],
        percent=HELD_OUT_PERCENT,
        rung="L5",
        baseline_from=BASELINE_FROM,
        starts_on=STARTS,
        pia_reference="DEMO: invented programme, no privacy impact assessment",
        # Invented, so that the same city has the same draw; a real one is random.
        seed=hashlib.sha256(f"{CODE}|{city.seed}".encode()).hexdigest(),
        baseline=write(before, then, frame.folder),
    )
    with transaction.atomic():
        return open_programme(
            design, at=at, zone=frame.jurisdiction.zone, library=frame.library, places=frame.places
        )


def recruit(city: City, accounts: Mapping[int, int], at: datetime) -> int:
    """Ask residents who were not held out; those who join link their home and agree. Answers how many."""
    joining = _joining(city)
    terms = Terms(provider=CODE, kinds=(KIND,), acts_from_us=day_bounds_us(STARTS, ZONE.key)[0])
    with transaction.atomic():
        join(CODE, [(name, accounts[number]) for name, number in joining.items()], at=at)
        given = [Giving(account=accounts[number], terms=terms) for number in joining.values()]
        return len(give_many(given, at=at, method=METHOD))


def finish(city: City, frame: Frame, before_mg: Mapping[int, int]) -> Saved:
    """Settle a quarter, close its last day, open the seal, verify, certify; ``before_mg`` is what accounts had."""
    from tanpuhui.cli.demo.run import residents_mg

    homes = live(city)
    day, at = last_day(ENDS), Calendar(city.days).settled_at
    used = {home.name: home.used_wh for home in homes}
    order = Order(CODE, STARTS, ENDS, write(used, list(months_between(STARTS, ENDS)), frame.folder))
    with transaction.atomic():
        period = settle(order, at=at, places=frame.places, library=frame.library)
    answer = close_day(
        day, at=at, places=frame.places, jurisdiction=frame.jurisdiction, library=frame.library
    )
    with transaction.atomic():
        unseal(CODE, at=at)
    checked = verify(CODE, places=frame.places, library=frame.library)
    lot = _certify(frame, day, at)
    after_mg = residents_mg()
    gained = {account: after_mg[account] - before_mg.get(account, 0) for account in after_mg}
    joined = [home for home in homes if home.saves]
    true_wh = sum(home.saved_wh for home in joined)
    each = mg_each_wh(frame.library.in_force(METHODOLOGY, day), day)
    return Saved(
        programme=get_programme(CODE),
        period=period,
        answer=answer,
        checked=checked,
        lot=lot,
        gained_mg=sum(gained.values()),
        true_wh=true_wh,
        true_mg=math.floor(true_wh * each),
        good_months_wh=sum(home.good_months_wh for home in joined),
        shared_to=tuple(sorted(account for account, amount_mg in gained.items() if amount_mg > 0)),
    )


def live(city: City) -> list[Home]:
    """Use of every home of the list in two years' same months, and which of them joined."""
    joining = _joining(city)
    return [replace(home, saves=home.name in joining) for home in _lived(city)]


def _lived(city: City) -> list[Home]:
    """The same before anybody joins: all draws are made whoever does."""
    rng = random.Random(f"{CODE}|{city.seed}|{len(city.residents)}")
    months = len(list(months_between(STARTS, ENDS)))
    homes = []
    for name, resident in homes_of(city):
        level = rng.gauss(math.log(MEAN_MONTH_WH), LEVEL_SD)
        later = level + rng.gauss(0, DRIFT_SD)
        before = tuple(_month(rng, level) for _ in range(months))
        without = tuple(_less(_month(rng, later), MILD_PERCENT) for _ in range(months))
        homes.append(Home(name, resident, before, without, saves=False))
    return homes


def write(used: Mapping[str, Sequence[int]], months: Sequence[date], folder: Path) -> Path:
    """A file of the grid company: what each home used in each of some months."""
    lines = ["home,month,energy_wh"]
    for name, energies_wh in used.items():
        for month, energy_wh in zip(months, energies_wh, strict=True):
            lines.append(f"{name},{month:%Y-%m},{energy_wh}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{CODE}_{months[0]:%Y-%m}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _joining(city: City) -> dict[str, int]:
    """Who joins of those that were asked: more than half; nobody who was held out is asked."""
    held = look_inside(get_programme(CODE)).held
    listed = homes_of(city)
    numbers = {
        name: subject
        for piece in subject_ids(latest(CODE), [name for name, _ in listed])
        for name, (subject, _account) in piece.items()
    }
    asked = [(name, number) for name, number in listed if number and numbers[name] not in held]
    return {name: number for place, (name, number) in enumerate(asked) if place % 10 < JOIN_OF_10}


def _certify(frame: Frame, day: date, at: datetime) -> Lot | None:
    """A lot of whole tonnes; ``None`` where the bound leaves less than one, which is a result too."""
    order = LotOrder(
        methodology=METHODOLOGY,
        version=frame.library.in_force(METHODOLOGY, day).version,
        vintage=day.year,
        through=day,
        operator=frame.operator,
        verifier=frame.verifier,
        at=at + timedelta(hours=1),
    )
    try:
        with transaction.atomic():
            return certify(order, places=frame.places, jurisdiction=frame.jurisdiction, library=frame.library)
    except LessThanATonne:
        return None


def _month(rng: random.Random, level: float) -> int:
    """A month's meter reading, rounded once, when it is read."""
    return round(math.exp(level + rng.gauss(0, NOISE_SD)))


def _less(energy_wh: int, percent: int) -> int:
    """So many per cent less, rounded down."""
    return energy_wh * (100 - percent) // 100
