"""Rule words: a jurisdiction's dated rules as people read them: what each says, and whether it is in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tanpuhui.copies.status_names import status_name
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, TABLES, Rule
from tanpuhui.web.shared.templatetags.page import language_of

PAST, NOW, TO_COME = "past", "now", "to_come"
#: Tables that a page of their own shape shows.
APART = ("accepted_statuses", "excluded_scopes", "tiers", "serials")


@dataclass(frozen=True)
class Shown:
    """One rule in words, with its days and how they stand to a day."""

    table: str
    rule: Rule
    facts: tuple[tuple[str, str], ...]
    when: str

    @classmethod
    def of(cls, table: str, rule: Rule | None, on: date) -> Shown:
        assert rule is not None, "a change has a side"
        facts = tuple((key_name(key), value_of(key, value)) for key, value in rule.content.items())
        when = TO_COME if rule.first_day > on else PAST if rule.last_day < on else NOW
        return cls(table_name(table), rule, facts, when)

    @property
    def last_day(self) -> date | None:
        return None if self.rule.last_day == FOREVER else self.rule.last_day


def tables_of(rules: Jurisdiction, on: date) -> list[tuple[str, list[Shown]]]:
    """Every dated rule by table, the newest first: those of the past, in force, and to come."""
    found = []
    for name in TABLES:
        rows = sorted(rules.table(name), key=lambda rule: rule.first_day, reverse=True)
        if rows and name not in APART:
            found.append((table_name(name), [Shown.of(name, rule, on) for rule in rows]))
    return found


def table_name(table: str) -> str:
    """What a table of rules is about."""
    return {
        "accepted_statuses": _("From which factors a lot may be certified"),
        "excluded_scopes": _("What is not certified, since another market covers it"),
        "tiers": _("Tiers of accounts"),
        "serials": _("Form of serial numbers"),
        "offset_caps": _("How much a company may offset"),
        "offset_pools": _("What all companies together may offset"),
        "offset_deadlines": _("Until when a year is filed for"),
        "points_conversions": _("What a point is worth"),
        "points_validities": _("How long points are good"),
        "points_transfers": _("Whether points may be handed on"),
        "notice_periods": _("How long stakeholders are given notice"),
        "sinks": _("What reductions may be used for"),
        "registry_verbs": _("What the authority calls the steps"),
    }.get(table, table)


def key_name(key: str) -> str:
    """What a rule's key says."""
    return {
        "share_percent": _("Share"),
        "denominator": pgettext("rule", "of what"),
        "local_share_percent": _("At least local"),
        "accepts": _("Accepted from elsewhere"),
        "earliest_vintage": _("Earliest vintage"),
        "most_vintages_back": _("Most years back"),
        "excluded_scopes": _("Excluded scopes"),
        "pool_t": _("Tonnes"),
        "file_by": _("File by, in the following year"),
        "surrender_by": _("Surrender by, in the following year"),
        "mg_per_point": _("Milligrams a point"),
        "consumes_claim": _("Converting uses the reduction up"),
        "months": _("Months"),
        "transferable": _("May be handed on"),
        "of": pgettext("rule", "notice of"),
        "working_days": _("Working days"),
        "sink": _("Use"),
        "verb": _("Step"),
        "name": _("Name"),
        "scope": _("Scope"),
        "reason": _("Reason"),
        "statuses": _("Statuses"),
        "format": _("Form"),
        "least_kg": _("From, in kg"),
    }.get(key, key)


def value_of(key: str, value: Any) -> str:
    """What a key is set to, in the reader's language."""
    if isinstance(value, dict):
        return language_of(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if key in ("share_percent", "local_share_percent"):
        return f"{value} %"
    if key == "statuses":
        return ", ".join(status_name(one) for one in value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {
        "verified_emissions": _("verified emissions"),
        "allowances": _("allowances"),
        "allowance_surrender": pgettext("sink", "surrender"),
        "voluntary_cancellation": pgettext("sink", "voluntary retirement"),
        "points": pgettext("sink", "points"),
        "financial_product": pgettext("sink", "financial products"),
        "project_application": _("an application for a project"),
        "issue": pgettext("step", "issue"),
        "share": pgettext("step", "share out"),
        "transfer": pgettext("step", "transfer"),
        "lock": pgettext("step", "set aside"),
        "retire": pgettext("step", "retire"),
        "cancel": pgettext("step", "cancel"),
    }.get(str(value), str(value))
