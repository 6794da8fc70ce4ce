"""``tanpuhui offset``: a company's cap, and what it reserves and surrenders under it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now

app = App(name="offset", help="A company's cap, what it uses under it or of its own will, and certificates.")

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


@app.command
def cap(
    *,
    jurisdiction: str,
    year: int,
    verified_emissions_t: str | None = None,
    allowances_t: str | None = None,
    as_json: Json = False,
) -> int:
    """The most that a company may offset in a year, with the rule and the arithmetic.

    Example: tanpuhui offset cap --jurisdiction guangdong --year 2022 --verified-emissions-t 1000000 --json

    Parameters
    ----------
    jurisdiction
        Whose rules apply.
    year
        The compliance year: the rule in force on its last day counts.
    verified_emissions_t
        The company's verified emissions of the year, in t CO2e.
    allowances_t
        Its allowances of the year, in t CO2e, where the cap is a share of them.
    """
    from tanpuhui.kit.tonnes import parse_tonnes
    from tanpuhui.offsetting.cap import YearOf, cap_of
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    def tonnes(option: str, given: str | None) -> int | None:
        return None if given is None else parse_tonnes(given, name=option)

    of = YearOf(
        year,
        tonnes("--verified-emissions-t", verified_emissions_t),
        tonnes("--allowances-t", allowances_t),
    )
    found = cap_of(load_jurisdiction(jurisdiction), of)
    if as_json:
        print_json(found.as_json())
        return 0
    console.print(f"[bold]{found.arithmetic}[/]", highlight=False)
    console.print(found.rule_text, highlight=False, markup=False)
    console.print(f"{found.rule.status}: {found.rule.source}", style="dim", highlight=False, markup=False)
    return 0


@app.command
def declare(
    *,
    company: str,
    jurisdiction: str,
    year: int,
    verified_emissions_t: str,
    source: str,
    allowances_t: str | None = None,
    as_json: Json = False,
) -> int:
    """Record what a company emitted in a year, verified; declared again, the newest counts.

    Example: tanpuhui offset declare --company acme --jurisdiction guangdong --year 2022
    --verified-emissions-t 1000000 --source "verification report 17"

    Parameters
    ----------
    company
        Code of the company.
    jurisdiction
        Whose rules apply.
    year
        The compliance year.
    verified_emissions_t
        Verified emissions of the year, in t CO2e.
    source
        Who says so: a verification report, or the authority's notice.
    allowances_t
        Allowances of the year, in t CO2e.
    """
    from django.db import transaction

    from tanpuhui.kit.tonnes import parse_tonnes
    from tanpuhui.offsetting.cap import YearOf
    from tanpuhui.offsetting.declare import declare as record
    from tanpuhui.offsetting.report import report_of
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    of = YearOf(
        year,
        parse_tonnes(verified_emissions_t, name="--verified-emissions-t"),
        None if allowances_t is None else parse_tonnes(allowances_t, name="--allowances-t"),
    )
    owner = _owner(company)
    rules = load_jurisdiction(jurisdiction)
    with transaction.atomic():
        record(owner, rules, of, source=source, at=utc_now())
    return _print(report_of(owner, rules, year), as_json=as_json)


@app.command
def reserve(
    *,
    company: str,
    jurisdiction: str,
    year: int,
    amount_t: str,
    key: str | None = None,
    as_json: Json = False,
) -> int:
    """Set a company's units aside for a year, under its cap and the pool of all companies.

    Example: tanpuhui offset reserve --company acme --jurisdiction guangdong --year 2022 --amount-t 60000 --json

    Parameters
    ----------
    company
        Code of the company.
    jurisdiction
        Whose rules apply.
    year
        The compliance year.
    amount_t
        Whole tonnes CO2e.
    key
        Names this filing: repeated with the same key it is answered as before, a no included. A new one when left out.
    """
    from django.db import transaction

    from tanpuhui.kit.tonnes import parse_tonnes
    from tanpuhui.offsetting.answer import file
    from tanpuhui.offsetting.report import reservation_as_json
    from tanpuhui.offsetting.reserve import ReserveOrder
    from tanpuhui.offsetting.year import get_reservation
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    order = ReserveOrder(
        key or str(uuid4()), _owner(company), year, parse_tonnes(amount_t, name="--amount-t")
    )
    with transaction.atomic():
        answer = file(order, load_jurisdiction(jurisdiction), at=utc_now())
    found = get_reservation(answer.accepted()["reservation"])
    return _print_reservation(reservation_as_json(found), as_json=as_json)


@app.command
def surrender(reservation: int, /, *, key: str | None = None, as_json: Json = False) -> int:
    """Use a reservation against the year's emissions: its units are retired, once and for good.

    Example: tanpuhui offset surrender 1 --json

    Parameters
    ----------
    reservation
        Number of the reservation.
    key
        Names this step: repeated with the same key it is answered as before. One for the reservation when left out.
    """
    from django.db import transaction

    from tanpuhui.offsetting.report import reservation_as_json
    from tanpuhui.offsetting.surrender import surrender as use

    with transaction.atomic():
        used = use(reservation, key=key or f"cli:{reservation}", at=utc_now())
    return _print_reservation(reservation_as_json(used), as_json=as_json)


@app.command
def release(reservation: int, /, *, key: str | None = None, as_json: Json = False) -> int:
    """Give a reservation up: its units are the company's again.

    Example: tanpuhui offset release 1

    Parameters
    ----------
    reservation
        Number of the reservation.
    key
        Names this step, as with surrender.
    """
    from django.db import transaction

    from tanpuhui.offsetting.release import release as give_up
    from tanpuhui.offsetting.report import reservation_as_json

    with transaction.atomic():
        given_up = give_up(reservation, key=key or f"cli:{reservation}", at=utc_now())
    return _print_reservation(reservation_as_json(given_up), as_json=as_json)


@app.command
def replace(reservation: int, lot: str, /, *, key: str | None = None, as_json: Json = False) -> int:
    """Retire other units in the place of surrendered ones whose lot was annulled.

    Example: tanpuhui offset replace 1 DEMO-000001

    Parameters
    ----------
    reservation
        Number of the surrendered reservation.
    lot
        The annulled lot.
    key
        Names this step, as with surrender.
    """
    from django.db import transaction

    from tanpuhui.offsetting.replace import replace as stand_in
    from tanpuhui.offsetting.report import reservation_as_json

    with transaction.atomic():
        done = stand_in(reservation, lot, key=key or f"cli:{reservation}:{lot}", at=utc_now())
    return _print_reservation(reservation_as_json(done.reservation), as_json=as_json)


@app.command
def retire(
    *,
    company: str,
    jurisdiction: str,
    amount_t: str,
    beneficiary: str,
    purpose: str,
    lot: str = "",
    key: str | None = None,
    as_json: Json = False,
) -> int:
    """Retire a company's units voluntarily, for an event or for somebody: once and for good, with a certificate.

    Example: tanpuhui offset retire --company acme --jurisdiction demo --amount-t 12
    --beneficiary "City marathon 2026" --purpose "travel of its runners" --json

    Parameters
    ----------
    company
        Code of the company.
    jurisdiction
        Whose reductions are retired: its rules must let them be used so.
    amount_t
        Whole tonnes CO2e.
    beneficiary
        For whom: an event or an organisation. Public: name no person.
    purpose
        For what. Public.
    lot
        Code of one lot; the oldest first when left out.
    key
        Names this step: repeated with the same key it is answered as before, a no included. A new one when left out.
    """
    from django.db import transaction

    from tanpuhui.kit.tonnes import parse_tonnes
    from tanpuhui.offsetting.answer import retire_once
    from tanpuhui.offsetting.certificate import find_certificate
    from tanpuhui.offsetting.voluntary import VoluntaryOrder
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    amount_mg = parse_tonnes(amount_t, name="--amount-t")
    order = VoluntaryOrder(
        key or str(uuid4()), _owner(company), amount_mg, beneficiary, purpose, lot.strip().upper()
    )
    with transaction.atomic():
        answer = retire_once(order, load_jurisdiction(jurisdiction), at=utc_now())
    return _print_certificate(find_certificate(answer.accepted()["certificate"]), None, "zh", as_json=as_json)


@app.command
def certificate(
    given: str,
    /,
    *,
    pdf: Path | None = None,
    language: Literal["zh", "en"] = "zh",
    as_json: Json = False,
) -> int:
    """The certificate of what was surrendered or retired: rule, arithmetic and serial numbers, signed; also on paper.

    Example: tanpuhui offset certificate 1 --pdf certificate.pdf --language en

    Parameters
    ----------
    given
        Number of a surrendered reservation, such as 1, or of a certificate, such as C000001-95.
    pdf
        File to write, for printing on A4.
    language
        Language of the printed certificate.
    """
    from django.db import transaction

    from tanpuhui.offsetting.certificate import certify_surrender, find_certificate
    from tanpuhui.offsetting.year import get_reservation

    with transaction.atomic():
        if given.isascii() and given.isdecimal() and len(given) < 19:
            found = certify_surrender(get_reservation(int(given)), at=utc_now())
        else:
            found = find_certificate(given)
    return _print_certificate(found, pdf, language, as_json=as_json)


@app.command
def show(*, company: str, jurisdiction: str, year: int, as_json: Json = False) -> int:
    """A company's year: cap with rule and arithmetic, what is used and left, which lots it may use, and its filings.

    Example: tanpuhui offset show --company acme --jurisdiction guangdong --year 2022 --json

    Parameters
    ----------
    company
        Code of the company.
    jurisdiction
        Whose rules apply.
    year
        The compliance year.
    """
    from tanpuhui.offsetting.report import report_of
    from tanpuhui.quantify.jurisdiction import load_jurisdiction

    return _print(report_of(_owner(company), load_jurisdiction(jurisdiction), year), as_json=as_json)


def _owner(code: str) -> int:
    """The ledger's owner that a company is."""
    from tanpuhui.access.models import Organisation
    from tanpuhui.access.organise import get_organisation
    from tanpuhui.ledger.account import organisation
    from tanpuhui.offsetting.refusals import NotACompany

    found = get_organisation(code)
    if found.kind != Organisation.COMPANY:
        raise NotACompany(code=code, kind=found.kind)
    return organisation(found.pk)


