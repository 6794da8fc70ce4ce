"""Rule tables: what each table of a jurisdiction may say, checked key by key when the file is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from string import Formatter
from typing import Any

from tanpuhui.kit.exact import parse_decimal
from tanpuhui.kit.refusal import Refusal

FOREVER = date(9999, 12, 31)
STATUSES = ("official", "published", "secondary", "illustrative")
#: What a cap is a share of.
VERIFIED_EMISSIONS, ALLOWANCES = "verified_emissions", "allowances"
#: What confirmed reductions may be used for.
SINKS = ("allowance_surrender", "voluntary_cancellation", "points", "financial_product")
#: Verbs of the registry that a rule may name in its own words.
VERBS = ("issue", "share", "transfer", "lock", "retire", "cancel")
#: What is shown to stakeholders, for so many working days.
#: What becomes of points whose reduction is clawed back afterwards; they stay where a rule does not say.
STAY, TAKE_BACK = "stay", "take_back"
ON_CLAWBACK = (STAY, TAKE_BACK)
NOTICES = ("project_application",)
SERIAL_PARTS = ("code", "methodology", "vintage", "first", "last")

_MONTH_AND_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_PLACE = re.compile(r"[a-z]+(-[a-z]+)*\Z")
_PERCENT_PLACES = 6


class BadJurisdiction(Refusal):
    code = "quantify.bad_jurisdiction"
    message = "{file}, {key}: {problem} {repair}"


@dataclass(frozen=True)
class Rule:
    """One dated rule with where it comes from."""

    first_day: date
    last_day: date
    status: str
    source: str
    content: dict[str, Any]

    def covers(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def as_json(self) -> dict[str, Any]:
        """The rule as JSON-ready values; ``to`` is ``null`` while it has no last day."""
        return {
            "from": self.first_day.isoformat(),
            "to": None if self.last_day == FOREVER else self.last_day.isoformat(),
            "status": self.status,
            "source": self.source,
            **self.content,
        }


@dataclass(frozen=True)
class Key:
    """A key of a rule: what is fine there, in words, and whether it may be left out."""

    fits: Callable[[Any], bool]
    says: str
    optional: bool = False


@dataclass(frozen=True)
class Shape:
    """The keys of a table. Rules that agree in ``apart`` are not in force on one day; ``None`` lets them be."""

    keys: dict[str, Key]
    apart: tuple[str, ...] | None = ()

    def name_of(self, rule: Rule) -> str:
        """What tells a rule from others of its table, such as a sink; empty where there is one at a time."""
        names = self.apart if self.apart is not None else tuple(self.keys)
        return ", ".join(_plain(rule.content.get(name)) for name in names)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(str, value))
    return str(value.get("en", value)) if isinstance(value, dict) else str(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _is_percent(value: Any) -> bool:
    try:
        share = parse_decimal(value) if isinstance(value, str) else Fraction(-1)
    except ValueError:
        return False
    return 0 <= share <= 100 and (share * 10**_PERCENT_PLACES).denominator == 1


def _is_one_of(*known: str) -> Callable[[Any], bool]:
    return lambda value: value in known


def _is_two_languages(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"zh", "en"} and all(map(_is_text, value.values()))


def _is_month_and_day(value: Any) -> bool:
    """A day that every year has."""
    if not isinstance(value, str) or _MONTH_AND_DAY.match(value) is None:
        return False
    try:
        date.fromisoformat(f"2001-{value}")
    except ValueError:
        return False
    return True


def _is_list(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and value != [] and all(map(fits, value))


def _is_serial_format(value: Any) -> bool:
    if not _is_text(value):
        return False
    try:
        parts = [name for _, name, _, _ in Formatter().parse(value) if name is not None]
    except ValueError:
        return False
    return {"first", "last"} <= set(parts) <= set(SERIAL_PARTS) and len(parts) == len(set(parts))


_TEXTS = Key(_is_two_languages, "texts in zh and en")
_PERCENT = Key(_is_percent, 'a percentage from 0 to 100 in quotes, such as "10" or "2.5"')
_YEAR = _is_whole(2000, 2999)


def _optional(key: Key) -> Key:
    return Key(key.fits, key.says, optional=True)


#: Every dated table of a jurisdiction's file, but for its scenes.
TABLES: dict[str, Shape] = {
    "accepted_statuses": Shape(
        {"statuses": Key(_is_list(_is_one_of(*STATUSES)), f"a list of {', '.join(STATUSES)}")}, apart=None
    ),
    "excluded_scopes": Shape(
        {"scope": Key(_is_text, "a scope, such as energy.solar"), "reason": _TEXTS}, apart=("scope",)
    ),
    "tiers": Shape(
        {"name": _TEXTS, "least_kg": Key(_is_whole(0, 10**9), "a whole number of kilograms")}, apart=("name",)
    ),
    "serials": Shape(
        {
            "format": Key(
                _is_serial_format,
                "a format with {first} and {last}, and {code}, {methodology}, {vintage} at most",
            )
        }
    ),
    "offset_caps": Shape(
        {
            "share_percent": _PERCENT,
            "denominator": Key(
                _is_one_of(VERIFIED_EMISSIONS, ALLOWANCES), f"{VERIFIED_EMISSIONS} or {ALLOWANCES}"
            ),
            "local_share_percent": _optional(_PERCENT),
            "accepts": Key(
                _is_list(lambda value: isinstance(value, str) and _PLACE.match(value) is not None),
                "a list of jurisdictions",
                optional=True,
            ),
            "earliest_vintage": Key(_YEAR, "a year", optional=True),
            "most_vintages_back": Key(_is_whole(0, 100), "a whole number of years", optional=True),
            "excluded_scopes": Key(_is_list(_is_text), "a list of scopes", optional=True),
        }
    ),
    "offset_pools": Shape({"pool_t": Key(_is_whole(0, 9_000_000_000), "a whole number of tonnes")}),
    # Which tonnes of another place count here, as how many, and how many a year.
    "recognitions": Shape(
        {
            "home": Key(
                lambda value: isinstance(value, str) and _PLACE.match(value) is not None,
                "the code of a place",
            ),
            "conversion_percent": _PERCENT,
            "quota_t": Key(_is_whole(0, 9_000_000_000), "a whole number of tonnes"),
            "methodologies": Key(_is_list(_is_text), "a list of methodologies' codes", optional=True),
            "most_vintages_back": Key(_is_whole(0, 50), "a whole number of years", optional=True),
        },
        apart=("home",),
    ),
    "offset_deadlines": Shape(
        {
            "file_by": Key(_is_month_and_day, "a day of the following year, such as 06-10", optional=True),
            "surrender_by": Key(_is_month_and_day, "a day of the following year, such as 06-20"),
        }
    ),
    "points_conversions": Shape(
        {
            "mg_per_point": Key(_is_whole(1, 10**12), "a whole number of milligrams"),
            "consumes_claim": Key(lambda value: type(value) is bool, "true or false"),
            "on_clawback": Key(_is_one_of(*ON_CLAWBACK), " or ".join(ON_CLAWBACK), optional=True),
        }
    ),
    "points_validities": Shape({"months": Key(_is_whole(1, 1200), "a whole number of months")}),
    "points_transfers": Shape({"transferable": Key(lambda value: type(value) is bool, "true or false")}),
    "market_rules": Shape(
        {
            "currency": Key(
                lambda value: isinstance(value, str) and _CURRENCY.match(value) is not None,
                "the code of a currency, such as CNY",
            ),
            "tick_minor": Key(_is_whole(1, 10**9), "a whole number of minor units"),
            "band_percent": _optional(_PERCENT),
            "negotiated_band_percent": _optional(_PERCENT),
            "reference_price_minor": Key(
                _is_whole(1, 10**12), "a price of a tonne in whole minor units", optional=True
            ),
            "most_order_t": Key(_is_whole(1, 9 * 10**9), "a whole number of tonnes", optional=True),
            "most_held_t": Key(_is_whole(1, 9 * 10**9), "a whole number of tonnes", optional=True),
            "listing_days": Key(_is_whole(1, 3660), "a whole number of days"),
            "payment_hours": Key(_is_whole(1, 8784), "a whole number of hours"),
        }
    ),
    # Whether a lot needs a verifier's statement, and what share of it may be overstated.
    "verifications": Shape(
        {"required": Key(lambda value: type(value) is bool, "true or false"), "materiality_percent": _PERCENT}
    ),
    "notice_periods": Shape(
        {
            "of": Key(_is_one_of(*NOTICES), " or ".join(NOTICES)),
            "working_days": Key(_is_whole(1, 365), "a whole number of working days"),
        },
        apart=("of",),
    ),
    "sinks": Shape({"sink": Key(_is_one_of(*SINKS), f"one of {', '.join(SINKS)}")}, apart=("sink",)),
    "registry_verbs": Shape(
        {"verb": Key(_is_one_of(*VERBS), f"one of {', '.join(VERBS)}"), "name": _TEXTS}, apart=("verb",)
    ),
}


def read_table(file: str, name: str, items: Any) -> tuple[Rule, ...]:
    """The rules of a table as the file has them; refuses what does not fit, by file and key."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadJurisdiction(file=file, key=name, problem="is not a list.", repair=f"Write [[{name}]].")
    rules = tuple(
        _rule(file, f"{name}[{number}]", TABLES[name], item) for number, item in enumerate(items, 1)
    )
    _refuse_overlaps(file, name, rules)
    return rules


