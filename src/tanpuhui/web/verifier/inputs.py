"""Inputs: the frozen files of a close, as a list for people: what each is, its digest and its rows where known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Frozen:
    """One input, named by its digest."""

    what: str
    digest: str
    note: str = ""


def frozen(body: dict[str, Any]) -> list[Frozen]:
    """Every input that a manifest names."""
    return list(_frozen(body["inputs"]))


def _frozen(inputs: dict[str, Any]) -> Iterator[Frozen]:
    rules = inputs["jurisdiction"]
    yield Frozen(_("Rules"), rules["digest"], rules["code"])
    for one in inputs["methodologies"]:
        yield Frozen(_("Methodology"), one["digest"], f"{one['code']}@{one['version']}")
    for file in inputs["evidence"]:
        yield Frozen(
            _("Records"), file["digest"], f"{file.get('day', '')}, {_('bucket')} {file.get('bucket', '')}"
        )
    for file in inputs["revisions"]:
        yield Frozen(_("Corrections"), file["digest"])
    for name, what in (
        ("grants", _("Grants")),
        ("resolved", _("Persons linked later")),
        ("prior", _("Earlier credits")),
    ):
        for bucket, digest in _by_bucket(inputs[name]):
            yield Frozen(what, digest, f"{_('bucket')} {bucket}")
    yield Frozen(_("Distances"), inputs["distances"])
    for close in inputs["earlier"]["closes"]:
        for bucket, digest in _by_bucket(close["results"]):
            yield Frozen(_("Results of an earlier day"), digest, f"{close['day']}, {_('bucket')} {bucket}")


def _by_bucket(given: Any) -> Iterator[tuple[object, str]]:
    pairs = given.items() if isinstance(given, dict) else given
    for bucket, digests in pairs:
        for digest in [digests] if isinstance(digests, str) else digests:
            yield bucket, digest
