"""``tanpuhui offset``: a company's cap, and what it reserves and surrenders under it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json

app = App(name="offset", help="A company's cap, and what it reserves and surrenders under it.")

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
