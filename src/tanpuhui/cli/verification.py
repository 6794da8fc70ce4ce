"""``tanpuhui verification``: what a verifier does with a lot before it is certified, from engagement to statement."""

from __future__ import annotations

import csv
import secrets
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import App, Parameter

from tanpuhui.cli.days import parse_day
from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from tanpuhui.verification.examine import Found

DONE, FINDINGS = 0, 3

app = App(
    name="verification",
    help="Verify a lot: engage, declare, recalculate, draw a sample, look, find, project, conclude.",
)
finding = App(name="finding", help="Raise a finding, answer it, close it, or give it back.")
app.command(finding)
AsJson = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]
Number = Annotated[int, Parameter(help="The engagement's number.")]


class BadTable(Refusal):
    code = "verification.bad_table"
    message = "{file}, line {line}: {problem} A line has {columns}."


class FileUnreadable(Refusal):
    code = "verification.file_unreadable"
    message = "{file} cannot be read ({problem}). Give the file that the step before wrote."


@app.command
def key(key_file: Path, /, *, as_json: AsJson = False) -> int:
    """Make a verifier's pair of keys: the private one into a new file of mode 0600, the public one is shown.

    The private key stays with the verifier. The operator registers the public one with 'register-key'.

    Example: tanpuhui verification key green-audit.pem

    Parameters
    ----------
    key_file
        Where the private key goes; a file that is there is never overwritten.
    """
    from tanpuhui.client.key import generate_key, write_key

    made = generate_key("verifier")
    write_key(made, key_file)
    if as_json:
        print_json({"public_key": made.public_key})
    else:
        console.print(f"public key  {made.public_key}", highlight=False)
    return DONE


@app.command(name="register-key")
def register_key(verifier: str, public_key: str, /, *, as_json: AsJson = False) -> int:
    """Register a verifier's public key: what it signs with it from now on is taken.

    Example: tanpuhui verification register-key green-audit sXt1Zu0pnSTMPEbY3ZTXmu0zxEXmvR4xVoW6PPHsE1s=

    Parameters
    ----------
    verifier
        Code of the verifier's organisation.
    public_key
        32 bytes in base64, as 'verification key' prints them.
    """
    from django.db import transaction

    from tanpuhui.access.organise import get_organisation
    from tanpuhui.verification.key import read_public
    from tanpuhui.verification.keys import register_key as register

    with transaction.atomic():
        made = register(get_organisation(verifier), read_public(public_key), at=utc_now())
    return _say({"verifier": verifier, "key": made.thumbprint}, as_json=as_json)


@app.command(name="end-key")
def end_key(verifier: str, key: str, /, *, reason: str, as_json: AsJson = False) -> int:
    """Trust a verifier's key no more for anything new; what it signed stays signed.

    Example: tanpuhui verification end-key green-audit kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxH --reason "laptop lost"

    Parameters
    ----------
    verifier
        Code of the verifier's organisation.
    key
        The key's thumbprint, as 'register-key' printed it.
    reason
        Why.
    """
    from django.db import transaction

    from tanpuhui.access.organise import get_organisation
    from tanpuhui.verification.keys import end_key as end

    with transaction.atomic():
        end(get_organisation(verifier), key, reason=reason, at=utc_now())
    return _say({"verifier": verifier, "ended": key}, as_json=as_json)


