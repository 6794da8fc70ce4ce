"""Replay: compute a close again from its manifest alone, and compare digests.

Where a person was erased since, their rows are neither in the inputs nor in the outputs; what the notes say was taken
out is added before sums are compared, so that everything else must still agree to the milligram.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tanpuhui.close.balance import other_confirmed, other_stations
from tanpuhui.close.compute import Computed, compute
from tanpuhui.close.erase import RETENTION, removed_of
from tanpuhui.close.inputs import methodology_bodies, thaw
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import InputsOver, ManifestUnknown, RuleChanged
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.erased import notes_of, said
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of


@dataclass(frozen=True)
class ReplayAnswer:
    """Whether a second computation agrees, and every bucket and every sum where it does not.

    ``erased`` counts the ends that the manifest counts and that an erasure took out of its files since.
    """

    manifest: str
    day: date
    agrees: bool
    rows: int
    credited_mg: int
    differences: list[dict[str, Any]]
    erased: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "manifest": self.manifest,
            "day": self.day.isoformat(),
            "agrees": self.agrees,
            "rows": self.rows,
            "credited_mg": self.credited_mg,
            "differences": self.differences,
            "erased": self.erased,
        }


def find_manifest(name: str) -> Manifest:
    """A manifest by its digest, or by the beginning of it where that names only one."""
    wanted = name if name.startswith("sha256:") else f"sha256:{name}"
    found = list(Manifest.objects.filter(digest__startswith=wanted)[:2])
    if len(found) != 1:
        raise ManifestUnknown(digest=name)
    return found[0]


def replay(
    manifest: Manifest,
    *,
    places: Places,
    jurisdiction: Jurisdiction,
    library: Library,
    engine: EngineChoice = EMBEDDED,
    report: Report = nobody,
) -> ReplayAnswer:
    """Recompute a close on any engine; every input and rule must still have the digest that the manifest names."""
    body = manifest.body
    if digest_json(body) != manifest.digest:
        raise RuleChanged(what="The manifest's own text", now=digest_json(body), then=manifest.digest)
    if manifest.day.isoformat() != body["inputs"]["day"]:
        raise RuleChanged(what="The manifest's day", now=manifest.day, then=body["inputs"]["day"])
    _refuse_over(body, places)
    rules = rules_then(body["inputs"], jurisdiction, library)
    inputs = thaw(body["inputs"], datetime.fromisoformat(body["as_of"]), rules, places)
    computed = compute(inputs, places, engine, report)
    differences = [
        *_other_buckets(body["outputs"], computed, places),
        *_other_sums(body, computed, places),
        *other_confirmed(body["inputs"], places),
        *other_stations(body["inputs"], rules.jurisdiction.zone, places),
    ]
    return ReplayAnswer(
        manifest=manifest.digest,
        day=manifest.day,
        agrees=not differences,
        rows=computed.records,
        credited_mg=computed.credited_mg,
        differences=differences,
        erased=sum(_removed(output, places)["rows"] for output in body["outputs"]),
    )


def _refuse_over(body: dict[str, Any], places: Places) -> None:
    """A day of which earlier days' records decided something is not computed again once those are kept no longer."""
    if any(_is_over(places.results.path(output["results"])) for output in body["outputs"]):
        return
    inputs = body["inputs"]
    files = [
        *inputs["evidence"],
        *(file for close in inputs["earlier"]["closes"] for file in close["evidence"]),
    ]
    over = sorted({file["day"] for file in files if _is_over(places.lake / file["path"])})
    if over:
        raise InputsOver(day=inputs["day"], earlier=over[-1])


def _is_over(path: Path) -> bool:
    return any(said(token)["why"] == RETENTION for token in notes_of(path))


