"""``tanpuhui evidence``: take providers' files, look at what was refused, correct it, and keep contracts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from json import loads
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.progress import Report
from tanpuhui.kit.refusal import Refusal

FINDINGS = 3
LISTED_AT_MOST = 200

REFUSED = 2
app = App(name="evidence", help="Take providers' files; every row is accounted for.")
quarantine = App(name="quarantine", help="List, show and correct refused rows.")
contract = App(name="contract", help="List, show, add and disable providers' contracts.")
app.command(
    "tanpuhui.cli.evidence_all:take_all",
    name="take-all",
    help="Take every file of FOLDER/PROVIDER/: a provider's in the order of their names, several providers at once.\n\n"
    "Each file is taken as 'tanpuhui evidence take' does, whole or not at all, and the same folder again gives the "
    "same receipts. Exit status 2 when a file was refused as a whole; the others are taken all the same.\n\n"
    "Example: tanpuhui evidence take-all deliveries --processes 2",
)
app.command("tanpuhui.cli.provider_key:app", name="key", help="Add, list and revoke providers' public keys.")
app.command(
    "tanpuhui.cli.work:work",
    name="work",
    help="Take what waits in the inbox, and do what time alone makes due, until it is stopped.\n\n"
    "It may be killed at any time, and several may run. Exit status 1 when a batch could not be taken through our "
    "fault: it is tried again later, after others.\n\nExample: tanpuhui evidence work --once --json",
)
app.command(
    "tanpuhui.cli.evidence_total:app", name="total", help="Declare and list how many records there were."
)
app.command(
    "tanpuhui.cli.evidence_weighing:app", name="weighing", help="Declare and list what hauliers weighed."
)
app.command(quarantine)
app.command(contract)

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


class BadCorrection(Refusal):
    code = "evidence.bad_correction"
    message = "{given!r} is not a correction. Write column=value, for example distance_m=4200."


class BadDay(Refusal):
    code = "evidence.bad_day"
    message = "{given!r} is not a day. Write it as 2026-03-02."


class BadOptions(Refusal):
    code = "evidence.bad_options"
    message = 'The options are not a JSON object ({reason}). Write them like {{"max_power_w": 22000}}.'


@app.command
def take(
    provider: str,
    file: Path,
    /,
    *,
    key: str | None = None,
    as_json: AsJson = False,
    watching: Watching = WATCHED,
) -> int:
    """Take a provider's file: each row is accepted, a duplicate, or refused with a reason.

    The same file again gives the same receipt. Refused rows go into quarantine; the exit status is 2 when no row
    was anything else.

    Example: tanpuhui evidence take szt szt_card_14_14.csv

    Parameters
    ----------
    provider
        The provider's code, as in its contract.
    file
        CSV, NDJSON or Parquet, as the provider's format says.
    key
        The provider's own key of this batch; the file's digest where none is given.
    as_json
        Print the receipt as JSON.
    """
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.evidence.contract import ensure_default_contracts
    from tanpuhui.evidence.take import take as take_file

    where, now = places(), utc_now()
    with transaction.atomic():
        ensure_default_contracts(at=now)
    with watching.told(as_json=as_json) as report, transaction.atomic():
        receipt = take_file(
            provider,
            file,
            key=key,
            at=now,
            lake=where.lake,
            buckets=where.buckets,
            zone=jurisdiction().zone,
            progress=_reading(report),
        )
    _show_receipt(receipt.as_json(), as_json=as_json)
    return REFUSED if receipt.rows and receipt.refused == receipt.rows else 0


@app.command
def receipt(batch: int, /, *, as_json: AsJson = False) -> int:
    """Show a batch's receipt with every refused row.

    Example: tanpuhui evidence receipt 12 --json
    """
    from tanpuhui.evidence import quarantine as rows
    from tanpuhui.evidence.receipt import stored

    found = stored(batch).as_json()
    refusals = [
        {"id": row.pk, "row": row.row_number, "code": row.code, "field": row.field, "facts": row.facts}
        for row in rows.quarantined(batch=batch, open_only=False)
    ]
    if as_json:
        print_json({**found, "refusals": refusals})
        return 0
    _show_receipt(found, as_json=False)
    _show_rows(refusals[:LISTED_AT_MOST], len(refusals))
    return 0


@app.command
def link(provider: str, pseudonym: str, account: int, /, *, as_json: AsJson = False) -> int:
    """Say whose account a provider's pseudonym is. Written once.

    Example: tanpuhui evidence link szt FHEEEDADJ 17
    """
    from django.db import transaction

    from tanpuhui.consent.store import refuse_unknown
    from tanpuhui.evidence.contract import ensure_default_contracts
    from tanpuhui.evidence.link import link as link_pseudonym

    with transaction.atomic():
        ensure_default_contracts(at=utc_now())
        refuse_unknown([account])
        subject = link_pseudonym(provider, pseudonym, account, at=utc_now())
    if as_json:
        print_json({"subject": subject, "account": account})
    else:
        console.print(f"Subject {subject} of {provider} is account {account}.")
    return 0


@app.command
def resubmit(
    *,
    provider: str,
    code: str | None = None,
    batch: int | None = None,
    as_json: AsJson = False,
) -> int:
    """Send open quarantined rows again as they are, after a contract or a table was extended.

    Example: tanpuhui evidence resubmit --provider szt --code evidence.station_unknown

    Parameters
    ----------
    provider
        Whose rows.
    code
        Only rows refused with this code.
    batch
        Only rows of this batch.
    as_json
        Print the receipt as JSON.
    """
    from tanpuhui.evidence import quarantine as rows

    found = rows.quarantined(provider=provider, batch=batch, code=code)
    return _resubmit({row_id: {} for row_id in found.values_list("id", flat=True)}, as_json=as_json)


@app.command
def check(*, as_json: AsJson = False) -> int:
    """Compare every file of the lake and the inbox with its digest. Exit status 3 when one is missing or changed.

    A run of ids (evidence/runs) that lacks an id of its files is named too: remove the file, and the next batch writes
    it anew.

    Example: tanpuhui evidence check --json
    """
    from tanpuhui.cli.places import places
    from tanpuhui.evidence.id_index import lacking
    from tanpuhui.evidence.inbox import missing_or_changed_in
    from tanpuhui.evidence.lake import missing_or_changed

    lake = places().lake
    wrong = [*missing_or_changed(lake), *lacking(lake), *missing_or_changed_in(inbox())]
    if as_json:
        print_json({"ok": not wrong, "findings": wrong})
    else:
        console.print(
            "\n".join(wrong) if wrong else "Every file of the lake and the inbox is as it was written."
        )
    return FINDINGS if wrong else 0


@app.command
def sweep(*, as_json: AsJson = False) -> int:
    """Remove files of the lake and the inbox that no batch needs: what a crash may leave behind.

    Example: tanpuhui evidence sweep
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.close.erase import written_anew
    from tanpuhui.evidence.inbox import sweep_inbox
    from tanpuhui.evidence.lake import sweep as sweep_lake

    folder = places().lake
    with transaction.atomic():
        found = sweep_lake(folder, lambda: written_anew(places()))
        removed = [str(path.relative_to(folder)) for path in found]
        removed += [f"inbox/{path.name}" for path in sweep_inbox(inbox())]
    if as_json:
        print_json({"removed": removed})
    else:
        console.print(f"{len(removed)} files removed.")
    return 0