@app.command(name="open")
def open_engagement(
    methodology: str | None = None,
    /,
    *,
    verifier: str,
    through: str | None = None,
    lot: str | None = None,
    version: int | None = None,
    opened_by: str = "operator",
    materiality: str | None = None,
    whole: bool = False,
    key: str | None = None,
    as_json: AsJson = False,
) -> int:
    """Open an engagement for a proposed lot, or for one that is certified, and freeze its data under one digest.

    Example: tanpuhui verification open shenzhen/metro --through 2026-03-08 --verifier demo-verifier

    Parameters
    ----------
    methodology
        Code of the methodology of a proposed lot.
    verifier
        Code of the verifier's organisation.
    through
        The last local day of a proposed lot.
    lot
        A certified lot instead.
    version
        Version of the methodology; the newest when left out.
    opened_by
        operator or verifier.
    materiality
        Per cent that may be overstated, at most the rule's; the rule's when left out.
    whole
        Take closes again that a statement speaks of already.
    key
        Names this opening: repeated with the same key it is answered as before. A new one when left out.
    """
    from django.db import transaction

    from tanpuhui.access.organise import get_organisation
    from tanpuhui.cli.lot import operator_named
    from tanpuhui.cli.places import jurisdiction
    from tanpuhui.methodology.load import load_library
    from tanpuhui.registry.lookup import proposal_of_lot
    from tanpuhui.verification.engage import Proposal, engage
    from tanpuhui.verification.refusals import BadPlan

    rules = jurisdiction()
    if opened_by not in ("operator", "verifier"):
        raise BadPlan(name="--opened-by", given=opened_by, wanted="operator or verifier")
    if (lot is None) == (methodology is None or through is None):
        raise BadPlan(name="lot", given=lot or "nothing", wanted="a methodology with --through, or --lot")
    if lot is None:
        day = parse_day(through or "", "--through")
        of = version or load_library().get(methodology or "").version
        proposed = {"methodology": methodology, "version": of, "vintage": day.year, "through": day}
    else:
        proposed = proposal_of_lot(lot)
    proposal = Proposal(
        key=key or secrets.token_hex(16),
        operator=operator_named(rules.code),
        opened_by=opened_by,
        at=utc_now(),
        whole=whole,
        materiality_percent=materiality,
        **cast(Any, proposed),
    )
    with transaction.atomic():
        made = engage(proposal, get_organisation(verifier), rules)
    return show(made.pk, as_json=as_json)


@app.command(name="list")
def list_engagements(*, as_json: AsJson = False) -> int:
    """All engagements, the newest first, and where each stands.

    Example: tanpuhui verification list
    """
    from rich.table import Table

    from tanpuhui.verification.models import Engagement
    from tanpuhui.verification.overview import overview

    rows = [overview(one) for one in Engagement.objects.select_related("verifier").order_by("-pk")]
    if as_json:
        print_json(rows)
        return DONE
    table = Table("No.", "Verifier", "Methodology", "Vintage", "Through", "Stands at")
    for row in rows:
        table.add_row(
            str(row["engagement"]),
            row["verifier"],
            row["methodology"],
            str(row["vintage"]),
            row["through"],
            row["step"],
        )
    console.print(table)
    return DONE


@app.command
def show(number: Number, /, *, as_json: AsJson = False) -> int:
    """One engagement: its data, its plan and nonce digest as published, its sample, its statement.

    Example: tanpuhui verification show 1 --json
    """
    from tanpuhui.verification.engage import get_engagement
    from tanpuhui.verification.overview import overview

    return _say(overview(get_engagement(number)), as_json=as_json)


@app.command(name="declaration-text")
def declaration(number: Number, /, *, conflicts: str, to: Path | None = None) -> int:
    """The declaration of independence as JSON, to be signed with 'verification sign'.

    Example: tanpuhui verification declaration-text 1 --conflicts "None." --to declaration.json

    Parameters
    ----------
    conflicts
        What might be taken for a conflict of interest, in words.
    to
        Write it into this file.
    """
    from tanpuhui.verification.declare import declaration_text
    from tanpuhui.verification.engage import get_engagement

    return _text(declaration_text(get_engagement(number), conflicts=conflicts), to)


@app.command
def sign(file: Path, /, *, key_file: Path) -> int:
    """Sign a declaration or a statement; needs neither the platform nor its database.

    Example: tanpuhui verification sign statement.json --key-file green-audit.pem > statement.jws

    Parameters
    ----------
    file
        The JSON as 'declaration-text' or 'statement-text' gave it.
    key_file
        The private key, as 'verification key' made it.
    """
    import json

    from tanpuhui.client.key import read_key
    from tanpuhui.verification.key import sign as sign_text
    from tanpuhui.verification.key import type_of

    try:
        content = json.loads(_read(file))
    except ValueError as error:
        raise FileUnreadable(file=file, problem="it is no JSON") from error
    if not isinstance(content, dict):
        raise FileUnreadable(file=file, problem="it is no document")
    sys.stdout.write(f"{sign_text(content, type_of(content), read_key('verifier', key_file).private)}\n")
    return DONE


