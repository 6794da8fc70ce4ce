"""Format: how an adapter says what a provider's file looks like and what its rows mean, as SQL over text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any

from tanpuhui.evidence.envelope import Media
from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.expressions import name as quoted


@dataclass(frozen=True)
class Terms:
    """What a contract says about reading: pure values, no database."""

    provider: str
    format: str
    kinds: frozenset[str]
    zone: str = "Asia/Shanghai"
    repairs: frozenset[str] = frozenset()
    options: Mapping[str, Any] = made_by(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """Columns of one known layout. Staged columns are called ``t_<name>`` and are text.

    ``required`` and ``optional`` are staged; ``ignored`` may be there and are not read; ``renamed`` maps a
    file's column to its staged name where the two differ.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    renamed: Mapping[str, str] = made_by(default_factory=dict)

    def staged(self, column: str) -> str:
        return self.renamed.get(column, column)


@dataclass(frozen=True)
class Sheet:
    """A staged file: which of its format's shapes it has, its name without ending, and its columns as text, ``t_…``.

    ``numbers`` and ``moments`` are names of columns that the file itself has as whole numbers and as moments with an
    offset. They are staged as ``n_<name>`` and ``at_<name>``, and are made into text only where somebody asks for it.
    """

    shape: int
    stem: str
    columns: frozenset[str]
    numbers: frozenset[str] = frozenset()
    moments: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        """SQL over ``staged``: a column as text."""
        if column in self.numbers:
            return f"CAST({quoted(f'n_{column}')} AS VARCHAR)"
        if column in self.moments:
            return f"CAST({quoted(f'at_{column}')} AS VARCHAR)"
        return quoted(f"t_{column}")

    def is_empty(self, column: str) -> str:
        """SQL: whether a row has nothing in a column."""
        if column in self.numbers:
            return f"n_{column} IS NULL"
        return f"at_{column} IS NULL" if column in self.moments else f"is_empty(t_{column})"

    def whole(self, column: str) -> str:
        """SQL: a column's whole number of at most 18 digits, NULL where it is none."""
        return f"of_18_digits(n_{column})" if column in self.numbers else f"whole(t_{column})"

    def moment_us(self, column: str) -> str:
        """SQL: a column's moment in microseconds, NULL where it is none."""
        return f"instant_us(at_{column})" if column in self.moments else f"moment_us(t_{column})"


@dataclass(frozen=True)
class Check:
    """Refuse a row with ``code`` at ``field`` when the condition holds; the first check that holds decides."""

    code: str
    field: str
    when: str
    facts: Mapping[str, int | str] = made_by(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """Remark on an accepted row when the condition holds; only counted."""

    code: str
    when: str


@dataclass(frozen=True)
class Reading:
    """A row's meaning: one SQL expression for each record column, over the staged text columns."""

    source_id: str
    person: str
    kind: str
    started_us: str
    ended_us: str
    measures: Mapping[str, str] = made_by(default_factory=dict)
    revision: str = "0"
    action: str = "'report'"
    station: str = "NULL"
    line: str = "NULL"
    vehicle: str = "NULL"
    extras: Mapping[str, str] = made_by(default_factory=dict)
    checks: Sequence[Check] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class Format:
    """An adapter: what it is called, which media and layouts it takes, and how it reads them.

    ``prepare`` gives statements that make look-up tables which the reading joins by subquery. ``alone`` says that a
    row is read with regard to the other rows of its file, or to the file's name: two files are never read as one.
    """

    name: str
    media: frozenset[Media]
    shapes: Callable[[Terms], Sequence[Shape]]
    read: Callable[[Terms, Sheet], Reading]
    prepare: Callable[[], Sequence[str]] = tuple
    alone: bool = False


#: Columns by which a later word about the same id is given, in the formats that are ours.
REVISION_COLUMNS = ("revision", "action")
REVISION = "CASE WHEN is_empty(t_revision) THEN 0 ELSE whole(t_revision) END"
ACTION = "CASE WHEN is_empty(t_action) THEN 'report' ELSE t_action END"


def needed_text(column: str, name: str | None = None, *, words: Iterable[str] = ()) -> list[Check]:
    """A text that must be there, without control characters, and have at most 200 characters.

    ``words`` are what most rows say: they are told without looking at their characters.
    """
    text = f"t_{column}"
    return [
        Check("evidence.missing", name or column, f"is_empty({text})"),
        control_characters(column, name, words=words),
        Check("evidence.too_long", name or column, f"length({text}) > 200", {"limit": 200}),
    ]


def control_characters(column: str, name: str | None = None, *, words: Iterable[str] = ()) -> Check:
    """No text that identifies something has NUL, a line end or another control character in it."""
    others = f"t_{column} NOT IN ({', '.join(map(literal, words))}) AND " if words else ""
    return Check(
        "evidence.control_character", name or column, f"{others}regexp_matches(t_{column}, '[[:cntrl:]]')"
    )


def needed_moment(column: str, value: str, *, is_empty: str | None = None) -> list[Check]:
    """A moment that must be there and must be one; ``value`` is what it was read as, NULL where it could not be."""
    return [
        Check("evidence.missing", column, is_empty or f"is_empty(t_{column})"),
        Check("evidence.not_a_moment", column, f"{value} IS NULL"),
    ]


def whole_number(
    column: str, value: str, *, needed: bool = False, is_empty: str | None = None
) -> list[Check]:
    """A whole number, from 0 to 10^15, that may be missing unless it is needed; ``value`` is what it was read as."""
    is_empty = is_empty or f"is_empty(t_{column})"
    missing = [Check("evidence.missing", column, is_empty)] if needed else []
    return [
        *missing,
        Check("evidence.not_a_number", column, f"{value} IS NULL AND NOT ({is_empty})"),
        Check("evidence.negative", column, f"{value} < 0"),
        Check("evidence.out_of_range", column, f"{value} > {LARGEST}", {"limit": LARGEST}),
    ]


def decimal_number(column: str, *, needed: bool = False) -> list[Check]:
    """A decimal with at most 9 digits before and 18 after the point, not negative."""
    value = f"decimal_atto(t_{column})"
    missing = [Check("evidence.missing", column, f"is_empty(t_{column})")] if needed else []
    negative = f"starts_with(t_{column}, '-') AND decimal_atto(substr(t_{column}, 2)) IS NOT NULL"
    return [
        *missing,
        Check("evidence.negative", column, negative),
        Check("evidence.not_a_number", column, f"NOT is_empty(t_{column}) AND {value} IS NULL"),
    ]


def revision_checks() -> list[Check]:
    """A revision counts from 0; an action is a word we know; what is retracted was reported before."""
    return [
        Check(
            "evidence.revision_invalid",
            "revision",
            f"NOT is_empty(t_revision) AND coalesce(whole(t_revision) NOT BETWEEN 0 AND {LAST_REVISION}, true)",
        ),
        Check("evidence.revision_invalid", "action", f"{ACTION} NOT IN ('report', 'retract')"),
        Check("evidence.revision_invalid", "revision", f"{ACTION} = 'retract' AND {REVISION} = 0"),
    ]


#: No measure of one act is larger: 10^15 m, Wh or g are beyond any real one, and far within int64.
LARGEST = 10**15
LAST_REVISION = 1_000_000