@quarantine.command(name="list")
def list_rows(
    *,
    provider: str | None = None,
    batch: int | None = None,
    code: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    as_json: AsJson = False,
) -> int:
    """List refused rows that were not sent again yet.

    Example: tanpuhui evidence quarantine list --provider szt

    Parameters
    ----------
    provider
        Only rows of this provider.
    batch
        Only rows of this batch.
    code
        Only rows refused with this code.
    every
        Also rows that were sent again.
    as_json
        Print JSON.
    """
    from tanpuhui.evidence import quarantine as rows

    found = rows.quarantined(provider=provider, batch=batch, code=code, open_only=not every)
    listed = [
        {"id": row.pk, "batch": row.batch_id, "row": row.row_number, "code": row.code, "field": row.field}
        for row in (found.iterator() if as_json else found[:LISTED_AT_MOST])
    ]
    if as_json:
        print_json(listed)
    else:
        _show_rows(listed, found.count())
    return 0


@quarantine.command
def show(row: int, /, *, as_json: AsJson = False) -> int:
    """Show a refused row: its content, why it was refused and what to do.

    Example: tanpuhui evidence quarantine show 7
    """
    from tanpuhui.evidence import quarantine as rows
    from tanpuhui.evidence.reasons import REFUSALS

    found = rows.row(row)
    shown = {
        "id": found.pk,
        "provider": found.batch.provider,
        "batch": found.batch_id,
        "row": found.row_number,
        "code": found.code,
        "field": found.field,
        "facts": found.facts,
        "next": REFUSALS[found.code],
        "content": dict(rows.content(found)),
    }
    if as_json:
        print_json(shown)
        return 0
    for name, value in shown.items():
        console.print(f"[bold]{name}[/] {escape(str(value))}", highlight=False)
    return 0


