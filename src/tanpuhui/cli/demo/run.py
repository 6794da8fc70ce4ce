"""Run: a city through the product's own verbs, from providers' files to a certified lot, and what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from tanpuhui.cli.demo import check, ends, files, stations
from tanpuhui.cli.demo.calendar import FIRST_DAY, Calendar
from tanpuhui.cli.demo.disclose import let_the_bank_see
from tanpuhui.cli.demo.plan import City, Delivery
from tanpuhui.cli.demo.register import Registered, link, refuse_used_database, register, withdraw_until
from tanpuhui.cli.demo.save import Frame, Saved, begin, finish, fix_numbers, recruit
from tanpuhui.cli.demo.sell import Sold, sell
from tanpuhui.cli.demo.spend import Spent, spend
from tanpuhui.cli.demo.together import live_together
from tanpuhui.cli.demo.users import make_users
from tanpuhui.cli.demo.verify import Lot as ProposedLot
from tanpuhui.cli.demo.verify import verify
from tanpuhui.close.due import behind
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.run import CloseAnswer, close_day
from tanpuhui.consent.policy import policy
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.take import take
from tanpuhui.evidence.weighing import Row as Weighed
from tanpuhui.evidence.weighing import declare
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.progress import Report
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.invariants import Finding
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.certify import Order, certify
from tanpuhui.registry.models import Lot
from tanpuhui.registry.monthly import publish
from tanpuhui.registry.refusals import LessThanATonne, NoNoise
from tanpuhui.transparency.credential_status import publish_lists
from tanpuhui.verification.models import Statement
from tanpuhui.verification.refusals import NothingToVerify, RefusedUnchanged

OPERATOR, VERIFIER = "Demonstration city centre", "Demonstration verifier"
#: The methodology of which the first lot is made.
FIRST_LOT = "shenzhen/metro"


@dataclass(frozen=True)
class Installation:
    """Where the city runs: its files, its rules and its library."""

    places: Places
    jurisdiction: Jurisdiction
    library: Library
    folder: Path


@dataclass
class Taken:
    """Receipts of files by first taking, and how many files came again and were answered as before."""

    receipts: list[Receipt] = field(default_factory=list)
    batches: set[int] = field(default_factory=set)
    repeated: int = 0

    def note(self, receipt: Receipt) -> None:
        if receipt.batch in self.batches:
            self.repeated += 1
        else:
            self.receipts.append(receipt)
        self.batches.add(receipt.batch)


@dataclass(frozen=True)
class Result:
    """All that came out, ready to be compared with the truth."""

    city: City
    expected: check.Expected
    receipts: Sequence[Receipt]
    first: Sequence[CloseAnswer]
    last: Sequence[CloseAnswer]
    lot: Lot | None
    statements: tuple[Statement, ...]
    planted: Mapping[str, int]
    found: Mapping[str, int]
    astray: Mapping[tuple[str, str, str], int]
    ledger_findings: Sequence[Finding]
    accounts: Mapping[int, int]
    ledger_mg: Mapping[int, int]
    spent: Spent | None
    sold: Sold | None
    saved: Saved

    @property
    def credited_mg(self) -> int:
        """What stands after every day's last close, in mg."""
        return sum(answer.credited_mg for answer in self.last)

    @property
    def certified_mg(self) -> int:
        return self.lot.tonnes * TONNE_MG if self.lot else 0

    def count(self, name: str) -> int:
        """A sum over receipts: ``rows``, ``accepted``, ``duplicate`` or ``refused``."""
        return sum(getattr(receipt, name) for receipt in self.receipts)

    def reasons(self) -> dict[str, int]:
        """Refused rows by code."""
        found: Counter[str] = Counter()
        for receipt in self.receipts:
            found.update(receipt.reasons)
        return dict(sorted(found.items()))

    def outcomes(self) -> dict[str, int]:
        """Records by end, over the closes that stand."""
        found: Counter[str] = Counter()
        for answer in self.last:
            found.update(answer.outcomes)
        return dict(found.most_common())

    def wrong_accounts(self) -> list[int]:
        """Residents whose accounts do not have, to the milligram, what the truth says."""
        honest = self.expected.by_resident()
        return [
            resident
            for resident, account in self.accounts.items()
            if self.ledger_mg.get(account, 0) != honest.get(resident, 0)
        ]

    @property
    def ledger_ok(self) -> bool:
        """The ledger breaks none of its rules and holds, account by account, what was credited."""
        return not self.ledger_findings and sum(self.ledger_mg.values()) == self.credited_mg

    @property
    def is_true(self) -> bool:
        """Everything planted was found, and the honest total was credited to the milligram."""
        found_all = self.planted == self.found
        exact = self.credited_mg == self.expected.honest_mg and not self.wrong_accounts()
        return found_all and exact and self.ledger_ok and self.paid_exactly and self.saved.is_exact

    @property
    def paid_exactly(self) -> bool:
        """Where something was sold and spent: everybody was paid, and what is above the cap was refused."""
        spent, sold = self.spent, self.sold
        shop = spent is None or spent.is_paid
        pool = sold is None or (sold.paid_out_minor == sold.amount_minor and bool(sold.refused))
        return shop and pool


