"""Districts: those of a jurisdiction, looked up by code."""

from __future__ import annotations

from tanpuhui.quantify.districts import District, load_districts
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.refusals import NoDistricts, UnknownDistrict


def districts_of(jurisdiction: Jurisdiction) -> tuple[District, ...]:
    """The districts for which figures are published; none where there are no such figures."""
    return load_districts(jurisdiction.private.districts) if jurisdiction.private else ()


def known_district(code: str, jurisdiction: Jurisdiction) -> District:
    """A district by its code; refuses one that is not there."""
    there = districts_of(jurisdiction)
    if not there:
        raise NoDistricts(jurisdiction=jurisdiction.code)
    for one in there:
        if one.code == code:
            return one
    raise UnknownDistrict(given=code, known=", ".join(f"{one.code} {one.en}" for one in there))