@quarantine.command
def correct(row: int, /, *corrections: str, as_json: AsJson = False) -> int:
    """Send a refused row again with some columns corrected.

    Example: tanpuhui evidence quarantine correct 7 station=坂田

    Parameters
    ----------
    row
        The row's number in quarantine.
    corrections
        column=value, one or more.
    as_json
        Print the receipt as JSON.
    """
    return _resubmit({row: dict(map(_correction, corrections))}, as_json=as_json)


@contract.command(name="list")
def list_contracts(*, as_json: AsJson = False) -> int:
    """List the newest version of every provider's contract.

    Example: tanpuhui evidence contract list --json
    """
    from django.db import transaction

    from tanpuhui.evidence.contract import contracts, ensure_default_contracts

    with transaction.atomic():
        ensure_default_contracts(at=utc_now())
    found = [_contract_json(each) for each in contracts()]
    if as_json:
        print_json(found)
        return 0
    table = Table("provider", "format", "rank", "state", "until", "impact assessment")
    for each in found:
        state = "enabled" if each["enabled"] else "disabled"
        cells = (each["provider"], each["format"], each["precedence"], state, each["valid_to"] or "-")
        table.add_row(*map(str, cells), escape(each["pia_reference"]))
    console.print(table)
    return 0


@contract.command(name="show")
def show_contract(provider: str, /, *, as_json: AsJson = False) -> int:
    """Show the newest version of a provider's contract.

    Example: tanpuhui evidence contract show szt
    """
    from tanpuhui.evidence.contract import latest

    shown = _contract_json(latest(provider))
    if as_json:
        print_json(shown)
        return 0
    for name, value in shown.items():
        console.print(f"[bold]{name}[/] {escape(str(value))}", highlight=False)
    return 0


@contract.command
def add(
    provider: str,
    /,
    *,
    format: str,
    kind: list[str],
    pia: str,
    valid_from: str,
    valid_to: str | None = None,
    precedence: int = 100,
    repair: list[str] | None = None,
    options: str = "{}",
    as_json: AsJson = False,
) -> int:
    """Add the next version of a provider's contract.

    Example: tanpuhui evidence contract add blue-bikes --format generic --kind bike_trip --pia PIA-2026-7 \
--valid-from 2026-01-01

    Parameters
    ----------
    provider
        A code of letters, digits, - and _.
    format
        The format of its files.
    kind
        A kind of act that it may report; repeat for more.
    pia
        Reference of the privacy impact assessment.
    valid_from
        First day, YYYY-MM-DD.
    valid_to
        Last day, YYYY-MM-DD.
    precedence
        1 is best: whose report counts when two providers report one act.
    repair
        A declared repair, such as two_digit_years; repeat for more.
    options
        A JSON object: zone, max_speed_kmh, max_hours, max_power_w, meter, measures, must_balance.
    as_json
        Print JSON.
    """
    from django.db import transaction

    from tanpuhui.evidence.contract import add as add_contract

    with transaction.atomic():
        made = add_contract(
            provider,
            format=format,
            kinds=kind,
            pia_reference=pia,
            valid_from=_day(valid_from),
            valid_to=_day(valid_to) if valid_to else None,
            precedence=precedence,
            repairs=repair or (),
            options=_options(options),
            made_at=utc_now(),
        )
    return _tell(made, as_json=as_json)


