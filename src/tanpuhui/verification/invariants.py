"""Invariants: every statement is what its verifier signed, and speaks of the closes that were signed alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tanpuhui.ledger.invariants import Finding
from tanpuhui.verification.data import acts_of
from tanpuhui.verification.models import Statement
from tanpuhui.verification.proof import is_signed, unsigned


def check(connection: Any) -> list[Finding]:
    """Statements that are not as signed, and rows of closes that are not those of the signed text."""
    del connection
    statements = Statement.objects.select_related("engagement__verifier", "key").order_by("pk")
    return [found for one in statements.prefetch_related("closes").iterator(100) for found in _check(one)]


def _check(statement: Statement) -> Iterator[Finding]:
    if wrong := unsigned(statement):
        key = f"engagement_id={statement.pk}"
        yield Finding("statements_are_as_signed", "verification_statement", key, f"not as signed: {wrong}")
        return
    content = statement.content
    acts = acts_of(content["methodology"], content["manifests"])
    if statement.engagement.acts != [one for name in content["manifests"] if (one := acts.get(name, ""))]:
        key = f"id={statement.pk}"
        yield Finding(
            "statements_are_as_signed", "verification_engagement", key, "acts are not those of its closes"
        )
    rows = {one.manifest: one for one in statement.closes.all()}
    for name in content["manifests"]:
        if name not in rows:
            key = f"statement_id={statement.pk}"
            yield Finding("closes_are_as_signed", "verification_statement_of", key, f"{name} is gone")
    for name, row in rows.items():
        if not is_signed(row, acts.get(name, "")):
            found = "the signed text does not speak of it so"
            yield Finding("closes_are_as_signed", "verification_statement_of", f"id={row.pk}", found)
