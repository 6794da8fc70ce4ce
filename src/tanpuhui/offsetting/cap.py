"""Cap: the most that a company may offset in a compliance year, by which rule, and how it is reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from tanpuhui.kit.exact import format_fraction, parse_decimal
from tanpuhui.kit.tonnes import TONNE_MG, in_tonnes
from tanpuhui.offsetting.refusals import AmountMissing, BadYear, NoRule
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import ALLOWANCES, FOREVER, Rule

TABLE = "offset_caps"
POOLS = "offset_pools"
_WORDS = {"verified_emissions": "verified emissions", ALLOWANCES: "allowances"}


@dataclass(frozen=True)
class YearOf:
    """A company's compliance year: what it emitted, verified, and the allowances it was given, in mg."""

    year: int
    verified_emissions_mg: int | None = None
    allowances_mg: int | None = None


@dataclass(frozen=True)
class Cap:
    """The cap in mg with its rule, and the pool that all companies of the place share, where there is one."""

    jurisdiction: str
    year: int
    cap_mg: int
    rule: Rule
    #: The emissions or allowances that it is a share of.
    whole_mg: int
    arithmetic: str
    pool: Rule | None

    @property
    def rule_text(self) -> str:
        """The rule by name, and what it says."""
        return f"{rule_name(self.jurisdiction, TABLE, self.rule)}: {self.rule_says}"

    @property
    def rule_says(self) -> str:
        return _says(self.rule)

    @property
    def pool_mg(self) -> int | None:
        return int(self.pool.content["pool_t"]) * TONNE_MG if self.pool else None

    @property
    def least_local_percent(self) -> str:
        return str(self.rule.content.get("local_share_percent", "0"))

    def as_json(self) -> dict[str, Any]:
        return {
            "jurisdiction": self.jurisdiction,
            "year": self.year,
            "cap_mg": self.cap_mg,
            "rule": self.rule_text,
            "source": self.rule.source,
            "status": self.rule.status,
            "arithmetic": self.arithmetic,
            "least_local_percent": self.least_local_percent,
            "pool_mg": self.pool_mg,
        }


def rule_name(jurisdiction: str, table: str, rule: Rule) -> str:
    """How a rule is named in refusals and records: place, table and first day.

    >>> rule_name("demo", "offset_caps", Rule(date(2010, 1, 1), FOREVER, "illustrative", "x", {}))
    'demo/offset_caps/2010-01-01'
    """
    return f"{jurisdiction}/{table}/{rule.first_day}"


def cap_of(jurisdiction: Jurisdiction, of: YearOf) -> Cap:
    """The cap of a company's year by the rule in force on its last day, floored to a milligram.

    It is a most, so it is rounded down. Refuses a year without a rule, and a missing denominator.
    """
    refuse_bad_year(of.year)
    rule = jurisdiction.rule_of_year(TABLE, of.year)
    if rule is None:
        raise NoRule(jurisdiction=jurisdiction.code, year=of.year, years=_years(jurisdiction))
    return reckon(jurisdiction.code, rule, jurisdiction.rule_of_year(POOLS, of.year), of)


def refuse_bad_year(year: int) -> None:
    if not 2000 <= year <= 2999:
        raise BadYear(given=year)


def reckon(code: str, rule: Rule, pool: Rule | None, of: YearOf) -> Cap:
    """The cap of a company's year by a rule, floored to a milligram; refuses a missing denominator."""
    whole_mg = _denominator_mg(code, rule, of)
    share = parse_decimal(rule.content["share_percent"])
    exact_mg = whole_mg * share / 100
    cap_mg = exact_mg.numerator // exact_mg.denominator
    said = f"{in_tonnes(whole_mg)} {_WORDS[rule.content['denominator']]} * {format_fraction(share)} / 100"
    rounded = ", rounded down to a milligram" if exact_mg.denominator != 1 else ""
    return Cap(
        jurisdiction=code,
        year=of.year,
        cap_mg=cap_mg,
        rule=rule,
        whole_mg=whole_mg,
        arithmetic=f"{said} = {in_tonnes(cap_mg)} = {cap_mg} mg{rounded}",
        pool=pool,
    )


def _denominator_mg(code: str, rule: Rule, of: YearOf) -> int:
    of_allowances = rule.content["denominator"] == ALLOWANCES
    amount_mg = of.allowances_mg if of_allowances else of.verified_emissions_mg
    if amount_mg is None:
        raise AmountMissing(
            jurisdiction=code,
            year=of.year,
            denominator=_WORDS[rule.content["denominator"]],
            option="--allowances-t" if of_allowances else "--verified-emissions-t",
        )
    return amount_mg


def _says(rule: Rule) -> str:
    content = rule.content
    said = f"at most {content['share_percent']} % of the year's {_WORDS[content['denominator']]}"
    if "local_share_percent" in content:
        said += f", at least {content['local_share_percent']} % of it local"
    return said


def _years(jurisdiction: Jurisdiction) -> str:
    """The years that rules cover: those whose last day is in them."""
    spans = []
    for rule in sorted(jurisdiction.offset_caps, key=lambda rule: rule.first_day):
        first = rule.first_day.year
        if rule.last_day == FOREVER:
            spans.append(f"{first} on")
            continue
        last = rule.last_day.year - (rule.last_day < date(rule.last_day.year, 12, 31))
        spans += [f"{first} to {last}" if first < last else str(first)] if first <= last else []
    return ", ".join(spans) or "none"