@app.command
def declare(number: Number, /, *, signed: Path, as_json: AsJson = False) -> int:
    """Hand in the signed declaration of independence: it comes before everything else.

    Example: tanpuhui verification declare 1 --signed declaration.jws

    Parameters
    ----------
    signed
        The file with the signed declaration.
    """
    from django.db import transaction

    from tanpuhui.verification.declare import declare as hand_in

    with transaction.atomic():
        made = hand_in(number, _read(signed), by=None, at=utc_now())
    return _say({"engagement": number, "declared": made.content["conflicts"]}, as_json=as_json)


@app.command
def recalculate(
    number: Number,
    /,
    *,
    engine: str = "duckdb",
    master: str | None = None,
    remote: str | None = None,
    as_json: AsJson = False,
    watching: Watching = WATCHED,
) -> int:
    """Compute every close again from its frozen evidence; exit status 3 where anything differs.

    Example: tanpuhui verification recalculate 1

    Parameters
    ----------
    engine
        What computes: duckdb in this process, or spark.
    master
        With spark: the master of a cluster, spark://host:7077.
    remote
        With spark: a Spark Connect server, sc://host:15002.
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.methodology.load import load_library
    from tanpuhui.quantify.engines.choice import EngineChoice
    from tanpuhui.quantify.jurisdiction import load_jurisdiction
    from tanpuhui.verification.engage import get_engagement
    from tanpuhui.verification.recalculate import compute_again, keep

    engagement = get_engagement(number)
    with watching.told(as_json=as_json) as report:
        answers = compute_again(
            engagement,
            places=places(),
            jurisdiction=load_jurisdiction(engagement.jurisdiction),
            library=load_library(),
            engine=EngineChoice(engine, master, remote),
            report=report,
        )
    with transaction.atomic():
        made = keep(number, answers, engine=engine, at=utc_now())
    _say(
        {
            "engagement": number,
            "agrees": made.agrees,
            "closes": len(made.closes),
            "rows": made.rows,
            "credited_mg": made.credited_mg,
            "data": engagement.data_digest,
            "differences": [one for one in made.closes if not one["agrees"]],
        },
        as_json=as_json,
    )
    return DONE if made.agrees else FINDINGS


@app.command
def complete(number: Number, /, *, totals: Path | None = None, as_json: AsJson = False) -> int:
    """Whether all that was sent was recorded and ended somewhere; exit status 3 where it does not balance.

    Example: tanpuhui verification complete 1 --totals metro-says.csv

    Parameters
    ----------
    totals
        The providers' own totals, a CSV file with the columns provider, day, records.
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.verification.complete import balance, keep

    report = balance(number, places=places(), totals=_totals(totals) if totals else None)
    with transaction.atomic():
        keep(number, report, at=utc_now())
    if as_json:
        print_json(report)
    else:
        _print_balance(report)
    return DONE if report["balances"] else FINDINGS