def run(city: City, at: Installation, report: Report) -> Result:
    """Take a city through a week, its late files, a first lot, and a check of everything."""
    steps = Steps(report, whole=len(city.deliveries) + 3 * city.days + 10)
    calendar = Calendar(city.days)
    expected = check.expect(city)
    steps.begin("Opening accounts, giving grants")
    refuse_used_database()
    fix_numbers(city)
    frame = Frame(at.places, at.jurisdiction, at.library, at.folder, OPERATOR, VERIFIER)
    begin(city, frame, calendar.drawn_at)
    registered = register(city)
    make_users(registered.accounts, calendar.opened_at)
    recruit(city, registered.accounts, calendar.opened_at)
    taken = Taken()
    first = _week(city, registered, taken, at, steps)
    last = _afterwards(city, registered, taken, at, steps)
    steps.begin("A verifier looks into the first lot")
    looked = verify_first(city, at, taken)
    last = _corrected(city, last, taken, at, steps)
    steps.begin("The verifier looks again")
    statements = tuple(one for one in (looked, verify_again(city, at)) if one is not None)
    steps.begin("Certifying a first lot")
    lot = certify_first(city, at)
    steps.begin("Publishing statistics")
    publish_statistics(at)
    live_together(registered.accounts, city.days)
    let_the_bank_see(registered.accounts, city.days, at.jurisdiction)
    steps.begin("Checking the ledger, and every row against the truth")
    standing = list(Manifest.objects.order_by("day", "-sequence").distinct("day"))
    really = ends.real_ends(taken.receipts, standing, at.places)
    planted, found = check.compare(
        city, expected, really, repeated=taken.repeated, children=registered.refused_children
    )
    ledger_mg = residents_mg()
    steps.begin("Spending, settling")
    spent = spend(registered.accounts, city.days, at.jurisdiction)
    steps.begin("Selling, surrendering")
    adults = {one.number: registered.accounts[one.number] for one in city.residents if not one.guardian}
    sold = sell(adults, city.days, at.jurisdiction, lot)
    steps.begin("Homes save electricity together")
    saved = finish(city, frame, residents_mg())
    publish_lists(policy().origin, at=utc_now())
    steps.begin("Done")
    return Result(
        city=city,
        expected=expected,
        receipts=taken.receipts,
        first=first,
        last=last,
        lot=lot,
        statements=statements,
        planted=planted,
        found=found,
        astray=check.astray(expected, really),
        ledger_findings=check_ledger(connection),
        accounts=registered.accounts,
        ledger_mg=ledger_mg,
        spent=spent,
        sold=sold,
        saved=saved,
    )


class Steps:
    """Counts steps for whoever watches."""

    def __init__(self, report: Report, whole: int) -> None:
        self._report, self._whole, self._done = report, whole, -1

    def begin(self, what: str) -> None:
        self._done += 1
        self._report(f"Running a city: {what}", min(self._done, self._whole), self._whole)


def certify_first(city: City, at: Installation) -> Lot | None:
    """A first lot of whole tonnes; ``None`` in a city too small for one."""
    last_day = Calendar(city.days).day(city.days - 1)
    order = Order(
        methodology=FIRST_LOT,
        version=at.library.in_force(FIRST_LOT, last_day).version,
        vintage=last_day.year,
        through=last_day,
        operator=OPERATOR,
        verifier=VERIFIER,
        at=Calendar(city.days).certified_at,
    )
    try:
        with transaction.atomic():
            return certify(order, places=at.places, jurisdiction=at.jurisdiction, library=at.library)
    except LessThanATonne:
        return None


def verify_first(city: City, at: Installation, taken: Taken) -> Statement | None:
    """What a verifier says of the first lot, before anything is corrected; nothing where there is nothing to say."""
    return _verified(city, at, wrong_ways(city, taken), Calendar(city.days).verified_at)


def verify_again(city: City, at: Installation) -> Statement | None:
    """What it says after the correction: every act agrees with the evidence. Nothing where it accepted at once."""
    calendar = Calendar(city.days)
    return _verified(city, at, {}, calendar.corrected_at + (calendar.corrected_at - calendar.verified_at))


def _verified(city: City, at: Installation, right_m: Mapping[int, int], moment: datetime) -> Statement | None:
    try:
        return verify(_proposed(city, at), right_m, at=moment)
    except (NothingToVerify, RefusedUnchanged):
        return None


def wrong_ways(city: City, taken: Taken) -> dict[int, int]:
    """The gates' log: what the way of each metro trip really was, in m, by the record that says otherwise."""
    first_time = check.first_deliveries(city.deliveries)
    right = {
        str(row.columns["source_id"]): row.act.measures["distance_m"]
        for delivery in first_time
        for row in delivery.rows
        if row.act is not None and row.fault == "ways_corrected"
    }
    return {
        receipt.batch * ROWS_PER_BATCH + number: right[str(row.columns["source_id"])]
        for delivery, receipt in zip(first_time, taken.receipts, strict=False)
        for number, row in enumerate(delivery.rows, 1)
        if row.fault == "ways_counted_three_times"
    }


