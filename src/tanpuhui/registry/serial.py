"""Serial: how a lot's numbers are written under its jurisdiction, and a lot as others read it."""

from __future__ import annotations

from typing import Any

from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.models import Lot


def serials(lot: Lot) -> str:
    """The serial range of a whole lot in its jurisdiction's format."""
    return written(lot, lot.serial_first, lot.serial_last)


def written(lot: Lot, first: int, last: int) -> str:
    """A range of a lot's serial numbers in the jurisdiction's format of the day on which the lot was certified.

    A methodology ``shenzhen/metro@1`` is written ``SHENZHEN.METRO.1``, so that hyphens part the pieces.
    """
    assert lot.serial_first <= first <= last <= lot.serial_last
    jurisdiction = load_jurisdiction(lot.jurisdiction)
    shape = jurisdiction.serial_format_on(local_day(to_us(lot.certified_at), jurisdiction.zone))
    return shape.format(
        code=lot.code,
        methodology=lot.methodology.replace("/", ".").replace("@", ".").upper(),
        vintage=lot.vintage,
        first=f"{first:09d}",
        last=f"{last:09d}",
    )


def describe(lot: Lot) -> dict[str, Any]:
    """A lot as JSON: identity, tonnes and milligrams, serial range, what it rests on and who answers for it."""
    return {
        "lot": lot.code,
        "jurisdiction": lot.jurisdiction,
        "methodology": lot.methodology,
        "vintage": lot.vintage,
        "through": lot.through.isoformat(),
        "tonnes": lot.tonnes,
        "certified_mg": lot.tonnes * TONNE_MG,
        "serial_first": lot.serial_first,
        "serial_last": lot.serial_last,
        "serials": serials(lot),
        "residents": lot.residents,
        "status": lot.status,
        "operator": lot.operator,
        "verifier": lot.verifier,
        "manifests": lot.manifests,
        "certified_at": lot.certified_at.isoformat(),
        "notice": load_jurisdiction(lot.jurisdiction).notice.get("en", ""),
    }