def _rule(file: str, place: str, shape: Shape, item: dict[str, Any]) -> Rule:
    first, last = read_days(file, place, item)
    if item.get("status") not in STATUSES or not _is_text(item.get("source")):
        raise BadJurisdiction(
            file=file,
            key=f"{place}.status, source",
            problem=f"a rule says status {item.get('status')!r}, source {item.get('source')!r}.",
            repair=f"Give a source, and one of {', '.join(STATUSES)}.",
        )
    content = {name: value for name, value in item.items() if name not in ("from", "to", "status", "source")}
    for name in content:
        if name not in shape.keys:
            known = ", ".join(["from", "to", "status", "source", *shape.keys])
            raise BadJurisdiction(
                file=file, key=f"{place}.{name}", problem="is not known.", repair=f"Keys are: {known}."
            )
    for name, key in shape.keys.items():
        if name not in content and key.optional:
            continue
        if not key.fits(content.get(name)):
            problem = f"is {content[name]!r}." if name in content else "is missing."
            raise BadJurisdiction(
                file=file, key=f"{place}.{name}", problem=problem, repair=f"Write {key.says}."
            )
    return Rule(first, last, item["status"], item["source"], content)


def read_days(file: str, place: str, item: dict[str, Any]) -> tuple[date, date]:
    """The first and last day of a rule or scene."""
    if "from" not in item:
        raise BadJurisdiction(
            file=file, key=f"{place}.from", problem="is missing.", repair="Write a day: from = 2022-05-06."
        )
    first, last = item["from"], item.get("to", FOREVER)
    for name, value in (("from", first), ("to", last)):
        if type(value) is not date:
            raise BadJurisdiction(
                file=file, key=f"{place}.{name}", problem=f"is {value!r}.", repair="Write a day: 2022-05-06."
            )
    if last < first:
        raise BadJurisdiction(
            file=file, key=f"{place}.to", problem=f"{last} is before {first}.", repair="Let it follow."
        )
    return first, last


def _refuse_overlaps(file: str, name: str, rules: tuple[Rule, ...]) -> None:
    shape = TABLES[name]
    if shape.apart is None:
        return
    for index, one in enumerate(rules):
        for other in rules[index + 1 :]:
            same = all(one.content[key] == other.content[key] for key in shape.apart)
            if same and one.first_day <= other.last_day and other.first_day <= one.last_day:
                said = f" of {shape.name_of(one)}" if shape.apart else ""
                raise BadJurisdiction(
                    file=file,
                    key=f"{name}{said}",
                    problem=f"two rules are in force from {max(one.first_day, other.first_day)} on.",
                    repair="End the first ('to') on the day before the second begins.",
                )
