"""Register: open the city's accounts, make its contracts, link pseudonyms, and give and withdraw grants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from tanpuhui.cli.demo import stations
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.cli.demo.city import CONTRACTS
from tanpuhui.cli.demo.plan import City, Grant
from tanpuhui.consent.give import Giving, give_many
from tanpuhui.consent.models import HomeDistrict, Resident
from tanpuhui.consent.open_account import Facts, open_account, open_accounts
from tanpuhui.consent.refusals import GuardianMissing
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.evidence import contract as contracts
from tanpuhui.evidence.link import link_many
from tanpuhui.evidence.models import Batch
from tanpuhui.kit.moment import to_us
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.districts import load_districts

METHOD = "demo"


class DatabaseInUse(Refusal):
    code = "demo.database_in_use"
    message = (
        "The database holds {accounts} accounts and {batches} batches already; a demonstration is never mixed with "
        "anybody's records. Unset TANPUHUI_DATABASE_URL, or name an empty database with it."
    )


@dataclass(frozen=True)
class Registered:
    """Accounts by resident, grants of the platform in the order of the city's, and children who were refused."""

    accounts: dict[int, int]
    grants: tuple[int, ...]
    refused_children: int


def refuse_used_database() -> None:
    """A demonstration runs in a database that holds nobody's accounts and nobody's evidence."""
    accounts, batches = Resident.objects.count(), Batch.objects.count()
    if accounts or batches:
        raise DatabaseInUse(accounts=accounts, batches=batches)


def make_contracts(at: datetime) -> None:
    """The trial contracts that are shipped, and those of the three providers that only this city has.

    The sorting stations' contract says that they must balance with what the haulier weighs.
    """
    contracts.ensure_default_contracts(at=at)
    contracts.add(
        stations.PROVIDER,
        format=stations.PROVIDER,
        kinds=("waste_sorting",),
        precedence=20,
        options={contracts.MUST_BALANCE: True},
        pia_reference=contracts.DEMO_PIA,
        valid_from=at.date(),
        made_at=at,
    )
    for provider, (kinds, precedence) in CONTRACTS.items():
        contracts.add(
            provider,
            format="generic",
            kinds=kinds,
            precedence=precedence,
            pia_reference="DEMO: invented provider, no privacy impact assessment",
            valid_from=at.date(),
            made_at=at,
        )


def register(city: City) -> Registered:
    """Contracts, accounts, links and grants, as they are before the first day; into an empty database only."""
    at = Calendar(city.days).opened_at
    refuse_used_database()
    with transaction.atomic():
        make_contracts(at)
        accounts = open_all(city, at)
        link(city, accounts, at, late=False)
        grants = give_all(city, accounts, at)
    return Registered(accounts, grants, refuse_children(city, at))


def open_all(city: City, at: datetime) -> dict[int, int]:
    """An account for each resident: adults first, then children, whose guardians have one by then."""
    adults = [resident for resident in city.residents if resident.guardian is None]
    children = [resident for resident in city.residents if resident.guardian is not None]
    facts = {place: Facts(birth_on=resident.birth_on) for place, resident in enumerate(adults)}
    opened = open_accounts(len(adults), at=at, facts=facts)
    accounts = dict(zip((resident.number for resident in adults), opened, strict=True))
    facts = {
        place: Facts(birth_on=resident.birth_on, guardian=accounts[resident.guardian or 0])
        for place, resident in enumerate(children)
    }
    opened = open_accounts(len(children), at=at, facts=facts)
    _say_districts(list(accounts.values()), at)
    return accounts | dict(zip((resident.number for resident in children), opened, strict=True))


def _say_districts(accounts: list[int], at: datetime) -> None:
    """Three of four adults say where they live; more of them in the district that has the most people."""
    codes = [one.code for one in load_districts("shanghai")]
    codes += ["310115"] * 3
    said = [
        HomeDistrict(resident_id=account, code=codes[account * 7 % len(codes)], said_at=at)
        for account in accounts
        if account % 4
    ]
    HomeDistrict.objects.bulk_create(said, batch_size=2_000)


def refuse_children(city: City, at: datetime) -> int:
    """How many children without a guardian are refused an account."""
    refused = 0
    for birth_on in city.refused_children:
        try:
            with transaction.atomic():
                open_account(at=at, birth_on=birth_on)
        except GuardianMissing:
            refused += 1
    return refused


def link(city: City, accounts: dict[int, int], at: datetime, *, late: bool) -> int:
    """Link the pseudonyms of those who are linked from the start, or of those who are linked late."""
    linked = {resident.number for resident in city.residents if resident.linked_late == late}
    return sum(
        link_many(provider, [(name, accounts[number]) for name, number in known if number in linked], at=at)
        for provider, known in city.pseudonyms().items()
    )


def give_all(city: City, accounts: dict[int, int], at: datetime) -> tuple[int, ...]:
    """Give every grant of the city, signed one by one and stored together."""
    guardians = {resident.number: resident.guardian for resident in city.residents if resident.guardian}
    givings = [
        Giving(
            account=accounts[grant.resident],
            terms=_terms(grant),
            guardian=accounts[guardians[grant.resident]] if grant.resident in guardians else None,
        )
        for grant in city.grants
    ]
    return tuple(grant.pk for grant in give_many(givings, at=at, by="operator", method=METHOD))


def withdraw_until(city: City, registered: Registered, after: datetime, until: datetime) -> int:
    """Withdraw what residents take back in a stretch of time; answers how many grants."""
    count = 0
    with transaction.atomic():
        for grant, number in zip(city.grants, registered.grants, strict=True):
            if grant.withdrawn_at is not None and after < grant.withdrawn_at <= until:
                withdraw(number, at=grant.withdrawn_at, method=METHOD)
                count += 1
    return count


def _terms(grant: Grant) -> Terms:
    return Terms(
        provider=grant.provider,
        kinds=grant.kinds,
        acts_from_us=to_us(grant.from_at),
        acts_to_us=to_us(grant.until_at) if grant.until_at else None,
    )
