"""Plan: what a demonstration city consists of: people, grants, acts, and the rows that report them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

#: The end of a row of a day that is not closed: readings of the week before.
HISTORY = "history"
#: The end of a row that was taken before.
DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person did. ``resident`` 0 is somebody without an account.

    A metro trip has its stations instead of a distance: how far they are apart is for the truth to say. ``station`` is
    where something was sorted.
    """

    resident: int
    provider: str
    kind: str
    started_us: int
    ended_us: int
    measures: Mapping[str, int] = field(default_factory=dict)
    stations: tuple[str, str] | None = None
    station: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a provider's file, and how it must end.

    ``end`` is an outcome of the close, ``duplicate``, ``history`` or the code of a refusal; it is empty where the
    row carries an act that counts, since then the truth decides. ``fault`` names what was planted with it.
    """

    columns: Mapping[str, object]
    end: str = ""
    fault: str = ""
    act: Act | None = None

    def __post_init__(self) -> None:
        assert (self.end == "") == (self.act is not None), "a row has either its end or an act"


@dataclass(frozen=True)
class Delivery:
    """A file as a provider sends it: once, late, or again."""

    provider: str
    name: str
    ending: str
    received_at: datetime
    rows: tuple[Row, ...]
    key: str | None = None

    @property
    def file_name(self) -> str:
        return f"{self.provider}_{self.name}.{self.ending}"


@dataclass(frozen=True)
class Fetched:
    """What a haulier weighed at a sorting station on the day with this index, in g, and when it says so."""

    station: str
    index: int
    fetched_g: int
    declared_at: datetime


@dataclass(frozen=True)
class Grant:
    """What a resident allows one provider to report, for acts from one moment until before another.

    ``withdrawn_at`` is when the resident takes it back, or ``None``.
    """

    resident: int
    provider: str
    kinds: tuple[str, ...]
    from_at: datetime
    until_at: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class Resident:
    """A person with an account. ``plain`` ones have given every grant and are linked from the start."""

    number: int
    providers: frozenset[str]
    birth_on: date | None = None
    guardian: int | None = None
    plain: bool = True
    linked_late: bool = False


@dataclass(frozen=True)
class City:
    """A whole demonstration, before anything of it has reached the product."""

    seed: int
    days: int
    residents: tuple[Resident, ...]
    refused_children: tuple[date, ...]
    grants: tuple[Grant, ...]
    deliveries: tuple[Delivery, ...]
    fetched: tuple[Fetched, ...]

    def pseudonyms(self) -> dict[str, list[tuple[str, int]]]:
        """By provider: pseudonyms with the resident whose they are."""
        from tanpuhui.cli.demo.people import pseudonym

        found: dict[str, list[tuple[str, int]]] = {}
        for resident in self.residents:
            for provider in sorted(resident.providers):
                known = pseudonym(self.seed, provider, resident.number)
                found.setdefault(provider, []).append((known, resident.number))
        return found
