"""``tanpuhui baseline``: fit a meter's own weather-normalised baseline and say what was saved against it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json

DONE, FINDINGS = 0, 3
BASELINE_DAYS = 365

app = App(name="baseline", help="What a home would have used, from its own reads and the weather.")
app.command(
    "tanpuhui.cli.hold_out:app", name="hold-out", help="Draw a hold-out before recruitment; verify it."
)
app.command(
    "tanpuhui.cli.mobility:mobility",
    name="mobility",
    help="Work out what a passenger-kilometre avoids, by modal split and by a survey of riders.\n\n"
    "Credited is the smaller, less its deduction.\n\n"
    "Example: tanpuhui baseline mobility methodologies/national/metro-by-survey/v1/survey.toml --json",
)

MeterFile = Annotated[Path, Parameter(help="CSV with start,value and perhaps estimated; .gz too.")]
TemperatureFile = Annotated[Path, Parameter(help="CSV with dt,tempF or dt,tempC, hourly; .gz too.")]
Zone = Annotated[
    str | None, Parameter(help="Zone of the days, and of times without an offset. Days are UTC's without it.")
]


@app.command
def fit(
    *,
    model: Annotated[str, Parameter(help="caltrack-daily or caltrack-billing.")],
    meter: MeterFile,
    temperature: TemperatureFile,
    baseline_end: str,
    report_from: str,
    report_to: str,
    zone: Zone = None,
    gas: Annotated[bool, Parameter(negative="", help="A gas meter: zeros count, no cooling.")] = False,
    changed_on: Annotated[
        str | None, Parameter(help="Day on which a car, panels, the household or the meter changed.")
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")
    ] = False,
) -> int:
    """Fit the baseline of the 365 days before --baseline-end; exit status 3 when the reads cannot carry one.

    Example: tanpuhui baseline fit --model caltrack-daily --meter METER.csv --temperature TEMP.csv
    --baseline-end 2016-12-26 --report-from 2017-01-04 --report-to 2018-01-04 --json
    """
    from tanpuhui.baseline.measure import Question, measure
    from tanpuhui.baseline.measure import as_json as answer_of
    from tanpuhui.baseline.series import read_meter, read_temperature, zone_of
    from tanpuhui.kit.moment import to_us

    named = None if zone is None else zone_of(zone)
    days = named or ZoneInfo("UTC")
    end = _moment("--baseline-end", baseline_end, days)
    question = Question(
        model=model,
        baseline_end_us=to_us(end),
        baseline_from_us=to_us(_days_before(end, BASELINE_DAYS, days)),
        report_from_us=to_us(_moment("--report-from", report_from, days)),
        report_to_us=to_us(_moment("--report-to", report_to, days)),
        zone=days,
        gas=gas,
        changed_us=None if changed_on is None else to_us(_moment("--changed-on", changed_on, days)),
    )
    measurement = measure(read_meter(meter, named), read_temperature(temperature, named), question)
    answer = answer_of(measurement)
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    return DONE if measurement.stands else FINDINGS


def _moment(option: str, text: str, zone: ZoneInfo) -> datetime:
    """Midnight of a day in the zone, or a time with its own offset."""
    from tanpuhui.baseline.refusals import BadDay

    try:
        if len(text) == len("2016-12-26"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=zone)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadDay(option=option, value=text) from error
    if moment.tzinfo is None or not 1971 <= moment.year <= 2199:
        raise BadDay(option=option, value=text)
    return moment


def _days_before(end: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time of day, so many days of the zone earlier."""
    from tanpuhui.baseline.refusals import BadDay

    try:
        local = end.astimezone(zone).replace(tzinfo=None) - timedelta(days=days)
        return local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError as error:
        raise BadDay(option="--baseline-end", value=str(end)) from error


def _print(answer: dict[str, Any]) -> None:
    if answer["model"] is not None:
        console.print("{method}, {type}".format(**answer["model"]), style="bold", highlight=False)
        for name, value in (*answer["coefficients"].items(), *answer["fit"].items()):
            if value is not None:
                console.print(f"  {name} {value:.5g}", highlight=False)
        band = "not defined" if answer["band_90"] is None else f"{answer['band_90']:.2f}"
        savings = "not defined" if answer["savings"] is None else f"{answer['savings']:.2f}"
        console.print(f"savings {savings}, 90 % band {band}", style="bold", highlight=False)
    for found in answer["findings"]:
        style = "red" if found["forbids"] else "yellow"
        console.print(f"{found['count']} x {found['code']}: {found['says']}", style=style, highlight=False)
