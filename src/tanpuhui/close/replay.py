"""Replay: compute a close again from its manifest alone, and compare digests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tanpuhui.close.compute import compute
from tanpuhui.close.inputs import thaw
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.refusals import ManifestUnknown, RuleChanged
from tanpuhui.kit.digest import digest_json
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rules import Reporter, Rules, rules_of


@dataclass(frozen=True)
class ReplayAnswer:
    """Whether a second computation agrees, and every bucket where it does not."""

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
    engine: str = "duckdb",
) -> ReplayAnswer:
    """Recompute a close on any engine; every input and rule must still have the digest that the manifest names."""
    body = manifest.body
    if digest_json(body) != manifest.digest:
        raise RuleChanged(what="The manifest's own text", now=digest_json(body), then=manifest.digest)
    rules = rules_then(body["inputs"], jurisdiction, library)
    inputs = thaw(body["inputs"], datetime.fromisoformat(body["as_of"]), rules, places)
    computed = compute(inputs, places, engine)
    then = {output["bucket"]: output for output in body["outputs"]}
    differences = [
        {"bucket": number, "then": [then[number]["rows"], then[number]["digest"]], "now": [rows, digest]}
        for number, rows, digest in computed.essence()
        if (then[number]["rows"], then[number]["digest"]) != (rows, digest)
    ]
    return ReplayAnswer(
        manifest=manifest.digest,
        day=manifest.day,
        agrees=not differences and computed.credited_mg == body["credited_mg"],
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
    return rules_of(date.fromisoformat(inputs["day"]), jurisdiction, library, reporters)
