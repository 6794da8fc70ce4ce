"""Effect: what closed days would have credited under another version of a methodology. Reads alone; posts nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from tanpuhui.close.compute import CREDIT_SCHEMA, name_methodologies
from tanpuhui.close.inputs import read_credits, standing_between, thaw
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import NoDayClosed
from tanpuhui.close.replay import rules_then
from tanpuhui.close.yearly import without_versions
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.bucket import Engine, quantify_bucket
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice, running
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Rules, with_version
from tanpuhui.quantify.side_by_side import over_buckets

#: (account, methodology without its version)
Key = tuple[int, str]


@dataclass(frozen=True)
class Line:
    """One methodology: what stands, what it would be, and how many residents would get more or less, in mg."""

    methodology: str
    then_mg: int
    now_mg: int
    more: int
    less: int


@dataclass(frozen=True)
class Effect:
    """The effect of a version on days; ``days`` are those that were reckoned again, ``residents`` those affected."""

    methodology: str
    version: int
    first: date
    last: date
    days: int
    residents: int
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "methodology": self.methodology,
            "version": self.version,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "days": self.days,
            "residents": self.residents,
            "lines": [asdict(line) for line in self.lines],
        }


def effect_of_version(
    code: str,
    version: int,
    *,
    first: date,
    last: date,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
    engine: EngineChoice = EMBEDDED,
) -> Effect:
    """Reckon the standing closes of days again with a version that was not used, from their own frozen inputs.

    Only days on which the methodology was used are looked at. What counts against a yearly cap is what stands.
    """
    engine.refuse_unfit()
    other = library.get(code, version)
    then: Counter[Key] = Counter()
    now: Counter[Key] = Counter()
    closed = [manifest for manifest in standing_between(first, last) if _uses(manifest, code)]
    if not closed:
        raise NoDayClosed(methodology=code, first=first, last=last)
    for manifest in closed:
        _add(then, read_credits(manifest.body["outputs"], places))
        rules = with_version(_rules_then(manifest, jurisdiction, library), other)
        _add(now, _credits_with(manifest, rules, places, engine))
    changed = {account for account, name in {*then, *now} if then[account, name] != now[account, name]}
    return Effect(code, version, first, last, len(closed), len(changed), _lines(then, now))


def _uses(manifest: Manifest, code: str) -> bool:
    return any(item["code"] == code for item in manifest.body["inputs"]["methodologies"])


def _rules_then(manifest: Manifest, jurisdiction: Jurisdiction, library: Library) -> Rules:
    """The rules of a close, found again among the versions that it names: a newer one does not push them aside."""
    inputs = manifest.body["inputs"]
    keys = [(item["code"], item["version"]) for item in inputs["methodologies"]]
    return rules_then(inputs, jurisdiction, Library({key: library.get(*key) for key in keys}))


def _credits_with(manifest: Manifest, rules: Rules, places: Places, engine: EngineChoice) -> pa.Table:
    body = manifest.body
    inputs = thaw(body["inputs"], datetime.fromisoformat(body["as_of"]), rules, places)

    def work(one: Engine, number: int) -> pa.Table:
        result = quantify_bucket(one, rules, inputs.buckets[number], inputs.window, inputs.distances)
        return name_methodologies(result.credits, rules)

    with running(engine, places.lake) as found:
        tables = over_buckets(found.start, sorted(inputs.buckets), work)
    return pa.concat_tables(tables) if tables else CREDIT_SCHEMA.empty_table()


def _add(sums: Counter[Key], credits: pa.Table) -> None:
    summed = without_versions(credits).group_by(["account_id", "methodology"])
    table = summed.aggregate([("credited_mg", "sum")])
    names = ("account_id", "methodology", "credited_mg_sum")
    for account, methodology, amount in zip(*(table[name].to_pylist() for name in names), strict=True):
        sums[account, methodology] += amount


def _lines(then: Counter[Key], now: Counter[Key]) -> tuple[Line, ...]:
    keys: dict[str, list[Key]] = {}
    for key in {*then, *now}:
        keys.setdefault(key[1], []).append(key)
    return tuple(
        Line(
            methodology=methodology,
            then_mg=sum(then[key] for key in found),
            now_mg=sum(now[key] for key in found),
            more=sum(now[key] > then[key] for key in found),
            less=sum(now[key] < then[key] for key in found),
        )
        for methodology, found in sorted(keys.items())
    )
