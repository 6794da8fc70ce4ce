"""Refusals of offsetting: each with its code, the facts and the next step."""

from __future__ import annotations

from tanpuhui.kit.refusal import Refusal


class NoRule(Refusal):
    code = "offsetting.no_rule"
    message = (
        "{jurisdiction} has no rule on how much may be offset in {year}. It has one for: {years}. "
        "Choose such a year, or add the rule with its source to jurisdictions/{jurisdiction}.toml."
    )


class BadYear(Refusal):
    code = "offsetting.bad_year"
    message = "{given} is not a compliance year. Give one from 2000 to 2999."


class AmountMissing(Refusal):
    code = "offsetting.amount_missing"
    message = "In {jurisdiction} the cap of {year} is a share of {denominator}, and they were not given. Give {option}."