@app.command
def plan(
    number: Number,
    /,
    *,
    nonce_digest: str | None = None,
    nonce_file: Path | None = None,
    precision: str = "90/10",
    share: str = "0.5",
    cluster: str = "1",
    icc: str = "0",
    as_json: AsJson = False,
) -> int:
    """Commit to a nonce and publish the sampling plan: strata, size, arithmetic. It comes before the draw and stays.

    Example: tanpuhui verification plan 1 --nonce-file nonce.txt --precision 90/10

    Parameters
    ----------
    nonce_digest
        sha256: of a nonce that the verifier keeps to itself.
    nonce_file
        Instead: a new file in which a nonce is made and kept until the draw.
    precision
        90/10 or 95/5: confidence over relative precision, in per cent.
    share
        The share of acts that is expected to agree; 0.5 where nothing is known.
    cluster
        Acts to a cluster, where acts come in clusters.
    icc
        How alike the acts of a cluster are, from 0 to 1.
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.verification.plan import commit, digest_of_nonce, wanted_of
    from tanpuhui.verification.refusals import BadPlan

    wanted = wanted_of(precision, share=share, cluster=cluster, icc=icc)
    if nonce_digest is None and nonce_file is None:
        raise BadPlan(name="nonce", given="missing", wanted="--nonce-digest, or --nonce-file for a new one")
    if nonce_digest is None:
        assert nonce_file is not None
        nonce_digest = digest_of_nonce(_nonce(nonce_file))
    with transaction.atomic():
        made = commit(
            number,
            nonce_digest,
            wanted,
            platform_nonce=secrets.token_hex(32),
            places=places(),
            at=utc_now(),
        )
    body = {
        "engagement": number,
        "plan": made.digest,
        "nonce_digest": made.nonce_digest,
        "size": made.size,
        **made.body,
    }
    if as_json:
        print_json(body)
    else:
        _print_plan(body)
    return DONE


@app.command
def draw(
    number: Number, /, *, nonce: str | None = None, nonce_file: Path | None = None, as_json: AsJson = False
) -> int:
    """Open the nonce and draw the sample.

    Example: tanpuhui verification draw 1 --nonce-file nonce.txt

    Parameters
    ----------
    nonce
        The nonce that was committed to.
    nonce_file
        Or the file that it is in.
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.verification.draw import draw as draw_sample
    from tanpuhui.verification.refusals import BadPlan

    given = nonce if nonce is not None else _read(nonce_file).strip() if nonce_file else None
    if given is None:
        raise BadPlan(name="nonce", given="missing", wanted="--nonce or --nonce-file")
    with transaction.atomic():
        made = draw_sample(number, given, places=places(), at=utc_now())
    return _say(
        {"engagement": number, "seed": made.seed, "drawn": made.digest, "size": made.acts.count()},
        as_json=as_json,
    )


@app.command
def sample(number: Number, /, *, as_json: AsJson = False) -> int:
    """The sample: each act by its number, and what was found about it so far.

    Example: tanpuhui verification sample 1 --json
    """
    from rich.table import Table

    from tanpuhui.verification.overview import sample_of

    rows = sample_of(number)
    if as_json:
        print_json(rows)
        return DONE
    table = Table("No.", "Stratum", "Provider", "Kind", "Credited", "Found", "Right")
    for row in rows:
        right = "" if row["right_mg"] is None else mg_as_mass(row["right_mg"])
        table.add_row(
            *(str(row["position"]), str(row["stratum"]), row["provider"], row["kind"]),
            *(mg_as_mass(row["credited_mg"]), row["verdict"] or "", right),
        )
    console.print(table)
    return DONE


@app.command
def look(number: Number, position: int, /, *, as_json: AsJson = False) -> int:
    """One act of the sample with its measures and formula. The look is written down where its resident sees it.

    Example: tanpuhui verification look 1 17

    Parameters
    ----------
    position
        The act's number in the sample.
    """
    from django.db import transaction

    from tanpuhui.cli.places import places
    from tanpuhui.verification.look import look as look_at
    from tanpuhui.verification.overview import detail_of

    with transaction.atomic():
        detail = look_at(number, position, places=places(), by=None, at=utc_now())
    return _say(detail_of(detail), as_json=as_json)


