"""Replay: compute a close again from its manifest alone, and compare digests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow.parquet as pq

from tanpuhui.close.compute import Computed, compute
from tanpuhui.close.inputs import methodology_bodies, thaw
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import ManifestUnknown, RuleChanged
from tanpuhui.kit.digest import digest_json
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.engines.choice import EMBEDDED, EngineChoice
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of


@dataclass(frozen=True)
class ReplayAnswer:
    """Whether a second computation agrees, and every bucket and every sum where it does not."""

    manifest: str
    day: date
    agrees: bool
    rows: int
    credited_mg: int
    differences: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return {
            "manifest": self.manifest,
            "day": self.day.isoformat(),
            "agrees": self.agrees,
            "rows": self.rows,
            "credited_mg": self.credited_mg,
            "differences": self.differences,
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
) -> ReplayAnswer:
    """Recompute a close on any engine; every input and rule must still have the digest that the manifest names."""
    body = manifest.body
    if digest_json(body) != manifest.digest:
        raise RuleChanged(what="The manifest's own text", now=digest_json(body), then=manifest.digest)
    if manifest.day.isoformat() != body["inputs"]["day"]:
        raise RuleChanged(what="The manifest's day", now=manifest.day, then=body["inputs"]["day"])
    rules = rules_then(body["inputs"], jurisdiction, library)
    inputs = thaw(body["inputs"], datetime.fromisoformat(body["as_of"]), rules, places)
    computed = compute(inputs, places, engine)
    differences = [*_other_buckets(body["outputs"], computed, places), *_other_sums(body, computed)]
    return ReplayAnswer(
        manifest=manifest.digest,
        day=manifest.day,
        agrees=not differences,
        rows=computed.records,
        credited_mg=computed.credited_mg,
        differences=differences,
    )


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
        Reporter(reporter["provider"], tuple(reporter["kinds"]), reporter["precedence"])
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
    if any(then[name] != now[name] for name in ("rows", "digest", "credited_mg")):
        return False
    return all(
        then[name] == now[name]
        or pq.read_table(places.results.checked(then[name])).equals(
            pq.read_table(places.results.checked(now[name]))
        )
        for name in ("results", "credits")
    )


def _named(output: dict[str, Any] | None) -> list[Any]:
    return [output[name] for name in ("rows", "digest", "credits")] if output else []


def _other_sums(body: dict[str, Any], computed: Computed) -> list[dict[str, Any]]:
    """Sums over all buckets that the manifest states and that are not what was computed now."""
    now = {
        "outcomes": computed.outcomes,
        "credited_mg": computed.credited_mg,
        "below_mg": computed.below_mg,
        "yearly": computed.yearly,
    }
    return [
        {"sum": name, "then": body[name], "now": value} for name, value in now.items() if body[name] != value
    ]
