"""Report: what a demonstration prints: JSON for scripts; for people, where every row and milligram went."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tanpuhui.access.demo import ROLES, path_of
from tanpuhui.cli.demo.calendar import FIRST_DAY
from tanpuhui.cli.demo.check import ASTRAY
from tanpuhui.cli.demo.run import Result
from tanpuhui.cli.demo.save import Saved
from tanpuhui.cli.demo.sell import Sold
from tanpuhui.cli.demo.sending import Sending
from tanpuhui.cli.demo.spend import Spent
from tanpuhui.cli.demo.witnesses import ENOUGH, NAMES, Witnessed
from tanpuhui.cli.output import amount_of, mg_as_mass
from tanpuhui.cli.server import Running
from tanpuhui.ledger.statement import Statement
from tanpuhui.money.amounts import to_text
from tanpuhui.quantify.outcome import MEANING, Outcome
from tanpuhui.registry.monthly import latest

STATEMENT_LINES = 8
#: Conclusions of a verifier, in plain words.
SAID = {"accept": "accepted", "adjust": "lowered", "refuse": "refused"}


def as_json(result: Result, home: Path, seconds: int) -> dict[str, Any]:
    """The keys that scripts rely on, and extras."""
    return {
        "rows": result.count("rows"),
        "accepted": result.count("accepted"),
        "duplicate": result.count("duplicate"),
        "refused": result.count("refused"),
        "credited_mg": result.credited_mg,
        "certified_mg": result.certified_mg,
        "truth": {
            "planted": dict(result.planted),
            "found": dict(result.found),
            "honest_mg": result.expected.honest_mg,
            "credited_mg": result.credited_mg,
        },
        "ledger_ok": result.ledger_ok,
        "reasons": result.reasons(),
        "outcomes": result.outcomes(),
        "first_credited_mg": sum(answer.credited_mg for answer in result.first),
        "lot": result.lot.code if result.lot else None,
        "verification": [
            {
                "engagement": one.pk,
                "conclusion": one.conclusion,
                "sample": one.content["projection"]["sample"],
                "errors": one.content["projection"]["errors"],
                "estimate_mg": one.content["projection"]["estimate_mg"],
                "upper_mg": one.content["projection"]["upper_mg"],
                "deducted_mg": one.deducted_mg,
            }
            for one in result.statements
        ],
        "residents": len(result.city.residents),
        "days": result.city.days,
        "seed": result.city.seed,
        "wrong_accounts": len(result.wrong_accounts()),
        "sold": result.sold.as_json() if result.sold else None,
        "spent": result.spent.as_json() if result.spent else None,
        "programme": result.saved.as_json(),
        "home": str(home),
        "seconds": seconds,
    }


def show(result: Result, statement: Statement, notice: str, console: Console) -> None:
    """Print the week, the truth and one resident's statement."""
    console.print(_rows(result))
    console.print(_milligrams(result))
    console.print(_truth(result))
    if result.statements:
        console.print(_verified(result))
    _show_astray(result, console)
    if result.spent and result.sold:
        console.print(_worth(result.spent, result.sold))
    console.print(_saved(result.saved))
    for line in told(result.saved):
        console.print(line, highlight=False)
    console.print(_statement(statement))
    if notice:
        console.print(f"[dim]{notice}[/]")


def show_witnessed(witnessed: Witnessed, console: Console) -> None:
    """What witnesses signed of the log, and that a proof needs two of them."""
    table = _table("What witnesses saw of the log", "What")
    table.add_row("everything certified, and the ledger's rows", f"{witnessed.leaves:,} leaves")
    table.add_row(
        f"of {len(NAMES)} witnesses {ENOUGH} are enough, {len(witnessed.cosigned)} signed", ", ".join(NAMES)
    )
    table.add_row(
        "while one of them was away", "enough" if witnessed.without_one else "[red]were not enough[/]"
    )
    table.add_row(
        f"the receipt of {witnessed.proved[:60]} holds offline", f"seen by {len(witnessed.seen_by)}"
    )
    table.add_row("with one witness alone", witnessed.alone or "[red]was not refused[/]")
    table.add_row("entered, signed, witnessed and proved in", f"{witnessed.seconds:.1f} s")
    console.print(table)


def show_home(home: Path, console: Console) -> None:
    """Say how to look around in the city that was made."""
    console.print("The city is kept until the next demonstration. Look around in it:")
    console.print(f"  export TANPUHUI_HOME={home}", highlight=False, soft_wrap=True)
    for command in ("close list", "lot show", "evidence quarantine list", "ledger check", "statement 1"):
        console.print(f"  {program_name()} {command}", highlight=False)
    if latest() is None:
        console.print("No statistics are published: their noise needs OpenDP. To have them on the pages:")
        for command in (
            "pip install --require-hashes -r requirements/dp.txt",
            f"{program_name()} statistics publish {FIRST_DAY:%Y-%m}",
        ):
            console.print(f"  {command}", highlight=False, soft_wrap=True)


