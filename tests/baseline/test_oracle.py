"""Oracle: opendsm itself beside our models, meter by meter. It is an extra of 1.3 GB: make oracle."""

from __future__ import annotations

import json
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tanpuhui.baseline.measure import BILLING, DAILY, Question, measure
from tanpuhui.baseline.periods import midnight_us
from tanpuhui.baseline.series import read_meter, read_temperature, zone_of

pytestmark = pytest.mark.slow

UTC_ZONE = zone_of("UTC")
#: How far apart the savings may be, in opendsm's band: bills are few, and opendsm spreads them over days.
OF_BAND = {DAILY: 0.5, BILLING: 1.0}
METERS = [
    ("il-electricity-cdd-hdd-daily", DAILY),
    ("il-electricity-cdd-only-daily", DAILY),
    ("il-gas-hdd-only-daily", DAILY),
    ("il-gas-intercept-only-daily", DAILY),
    ("il-electricity-cdd-hdd-billing_monthly", BILLING),
]


@pytest.fixture(scope="module")
def eemeter() -> Any:
    """opendsm's models, or a skip that says how to get them; it warns of its own libraries as it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(
            "opendsm.eemeter",
            reason="opendsm is not installed: make oracle",
            exc_type=ImportError,
        )


@pytest.fixture()
def samples(shared_data: Path) -> Path:
    return shared_data / "opendsm_samples"


@pytest.mark.parametrize(("name", "model"), METERS)
def test_our_savings_of_a_meter_lie_within_opendsm_s_own_band(
    samples: Path, eemeter: Any, name: str, model: str
) -> None:
    """The models differ (opendsm's is smoothed, by season and weekday); what they say was saved must not."""
    end, start, gas = windows(samples, name)

    ours = measured(samples, name, model, end=end, start=start, gas=gas)
    theirs, band, expected = asked(eemeter, samples, name, model, end=end, start=start, gas=gas)

    print(f"{name}: ours {ours:.1f}, opendsm {theirs:.1f}, its band of 90 % {band:.1f}, of {expected:.0f}")
    assert abs(ours - theirs) < band * OF_BAND[model]


def windows(samples: Path, name: str) -> tuple[date, date, bool]:
    """When the baseline ends, when the report starts, and whether it is gas."""
    truth = json.loads((samples / "metadata.json").read_text(encoding="utf-8"))[name]
    end, start = (date.fromisoformat(truth[f"blackout_{edge}_date"]) for edge in ("start", "end"))
    return end, start, truth["interpretation"] == "gas"


def measured(samples: Path, name: str, model: str, *, end: date, start: date, gas: bool) -> float:
    meter = read_meter(samples / f"{name}.csv.gz", None)
    temperature = read_temperature(samples / "il-tempF.csv.gz", None)
    question = Question(
        model=model,
        baseline_end_us=midnight_us(end, UTC_ZONE),
        baseline_from_us=midnight_us(end - timedelta(days=365), UTC_ZONE),
        report_from_us=midnight_us(start, UTC_ZONE),
        report_to_us=midnight_us(start + timedelta(days=365), UTC_ZONE),
        zone=UTC_ZONE,
        gas=gas,
    )
    savings = measure(meter, temperature, question).savings
    assert savings is not None
    return float(savings.amount[0])


def asked(
    eemeter: Any, samples: Path, name: str, model: str, *, end: date, start: date, gas: bool
) -> tuple[float, float, float]:
    """opendsm's savings, its 90 % band and what it expects, on the same windows of the same files."""
    import pandas as pd

    kind = "Daily" if model == DAILY else "Billing"
    meter, temperature = (series(samples / f"{file}.csv.gz", pd) for file in (name, "il-tempF"))
    electric = {"is_electricity_data": not gas}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = getattr(eemeter, f"{kind}BaselineData").from_series(
            part(meter, end - timedelta(days=365), end, pd), temperature, **electric
        )
        after = getattr(eemeter, f"{kind}ReportingData").from_series(
            part(meter, start, start + timedelta(days=365), pd), temperature, **electric
        )
        fitted = getattr(eemeter, f"{kind}Model")().fit(before, ignore_disqualification=True)
        said = fitted.predict(after, ignore_disqualification=True).dropna(subset=["observed", "predicted"])
        band = reporting_band(fitted, said)
    return float((said["predicted"] - said["observed"]).sum()), band, float(said["predicted"].sum())


def series(path: Path, pd: Any) -> Any:
    """A sample's column by its moment."""
    table = pd.read_csv(path)
    return pd.Series(table.iloc[:, 1].to_numpy(), pd.to_datetime(table.iloc[:, 0], utc=True))


def part(series: Any, first: date, last: date, pd: Any) -> Any:
    """From one midnight (UTC) to another, both included: the last read closes the one before it."""
    edges = [pd.Timestamp(day.isoformat(), tz="UTC") for day in (first, last)]
    return series[(series.index >= edges[0]) & (series.index <= edges[1])]


def reporting_band(fitted: Any, said: Any) -> float:
    """ASHRAE 14's band of 90 %, as opendsm's own metrics give it when the confidence is passed rightly."""
    from opendsm.common.metrics import ReportingMetrics

    metrics = ReportingMetrics(
        baseline_metrics=fitted.baseline_metrics,
        reporting_df=said[["observed", "predicted"]],
        data_frequency="daily" if "Daily" in type(fitted).__name__ else "billing",
        confidence_level=0.90,
        t_tail=2,
    )
    return float(metrics.total_savings_uncertainty)
