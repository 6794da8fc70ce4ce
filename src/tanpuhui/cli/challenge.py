"""``tanpuhui challenge``: announce a city's challenge, count it after a close, and show how far it has come."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from tanpuhui.cli.output import console, mg_as_mass, print_json
from tanpuhui.kit.moment import utc_now

app = App(name="challenge", help="Announce, count and show a city's challenges.")

JsonFlag = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def announce(
    code: str,
    /,
    *,
    title_zh: str,
    title_en: str,
    text_zh: str,
    text_en: str,
    starts_on: str,
    ends_on: str,
    target_kg: int,
    methodology: Annotated[list[str] | None, Parameter(negative=())] = None,
    as_json: JsonFlag = False,
) -> int:
    """Announce a challenge; what was announced is never changed.

    Example: tanpuhui challenge announce march --title-zh 三月 --title-en March --text-zh 一起 --text-en Together
    --starts-on 2026-03-01 --ends-on 2026-03-31 --target-kg 1000 --methodology shenzhen/metro

    Parameters
    ----------
    code
        Small letters, digits and hyphens; it is in the address of the page.
    title_zh
        Title in Chinese.
    title_en
        Title in English.
    text_zh
        What it is about, in Chinese.
    text_en
        What it is about, in English.
    starts_on
        First local day of the acts that count.
    ends_on
        Last local day of the acts that count.
    target_kg
        The city's aim, in kg CO2e.
    methodology
        A methodology whose credits count; once for each, all of them if left out.
    as_json
        Print the challenge as JSON.
    """
    from django.db import transaction

    from tanpuhui.cli.days import parse_day
    from tanpuhui.community.challenge import Terms
    from tanpuhui.community.challenge import announce as announce_it
    from tanpuhui.community.goal import KG

    terms = Terms(
        code=code,
        title_zh=title_zh,
        title_en=title_en,
        text_zh=text_zh,
        text_en=text_en,
        starts_on=parse_day(starts_on, "--starts-on"),
        ends_on=parse_day(ends_on, "--ends-on"),
        target_mg=target_kg * KG,
        methodologies=tuple(methodology or ()),
    )
    with transaction.atomic():
        announced = announce_it(terms, at=utc_now())
    return _print([_shown(announced)], as_json)


@app.command
def tally(*, as_json: JsonFlag = False) -> int:
    """Count every challenge that has begun and ended no more than a month ago; run it after the day's closes.

    Example: tanpuhui challenge tally --json

    Parameters
    ----------
    as_json
        Print the challenges as JSON.
    """
    from datetime import timedelta

    from django.db import transaction
    from django.utils import timezone

    from tanpuhui.community.challenge import tally as count
    from tanpuhui.community.models import Challenge

    today = timezone.localdate()
    running = Challenge.objects.filter(starts_on__lte=today, ends_on__gte=today - timedelta(days=31))
    with transaction.atomic():
        for one in running:
            count(one, at=utc_now())
    return _print([_shown(one) for one in running.order_by("code")], as_json)


@app.command
def show(*, as_json: JsonFlag = False) -> int:
    """Show every challenge with what was counted last.

    Example: tanpuhui challenge show

    Parameters
    ----------
    as_json
        Print JSON instead of a table.
    """
    from tanpuhui.community.models import Challenge

    return _print([_shown(one) for one in Challenge.objects.order_by("starts_on", "code")], as_json)


def _shown(one: Any) -> dict[str, Any]:
    newest = one.tallies.order_by("-id").first()
    return {
        "challenge": one.code,
        "title_zh": one.title_zh,
        "title_en": one.title_en,
        "starts_on": one.starts_on.isoformat(),
        "ends_on": one.ends_on.isoformat(),
        "methodologies": list(one.methodologies),
        "target_mg": one.target_mg,
        "participants": newest.participants if newest else None,
        "credited_mg": newest.credited_mg if newest else None,
        "counted_at": newest.counted_at.isoformat() if newest else None,
    }


def _print(rows: list[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        print_json(rows)
        return 0
    table = Table("Challenge", "Days", "Aim", "Counted", "People")
    for row in rows:
        counted = "-" if row["credited_mg"] is None else mg_as_mass(row["credited_mg"])
        table.add_row(
            row["challenge"],
            f"{row['starts_on']} to {row['ends_on']}",
            mg_as_mass(row["target_mg"]),
            counted,
            str(row["participants"] or "-"),
        )
    console.print(table)
    return 0