def ways_in(served: Running, sending: Sending) -> dict[str, Any]:
    """Where the city is served, a link that signs in as each kind of user, and how a provider's program sends."""
    return {
        "url": served.url,
        "sign_in": {role: served.url + path_of(role) for role in ROLES},
        "send": sending.arguments(served.url),
    }


def show_ways_in(served: Running, sending: Sending, console: Console) -> None:
    """Say where the city is served, who can sign in, how a provider sends, and how it is stopped."""
    url, program = served.url, program_name()
    console.print("To send the metro's next day as its program does, and see it on the provider's page:")
    said = " ".join([program, *map(shlex.quote, sending.arguments(url))])
    console.print(f"  {said}", highlight=False, soft_wrap=True)
    console.print(f"[bold]Served at {url}[/] until '{program} serve --stop'. Sign in as:", highlight=False)
    for role in ROLES:
        console.print(f"  {role:10} {url}{path_of(role)}", highlight=False, soft_wrap=True)


def program_name() -> str:
    """How the reader's shell finds this program."""
    if shutil.which("tanpuhui"):
        return "tanpuhui"
    here = Path(sys.argv[0])
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def _rows(result: Result) -> Table:
    """Every row received, and where it went; the parts sum to the whole."""
    table = _table("Where the rows went", "Rows", "Meaning")
    table.add_row("received", f"{result.count('rows'):,}", f"{len(result.receipts)} files of 8 providers")
    table.add_section()
    table.add_row("duplicate", f"{result.count('duplicate'):,}", "taken before")
    for code, count in result.reasons().items():
        table.add_row(code, f"{count:,}", "refused, in quarantine")
    table.add_section()
    outcomes = result.outcomes()
    for name, count in outcomes.items():
        table.add_row(name, f"{count:,}", MEANING[Outcome[name]][1])
    history = result.count("accepted") - sum(outcomes.values())
    table.add_row("history", f"{history:,}", "readings of the week before, kept to compare with")
    table.add_section()
    ended = result.count("duplicate") + result.count("refused") + sum(outcomes.values()) + history
    table.add_row("ended", f"{ended:,}", _zero(result.count("rows") - ended, "rows"))
    return table


def _milligrams(result: Result) -> Table:
    """Milligrams from the first closes to the certified lot, and back to zero against truth and ledger."""
    table = _table("Where the milligrams went", "CO2e", "mg")
    first_mg = sum(answer.credited_mg for answer in result.first)
    credited_mg, honest_mg, ledger_mg = (
        result.credited_mg,
        result.expected.honest_mg,
        sum(result.ledger_mg.values()),
    )
    lot = f" as lot {result.lot.code}" if result.lot else ": less than a tonne is not certified"
    for name, amount_mg in (
        (f"credited when {len(result.first)} days were closed", first_mg),
        ("adjusted for what came late, was corrected or taken back", credited_mg - first_mg),
        ("credited", credited_mg),
        (f"certified{lot}", result.certified_mg),
        ("pending, for the next lot", credited_mg - result.certified_mg),
        ("honest total, worked out apart", honest_mg),
        ("credited less honest", credited_mg - honest_mg),
        ("residents' accounts less credited", ledger_mg - credited_mg),
    ):
        table.add_row(name, mg_as_mass(amount_mg), f"{amount_mg:,}")
    return table


def _truth(result: Result) -> Table:
    table = _table("Planted and found", "Planted", "Found")
    for name, planted in result.planted.items():
        found = result.found[name]
        colour = "green" if planted == found else "bold red"
        table.add_row(name.replace("_", " "), f"{planted:,}", f"[{colour}]{found:,}[/]")
    return table


def _worth(spent: Spent, sold: Sold) -> Table:
    """What reductions were good for: who got what for them."""
    table = _table("What it was worth", "What")
    paid = f"{to_text(spent.paid_minor, 'CNY')} CNY, settlement {spent.settled}"
    table.add_row("residents' kilograms became", f"{spent.points} points")
    table.add_row("redeemed for coffees and trees", f"{spent.redeemed} times, one refunded")
    table.add_row("the shop was paid" if spent.is_paid else "[red]the shop was not paid[/]", paid)
    table.add_row("the bank's loan, by tier", f"{spent.rate_discount_bp} hundredths of a point less interest")
    table.add_section()
    amount, paid_out = to_text(sold.amount_minor, "CNY"), to_text(sold.paid_out_minor, "CNY")
    table.add_row(f"{sold.residents:,} residents' pool sold", f"{sold.tonnes} t for {amount} CNY")
    table.add_row("paid out to them", f"{paid_out} CNY")
    cap = f"{mg_as_mass(sold.surrendered_mg)} of a cap of {mg_as_mass(sold.cap_mg)}"
    table.add_row("the company surrendered", cap)
    table.add_row("a milligram above it", sold.refused or "[red]was not refused[/]")
    return table