def _print(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    console.print(f"[bold]{said['cap']['arithmetic']}[/]", highlight=False)
    console.print(said["cap"]["rule"], highlight=False, markup=False)
    console.print(
        f"{said['cap']['status']}: {said['cap']['source']}", style="dim", highlight=False, markup=False
    )
    console.print(f"used {mg_as_mass(said['used_mg'])}, left {mg_as_mass(said['left_mg'])}", highlight=False)
    for lot in said["lots"]:
        console.print(
            f"  {lot['lot']}: {lot['tonnes']:,} t {lot['why_not'] or 'may be used'}", highlight=False
        )
    for reservation in said["reservations"]:
        _print_reservation(reservation, as_json=False)
    return 0


def _print_certificate(found: Any, pdf: Path | None, language: str, *, as_json: bool) -> int:
    from tanpuhui.offsetting.certificate import as_json as said_of

    said = said_of(found)
    if pdf is not None:
        from tanpuhui.copies.certificate import certificate_pdf
        from tanpuhui.kit.files import write_bytes

        write_bytes(pdf, certificate_pdf(found, "zh-hans" if language == "zh" else language))
    if as_json:
        print_json(said)
        return 0
    content = said["certificate"]
    illustrative = " [bold red]illustrative factors[/]" if content["weakest_status"] == "illustrative" else ""
    used = f"{mg_as_mass(content['amount_mg'])} by {content['company']['code']}"
    console.print(
        f"Certificate [bold]{content['number']}[/]: {content['kind']}, {used}{illustrative}", highlight=False
    )
    for one in content["ranges"]:
        console.print(
            f"  {one['tonnes']:,} t of {one['lot']}, {one['methodology']}, {one['vintage']}: {one['serials']}",
            highlight=False,
        )
    for one in said["annulled_since"]:
        instead = ", ".join(each["serials"] for each in one["replaced_by"] or ()) or "nothing yet"
        console.print(
            f"  [red]annulled since:[/] {one['tonnes']:,} t of {one['lot']}, replaced by {instead}",
            highlight=False,
        )
    console.print(f"{content['address']} {said['digest']}", style="dim", highlight=False, markup=False)
    if pdf is not None:
        console.print(f"Written to {pdf}.", highlight=False, markup=False)
    return 0


def _print_reservation(said: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(said)
        return 0
    console.print(
        f"Reservation {said['reservation']}: {mg_as_mass(said['amount_mg'])} for {said['year']}, {said['state']}"
    )
    for one in said["ranges"]:
        console.print(f"  {one['tonnes']:,} t of {one['lot']}: {one['serials']}", highlight=False)
    for due in said["due"]:
        console.print(f"  [red]to be replaced:[/] {due['tonnes']:,} t of {due['lot']} ({due['reason']})")
    return 0