@app.command
def examine(
    number: Number,
    position: int | None = None,
    /,
    *,
    verdict: str | None = None,
    right_mg: int | None = None,
    note: str = "",
    table: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Say what was found about an act of the sample, or about many with a table.

    Example: tanpuhui verification examine 1 17 --verdict differs --right-mg 560400 --note "gate log, line 118"

    Parameters
    ----------
    position
        The act's number in the sample.
    verdict
        agrees, differs or unsupported.
    right_mg
        What is right, in mg, where it differs.
    note
        The evidence that was looked at.
    table
        Many at once: a CSV file with the columns position, verdict, right_mg, note.
    """
    from django.db import transaction

    from tanpuhui.verification.examine import Found, left
    from tanpuhui.verification.examine import examine as say
    from tanpuhui.verification.refusals import BadExamination

    if table is not None:
        given = list(_examinations(table))
    elif position is not None and verdict is not None:
        given = [(position, Found(verdict, note, right_mg))]
    else:
        raise BadExamination(problem="An act and a verdict are missing.")
    now = utc_now()
    with transaction.atomic():
        for place, found in given:
            say(number, place, found, by=None, at=now)
    return _say({"engagement": number, "examined": len(given), "left": len(left(number))}, as_json=as_json)


@finding.command(name="raise")
def raise_(number: Number, /, *, severity: str, text: str, asked: str, as_json: AsJson = False) -> int:
    """Raise a finding and ask for a corrective action.

    Example: tanpuhui verification finding raise 1 --severity major --text "Distances doubled." --asked "Correct them."

    Parameters
    ----------
    severity
        observation, minor or major.
    text
        What is wrong.
    asked
        What corrective action is asked for.
    """
    from django.db import transaction

    from tanpuhui.verification.finding import raise_finding

    with transaction.atomic():
        made = raise_finding(number, severity=severity, text=text, asked=asked, by=None, at=utc_now())
    return _say({"engagement": number, "finding": made.number, "state": "raised"}, as_json=as_json)


@finding.command
def answer(number: Number, of: int, /, *, text: str, as_json: AsJson = False) -> int:
    """Answer a finding, as the operator.

    Example: tanpuhui verification finding answer 1 1 --text "The provider corrected 900 trips."
    """
    return _step(number, of, "answered", text, as_json=as_json)


@finding.command
def close(number: Number, of: int, /, *, text: str, as_json: AsJson = False) -> int:
    """Close an answered finding, as the verifier.

    Example: tanpuhui verification finding close 1 1 --text "Seen in the correction file."
    """
    return _step(number, of, "closed", text, as_json=as_json)


@finding.command(name="return")
def return_(number: Number, of: int, /, *, text: str, as_json: AsJson = False) -> int:
    """Give an answered finding back, as the verifier.

    Example: tanpuhui verification finding return 1 1 --text "The cause is not said."
    """
    return _step(number, of, "returned", text, as_json=as_json)


@app.command
def project(number: Number, /, *, as_json: AsJson = False) -> int:
    """Project what was found onto the lot, with the arithmetic; exit status 3 unless it can be accepted as it is.

    Example: tanpuhui verification project 1
    """
    from tanpuhui.verification.conclude import conclusion_of
    from tanpuhui.verification.engage import get_engagement

    found = conclusion_of(get_engagement(number))
    body = {
        "engagement": number,
        **found.projection.as_json(),
        "material_mg": found.material_mg,
        "conclusion": found.computed,
        "why": found.why,
        "deducted_mg": found.deducted_mg,
    }
    _say(body, as_json=as_json)
    return DONE if found.computed == "accept" else FINDINGS


@app.command(name="statement-text")
def statement(number: Number, /, *, conclusion: str = "", remarks: str = "", to: Path | None = None) -> int:
    """The statement as JSON, to be read and signed with 'verification sign'.

    Example: tanpuhui verification statement-text 1 --to statement.json

    Parameters
    ----------
    conclusion
        Something stricter than the numbers say: adjust or refuse.
    remarks
        What the verifier adds in words.
    to
        Write it into this file.
    """
    from tanpuhui.verification.conclude import statement_text

    return _text(statement_text(number, conclusion=conclusion, remarks=remarks), to)


@app.command
def conclude(number: Number, /, *, signed: Path, as_json: AsJson = False) -> int:
    """Hand in the signed statement: it ends the engagement, and the registry goes by it.

    Example: tanpuhui verification conclude 1 --signed statement.jws

    Parameters
    ----------
    signed
        The file with the signed statement.
    """
    from django.db import transaction

    from tanpuhui.verification.conclude import conclude as hand_in

    with transaction.atomic():
        made = hand_in(number, _read(signed), by=None, at=utc_now())
    return _say(
        {"engagement": number, "conclusion": made.conclusion, "deducted_mg": made.deducted_mg},
        as_json=as_json,
    )


def _step(number: int, of: int, kind: str, text: str, *, as_json: bool) -> int:
    from django.db import transaction

    from tanpuhui.verification.finding import step

    with transaction.atomic():
        step(number, of, kind, text, by=None, at=utc_now())
    return _say({"engagement": number, "finding": of, "state": kind}, as_json=as_json)


def _say(body: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(body)
        return DONE
    for name, value in body.items():
        shown = mg_as_mass(value) if name.endswith("_mg") and isinstance(value, int) else value
        lines = shown if isinstance(shown, list) else [shown]
        for place, line in enumerate(lines or ["none"]):
            heading = "" if place else name.removesuffix("_mg")
            console.print(f"{heading:<22}{line}", highlight=False, markup=False)
    return DONE


def _text(content: dict[str, Any], to: Path | None) -> int:
    import json

    from tanpuhui.kit.files import write_bytes

    if to is None:
        print_json(content)
    else:
        write_bytes(to, json.dumps(content, ensure_ascii=False, indent=1).encode())
        console.print(f"Written to {to}. Read it, then sign it.", highlight=False)
    return DONE


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(file=path, problem=type(error).__name__) from error


def _nonce(path: Path) -> str:
    """The nonce in a file, made there with mode 0600 where the file is new."""
    import os

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path).strip()
    made = secrets.token_hex(32)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(made)
    return made


def _totals(path: Path) -> dict[tuple[str, date], int]:
    columns = ("provider", "day", "records")
    return {
        (row["provider"], parse_day(row["day"], f"{path}, line {line}")): _whole(
            path, line, row["records"], columns
        )
        for line, row in _rows(path, columns)
    }


def _examinations(path: Path) -> Iterator[tuple[int, Found]]:
    from tanpuhui.verification.examine import Found

    columns = ("position", "verdict", "right_mg", "note")
    for line, row in _rows(path, columns):
        right = row["right_mg"].strip()
        yield (
            _whole(path, line, row["position"], columns),
            Found(row["verdict"], row["note"], _whole(path, line, right, columns) if right else None),
        )


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, row in enumerate(csv.DictReader(_read(path).splitlines()), 2):
        if any(row.get(name) is None for name in columns):
            raise BadTable(file=path, line=line, problem="A column is missing.", columns=", ".join(columns))
        yield line, row


def _whole(path: Path, line: int, given: str, columns: tuple[str, ...]) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise BadTable(
            file=path, line=line, problem=f"{given!r} is no whole number.", columns=", ".join(columns)
        )
    return int(given)


def _print_balance(report: dict[str, Any]) -> None:
    from rich.table import Table

    from tanpuhui.verification.complete import said_of_totals

    table = Table(
        "Provider", "Sent: files", "rows", "Own total", "Recorded", "Credited", "Otherwise", "Credited mass"
    )
    for row in report["providers"]:
        own = "" if row["own_total"] is None else f"{row['own_total']:,}"
        table.add_row(
            *(row["provider"], f"{row['receipts']['files']:,}", f"{row['receipts']['rows']:,}", own),
            *(f"{row['recorded']:,}", f"{row['credited']:,}", f"{row['otherwise']:,}"),
            mg_as_mass(row["credited_mg"]),
        )
    console.print(table)
    for line in report["differences"]:
        console.print(line, style="red", highlight=False, markup=False)
    console.print(said_of_totals(report["own_totals"]), highlight=False)
    console.print(
        "It balances." if report["balances"] else f"{report['count']} sums do not agree.", highlight=False
    )


def _print_plan(body: dict[str, Any]) -> None:
    from rich.table import Table

    for line in body["arithmetic"]:
        console.print(line, highlight=False, markup=False)
    table = Table("Stratum", "Provider", "Kind", "From", "To", "Acts", "Credited", "Drawn")
    for one in body["strata"]:
        table.add_row(
            *(str(one["number"]), one["provider"], one["kind"], mg_as_mass(one["least_mg"])),
            *(
                mg_as_mass(one["most_mg"]),
                f"{one['acts']:,}",
                mg_as_mass(one["credited_mg"]),
                str(one["draw"]),
            ),
        )
    console.print(table)
    console.print(f"{body['size']} acts. Plan {body['plan']}", highlight=False)
    console.print(
        f"Nonce digest {body['nonce_digest']}: keep the nonce to yourself until the draw.", highlight=False
    )
