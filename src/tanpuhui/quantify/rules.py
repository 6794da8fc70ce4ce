"""Rules of a day: what the columns need to know about providers, kinds, methodologies and caps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from tanpuhui.evidence.record import WEIGHED_KINDS
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import Library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction

#: A person cannot be on two trips at once: kinds with this ending exclude each other in time.
TRAVEL_SUFFIX = "_trip"
TRAVEL = "travel"
#: A home's saving is one saving, whether it is reported by the day or by the month.
HOME_PREFIX = "household_"
HOME = "household"
#: Kinds of one provider are bits of an int64 in the grants that the columns read.
MOST_KINDS = 62


class TooManyKinds(Refusal):
    code = "quantify.too_many_kinds"
    message = "{count} kinds of act are contracted and {most} can be. End contracts that are no longer used."


class PointsScene(Refusal):
    code = "quantify.points_scene"
    message = (
        "Jurisdiction {jurisdiction}, scene of {kind}: {methodology} is a rule for points, not for reductions. "
        "Name a methodology of the book 'reduction'."
    )


@dataclass(frozen=True)
class Reporter:
    """A provider as the columns see it: ``precedence`` 1 is believed first when two report one act.

    Of a provider whose stations must balance counts what hauliers weighed.
    """

    provider: str
    kinds: tuple[str, ...]
    precedence: int
    must_balance: bool = False


@dataclass(frozen=True)
class Pair:
    """A kind of act as one provider reports it, and the methodology that quantifies it on the day."""

    provider: str
    kind: str
    provider_no: int
    kind_no: int
    group_no: int
    precedence: int
    methodology_no: int | None
    must_balance: bool = False


@dataclass(frozen=True)
class Applied:
    """A methodology in use on the day, and the day whose factors it uses."""

    number: int
    methodology: Methodology
    factors_of: date
    in_retrospect: bool


@dataclass(frozen=True)
class Rules:
    """Everything dated that decides a day; numbers are positions in sorted order, so order of input is no matter."""

    day: date
    jurisdiction: Jurisdiction
    pairs: tuple[Pair, ...]
    applied: tuple[Applied, ...]

    @property
    def any_balances(self) -> bool:
        """Whether any act must balance with what was fetched from its station."""
        return any(pair.must_balance for pair in self.pairs)

    def kind_numbers(self) -> dict[str, int]:
        return {pair.kind: pair.kind_no for pair in self.pairs}

    def group_numbers(self) -> dict[str, int]:
        return {exclusive_group(pair.kind): pair.group_no for pair in self.pairs}

    def provider_numbers(self) -> dict[str, int]:
        return {pair.provider: pair.provider_no for pair in self.pairs}


def exclusive_group(kind: str) -> str:
    """Kinds in one group cannot happen to one person at one time: all trips, all of a home, any other kind alone."""
    if kind.endswith(TRAVEL_SUFFIX):
        return TRAVEL
    return HOME if kind.startswith(HOME_PREFIX) else kind


def rules_of(day: date, jurisdiction: Jurisdiction, library: Library, reporters: list[Reporter]) -> Rules:
    """The rules of a day from the jurisdiction's scenes, the library and the providers' contracts."""
    kinds = sorted({kind for reporter in reporters for kind in reporter.kinds})
    if len(kinds) > MOST_KINDS:
        raise TooManyKinds(count=len(kinds), most=MOST_KINDS)
    groups = sorted({exclusive_group(kind) for kind in kinds})
    chosen = {
        (reporter.provider, kind): applied
        for reporter in reporters
        for kind in reporter.kinds
        if (applied := _applied(day, jurisdiction, library, kind, reporter.provider)) is not None
    }
    numbers = {
        key: number for number, key in enumerate(sorted({_key(applied) for applied in chosen.values()}))
    }
    pairs = tuple(
        Pair(
            provider=reporter.provider,
            kind=kind,
            provider_no=provider_no,
            kind_no=kinds.index(kind),
            group_no=groups.index(exclusive_group(kind)),
            precedence=reporter.precedence,
            methodology_no=numbers[_key(chosen[reporter.provider, kind])]
            if (reporter.provider, kind) in chosen
            else None,
            must_balance=reporter.must_balance and kind in WEIGHED_KINDS,
        )
        for provider_no, reporter in enumerate(sorted(reporters, key=lambda reporter: reporter.provider))
        for kind in sorted(reporter.kinds)
    )
    applied_once = {
        numbers[_key(item)]: Applied(
            numbers[_key(item)], item.methodology, item.factors_of, item.in_retrospect
        )
        for item in chosen.values()
    }
    return Rules(day, jurisdiction, pairs, tuple(applied_once[number] for number in sorted(applied_once)))


def with_version(rules: Rules, other: Methodology) -> Rules:
    """The same day's rules with another version in the place of a methodology's version in use.

    Factors are those of the same day, or of the nearest day on which the other version is in force.
    """
    return replace(
        rules,
        applied=tuple(
            _with(applied, other) if applied.methodology.code == other.code else applied
            for applied in rules.applied
        ),
    )


def _with(applied: Applied, other: Methodology) -> Applied:
    day = max(applied.factors_of, other.valid_from)
    if other.valid_to is not None:
        day = min(day, other.valid_to)
    in_retrospect = applied.in_retrospect or day != applied.factors_of
    return Applied(applied.number, other, day, in_retrospect)


def _key(applied: Applied) -> tuple[str, int]:
    return applied.methodology.code, applied.methodology.version


def _applied(
    day: date, jurisdiction: Jurisdiction, library: Library, kind: str, provider: str
) -> Applied | None:
    scene = jurisdiction.scene(kind, provider, day)
    if scene is None:
        return None
    in_retrospect = scene.factors_of is not None
    factors_of = scene.factors_of or day
    methodology = library.in_force(scene.methodology, factors_of)
    if methodology.book != "reduction":
        raise PointsScene(jurisdiction=jurisdiction.code, kind=kind, methodology=methodology.code)
    return Applied(0, methodology, factors_of, in_retrospect)