@contract.command
def disable(provider: str, /, *, as_json: AsJson = False) -> int:
    """Disable a provider: no file is taken from it any more.

    Example: tanpuhui evidence contract disable szt
    """
    from django.db import transaction

    from tanpuhui.evidence.contract import disable as disable_contract

    with transaction.atomic():
        made = disable_contract(provider, at=utc_now())
    return _tell(made, as_json=as_json)


def _resubmit(corrections: dict[int, dict[str, str | None]], *, as_json: bool) -> int:
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.evidence.resubmit import resubmit as send_again

    where = places()
    with transaction.atomic():
        answer = send_again(
            corrections, at=utc_now(), lake=where.lake, buckets=where.buckets, zone=jurisdiction().zone
        )
    _show_receipt(answer.as_json(), as_json=as_json)
    return 0


def _show_receipt(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    table = Table(title=f"Batch {shown['batch']} of {shown['provider']}", title_justify="left")
    table.add_column("rows")
    table.add_column("", justify="right")
    for name in ("accepted", "duplicate", "refused"):
        table.add_row(name, f"{shown[name]:,}")
        if name == "refused":
            for code, count in shown["reasons"].items():
                table.add_row(f"  {code}", f"{count:,}", style="yellow")
    table.add_section()
    table.add_row("rows in the file", f"{shown['rows']:,}", style="bold")
    for code, count in shown["notes"].items():
        table.add_row(f"  note {code}", f"{count:,}", style="dim")
    console.print(table)
    console.print(shown["digest"], style="dim", highlight=False)


def _show_rows(rows: list[dict[str, Any]], count: int) -> None:
    table = Table("id", "batch", "row", "code", "field")
    for row in rows:
        cells = (row["id"], row.get("batch", ""), row["row"], row["code"], row["field"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    console.print(table)
    if count > len(rows):
        console.print(
            f"{count - len(rows)} more: narrow it with --provider, --batch or --code, or use --json."
        )


def _contract_json(each: Any) -> dict[str, Any]:
    names = (
        "provider",
        "version",
        "format",
        "kinds",
        "precedence",
        "enabled",
        "repairs",
        "options",
        "pia_reference",
    )
    shown = {name: getattr(each, name) for name in names}
    days = {
        name: str(getattr(each, name)) if getattr(each, name) else None for name in ("valid_from", "valid_to")
    }
    return {**shown, **days, "pseudonym_key": each.pseudonym_key, "schema_version": each.schema_version}


def _tell(made: Any, *, as_json: bool) -> int:
    if as_json:
        print_json(_contract_json(made))
    else:
        state = "enabled" if made.enabled else "disabled"
        console.print(f"Contract with {made.provider}: version {made.version}, {state}.")
    return 0


def _correction(text: str) -> tuple[str, str | None]:
    column, separator, value = text.partition("=")
    if not separator or not column:
        raise BadCorrection(given=text)
    return column, value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadDay(given=text) from error


def _options(text: str) -> dict[str, Any]:
    try:
        options = loads(text)
    except ValueError as error:
        raise BadOptions(reason=str(error)) from error
    if not isinstance(options, dict):
        raise BadOptions(reason="it is another kind of value")
    return options


def _reading(report: Report) -> Callable[[int, int], None]:
    """What is told of reading a file, byte by byte; afterwards every row is checked."""

    def read(done: int, whole: int) -> None:
        report("Reading the file", done, whole)
        if done >= whole:
            report("Checking every row", 0, 0)

    return read