def _proposed(city: City, at: Installation) -> ProposedLot:
    calendar = Calendar(city.days)
    last_day = calendar.day(city.days - 1)
    return ProposedLot(
        methodology=FIRST_LOT,
        version=at.library.in_force(FIRST_LOT, last_day).version,
        through=last_day,
        operator=OPERATOR,
        places=at.places,
        jurisdiction=at.jurisdiction,
        library=at.library,
        folder=at.folder,
    )


def publish_statistics(at: Installation) -> None:
    """The month's statistics, of kinds and districts, released where OpenDP is installed; elsewhere none are."""
    with suppress(NoNoise), transaction.atomic():
        publish(
            f"{FIRST_DAY:%Y-%m}",
            at=utc_now(),
            places=at.places,
            jurisdiction=at.jurisdiction,
            library=at.library,
        )


def residents_mg() -> dict[int, int]:
    """What each account has in the ledger now, pending and certified, held included, in mg."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.account_id >> 4, SUM(b.available + b.held)::bigint FROM ledger_balance AS b "
            "JOIN ledger_asset AS a ON a.id = b.asset_id "
            "WHERE b.account_id & 15 = ANY(%s) AND a.unit = 'mg' GROUP BY 1",
            [[int(Kind.RESIDENT_PENDING), int(Kind.RESIDENT_CERTIFIED)]],
        )
        return {int(account): int(amount_mg) for account, amount_mg in cursor.fetchall()}


def _week(
    city: City, registered: Registered, taken: Taken, at: Installation, steps: Steps
) -> list[CloseAnswer]:
    """Night after night: what residents withdrew, the files of the day, and its close."""
    calendar = Calendar(city.days)
    before = calendar.opened_at
    answers = []
    for index in range(city.days):
        _take_all(_arriving(city, before, calendar.taken_at(index)), taken, at, steps)
        weigh(city, before, calendar.taken_at(index), at)
        withdraw_until(city, registered, before, calendar.closed_at(index))
        before = calendar.closed_at(index)
        answers.append(_close(calendar, index, before, at, steps))
    return answers


def _afterwards(
    city: City, registered: Registered, taken: Taken, at: Installation, steps: Steps
) -> list[CloseAnswer]:
    """Late links and late files; then every day is closed again, and the differences are posted."""
    calendar = Calendar(city.days)
    with transaction.atomic():
        link(city, registered.accounts, calendar.late_at, late=True)
    late = _arriving(city, calendar.closed_at(city.days - 1), calendar.late_at)
    _take_all(late, taken, at, steps)
    weigh(city, calendar.closed_at(city.days - 1), calendar.late_at, at)
    return [_close(calendar, index, calendar.closed_again_at, at, steps) for index in range(city.days)]


def _corrected(
    city: City, last: Sequence[CloseAnswer], taken: Taken, at: Installation, steps: Steps
) -> list[CloseAnswer]:
    """The file that corrects what the verifier found; the days that it concerns, and what rests on them, again."""
    calendar = Calendar(city.days)
    _take_all(_arriving(city, calendar.closed_again_at, calendar.corrected_at), taken, at, steps)
    due = set(behind([answer.day for answer in last], at.places))
    return [
        _close(calendar, index, calendar.corrected_at, at, steps) if answer.day in due else answer
        for index, answer in enumerate(last)
    ]


def weigh(city: City, after: datetime, until: datetime, at: Installation) -> None:
    """What the haulier says in a stretch of time that it weighed at the stations."""
    rows = [
        Weighed(one.station, day, day, one.fetched_g)
        for one in city.fetched
        if after < one.declared_at <= until and (day := Calendar(city.days).day(one.index))
    ]
    with transaction.atomic():
        declare(
            stations.PROVIDER,
            rows,
            source=stations.HAULIER,
            at=until,
            by="operator",
            lake=at.places.lake,
        )


def _arriving(city: City, after: datetime, until: datetime) -> list[Delivery]:
    return [delivery for delivery in city.deliveries if after < delivery.received_at <= until]


def _take_all(deliveries: Sequence[Delivery], taken: Taken, at: Installation, steps: Steps) -> None:
    for delivery in deliveries:
        steps.begin(f"Taking files: {delivery.file_name}")
        taken.note(_take(delivery, at))


def _take(delivery: Delivery, at: Installation) -> Receipt:
    path = files.write(delivery, at.folder)
    with transaction.atomic():
        return take(
            delivery.provider,
            path,
            key=delivery.key,
            at=delivery.received_at,
            lake=at.places.lake,
            buckets=at.places.buckets,
            zone=at.jurisdiction.zone,
        )


def _close(calendar: Calendar, index: int, moment: datetime, at: Installation, steps: Steps) -> CloseAnswer:
    day = calendar.day(index)
    steps.begin(f"Closing: {day}")
    return close_day(day, at=moment, places=at.places, jurisdiction=at.jurisdiction, library=at.library)