def _saved(saved: Saved) -> Table:
    """A saving programme from its draw to its lot, beside what is true of these homes."""
    programme, period = saved.programme, saved.period
    table = _table("What homes saved together", "Homes", "kWh", "CO2e")
    table.add_row("on the list", f"{programme.homes:,}", "", "")
    table.add_row("held out at random, sealed before anybody was asked", f"{programme.held_out:,}", "", "")
    table.add_row("joined", f"{period.joined:,}", "", "")
    table.add_section()
    table.add_row("paid for good months alone", "", _kwh(saved.good_months_wh), "")
    table.add_row("truly saved", "", _kwh(saved.true_wh), mg_as_mass(saved.true_mg))
    estimated = f"{_kwh(period.saved_wh)} ± {_kwh(period.error_wh)}"
    table.add_row("estimated against the hold-out", "", estimated, "")
    table.add_row("lower bound, 95 % one-sided", "", _kwh(period.bound_wh), mg_as_mass(period.certifiable_mg))
    shares = f"shared out among {len(saved.shared_to):,} homes"
    table.add_row(shares, "", "", mg_as_mass(period.shared_mg))
    lot = f"certified as lot {saved.lot.code}" if saved.lot else "certified: less than a tonne is not"
    table.add_row(lot, "", "", mg_as_mass(saved.certified_mg))
    said = "[green]the same[/]" if saved.checked.stands else "[bold red]not the same[/]"
    table.add_row("seal opened, drawn and worked out again", "", "", said)
    return table


def told(saved: Saved) -> tuple[str, str]:
    """The programme in a line of Chinese and one of English; a bound above the truth is said as it is."""
    if not saved.certified_mg:
        return (
            "节电项目：下限不足一吨，不予签发；这也是一个结果。",
            "The saving programme: its bound leaves less than a tonne, so nothing is certified. That is a result.",
        )
    certified, true = mg_as_mass(saved.certified_mg), mg_as_mass(saved.true_mg)
    if saved.is_within_truth:
        return (
            f"节电项目：按单侧 95% 下限签发 {certified}，不超过真实节约的 {true}。",
            f"The saving programme: {certified} certified at its lower bound, of {true} truly saved.",
        )
    return (
        f"节电项目：签发 {certified}，超过真实节约的 {true}；这样的下限，二十个项目中约有一个会如此。",
        f"The saving programme: {certified} certified, and {true} truly saved: so in about one of twenty.",
    )


def _kwh(energy_wh: int) -> str:
    """Whole kilowatt-hours, rounded down."""
    return f"{energy_wh // 1000:,}"


def _verified(result: Result) -> Table:
    """What the verifier said before and after the correction."""
    table = _table(
        "What a verifier said of the first lot", "Sample", "Wrong", "Overstated", "Upper bound", "So it is"
    )
    for one, when in zip(result.statements, ("before the correction", "after it"), strict=False):
        found = one.content["projection"]
        table.add_row(
            *(when, f"{found['sample']:,}", f"{found['errors']:,}", mg_as_mass(found["estimate_mg"])),
            *(mg_as_mass(found["upper_mg"]), SAID[one.conclusion]),
        )
    return table


def _show_astray(result: Result, console: Console) -> None:
    """What should not have happened: nothing, usually."""
    for (name, wanted, really), count in sorted(result.astray.items()):
        console.print(f"[red]{ASTRAY}[/]: {count} {name} ended as {really} instead of {wanted}")
    if wrong := result.wrong_accounts():
        console.print(f"[red]{len(wrong)} accounts differ from the truth[/], resident {wrong[0]} first")
    for finding in result.ledger_findings:
        console.print(f"[red]Ledger[/]: {finding.invariant}, {finding.table} {finding.key}: {finding.found}")


def _statement(statement: Statement) -> Table:
    table = _table(f"A resident's statement: account {statement.owner_id}", "Of what", "Amount")
    for line in statement.lines[:STATEMENT_LINES]:
        account = line.account.removeprefix("resident_")
        table.add_row(
            f"{line.effective_on} {account}",
            line.asset.removeprefix("pending:"),
            amount_of(line.amount, line.unit),
        )
    rest = len(statement.lines) - STATEMENT_LINES
    if rest > 0:
        table.add_row(f"and {rest} earlier lines", "", "")
    table.add_section()
    for name, amount_mg in (("pending", statement.pending_mg()), ("certified", statement.certified_mg())):
        table.add_row(f"{statement.at.date()} {name}", "all", mg_as_mass(amount_mg))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "Meaning" else "right")
    return table


def _zero(rest: int, what: str) -> str:
    return (
        f"[green]all of them: 0 {what} left over[/]"
        if rest == 0
        else f"[red]{rest} {what} unaccounted for[/]"
    )