def rules_then(inputs: dict[str, Any], jurisdiction: Jurisdiction, library: Library) -> Rules:
    """The rules that a manifest names; refuses when a file on this machine is not the one that was used."""
    named = inputs["jurisdiction"]
    if jurisdiction.digest != named["digest"]:
        raise RuleChanged(what=f"Jurisdiction {named['code']}", now=jurisdiction.digest, then=named["digest"])
    for item in inputs["methodologies"]:
        now = library.get(item["code"], item["version"]).digest
        if now != item["digest"]:
            raise RuleChanged(
                what=f"Methodology {item['code']}@{item['version']}", now=now, then=item["digest"]
            )
    reporters = [
        Reporter(
            reporter["provider"],
            tuple(reporter["kinds"]),
            reporter["precedence"],
            must_balance=reporter.get("must_balance", False),
        )
        for reporter in inputs["reporters"]
    ]
    rules = rules_of(date.fromisoformat(inputs["day"]), jurisdiction, library, reporters)
    if methodology_bodies(rules) != inputs["methodologies"]:
        raise RuleChanged(
            what="The list of methodologies in use",
            now=methodology_bodies(rules),
            then=inputs["methodologies"],
        )
    return rules


def _other_buckets(outputs: list[dict[str, Any]], computed: Computed, places: Places) -> list[dict[str, Any]]:
    """Buckets whose results, or whose credits as they were posted, are not what was computed now."""
    then = {output["bucket"]: output for output in outputs}
    now = {output["bucket"]: output for output in computed.outputs}
    return [
        {"bucket": bucket, "then": _named(then.get(bucket)), "now": _named(now.get(bucket))}
        for bucket in sorted({*then, *now})
        if not _same(then.get(bucket), now.get(bucket), places)
    ]


def _same(then: dict[str, Any] | None, now: dict[str, Any] | None, places: Places) -> bool:
    """Whether two outputs agree, file by file; another writer of Parquet may have put the same rows in other bytes."""
    if then is None or now is None:
        return False
    gone = _removed(then, places)
    if then["rows"] - gone["rows"] != now["rows"]:
        return False
    if then["credited_mg"] - gone["credited_mg"] != now["credited_mg"]:
        return False
    if not gone["rows"] and (then["digest"] != now["digest"] or then.get("acts", now["acts"]) != now["acts"]):
        return False
    return all(_same_file(then[name], now[name], places) for name in ("results", "credits"))


def _same_file(then: str, now: str, places: Places) -> bool:
    """Whether two files, named by their digests, have the same rows; no name is no file."""
    if then == now or not (then and now):
        return then == now
    return bool(
        pq.read_table(places.results.checked(then)).equals(pq.read_table(places.results.checked(now)))
    )


def _removed(output: dict[str, Any], places: Places) -> dict[str, Any]:
    """What erasures took out of a bucket's results."""
    return removed_of(places.results.path(output["results"]))


def _named(output: dict[str, Any] | None) -> list[Any]:
    return [output[name] for name in ("rows", "digest", "credits")] if output else []


def _other_sums(body: dict[str, Any], computed: Computed, places: Places) -> list[dict[str, Any]]:
    """Sums over all buckets that the manifest states and that are not what was computed now."""
    gone = [_removed(output, places) for output in body["outputs"]]
    keys = [f"{item['code']}@{item['version']}" for item in body["inputs"]["methodologies"]]
    outcomes, below = Counter(computed.outcomes), Counter(computed.below_mg)
    for one in gone:
        outcomes.update(one["outcomes"])
        below.update({keys[number]: amount for number, amount in one["below_mg"].items()})
    now = {
        "outcomes": dict(sorted(outcomes.items())),
        "credited_mg": computed.credited_mg + sum(one["credited_mg"] for one in gone),
        "below_mg": dict(sorted(below.items())),
    }
    wrong = [
        {"sum": name, "then": body[name], "now": value} for name, value in now.items() if body[name] != value
    ]
    if not _same_year(body["yearly"], computed.yearly, places):
        wrong.append({"sum": "yearly", "then": body["yearly"], "now": computed.yearly})
    return wrong


def _same_year(then: dict[str, Any], now: dict[str, Any], places: Places) -> bool:
    """Whether what caps of the year ask is the same; a file of which nothing is left is as good as none."""
    if then["codes"] != now["codes"]:
        return False
    names = ("credits", "short_of_room")
    return all(
        _same_file(then[name] if _is_left(then[name], places) else "", now[name], places) for name in names
    )


def _is_left(digest: str, places: Places) -> bool:
    return bool(digest) and pq.read_metadata(places.results.checked(digest)).num_rows > 0
