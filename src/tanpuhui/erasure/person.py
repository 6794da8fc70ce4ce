"""Person: everything by which somebody's rows are found, read once before anything goes."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tanpuhui.access.models import Holder
from tanpuhui.evidence import quarantine
from tanpuhui.evidence.models import Contract, QuarantinedRow, Subject, SubjectLink
from tanpuhui.evidence.subjects import pseudonym_key


@dataclass(frozen=True)
class Found:
    """An account, its user, what providers call the person, and quarantined rows that name them."""

    account: int
    user: UUID | None
    email: str | None
    subjects: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """As SQL takes it."""
        return {
            "account": self.account,
            "user": self.user,
            "email": self.email,
            "subjects": list(self.subjects),
            "rows": list(self.rows),
        }


def find(account: int) -> Found:
    """Whose rows go."""
    holder = Holder.objects.select_related("user").filter(account=account).first()
    subjects = list(
        SubjectLink.objects.filter(account_id=account).order_by("pk").values_list("pk", flat=True)
    )
    return Found(
        account,
        holder.user_id if holder else None,
        holder.user.email if holder else None,
        tuple(subjects),
        tuple(_quarantined(subjects)),
    )


def _quarantined(subjects: list[int]) -> Iterator[int]:
    """Quarantined rows with a value that is a pseudonym of the person, under any key of that provider's contracts."""
    digests: dict[str, set[bytes]] = {}
    for provider, digest in Subject.objects.filter(pk__in=subjects).values_list("provider", "digest"):
        digests.setdefault(provider, set()).add(bytes(digest))
    for provider, wanted in digests.items():
        keys = {one.pseudonym_key: pseudonym_key(one) for one in Contract.objects.filter(provider=provider)}
        rows = QuarantinedRow.objects.filter(batch__provider=provider).select_related("batch")
        for row in rows.iterator(chunk_size=2_000):
            if any(
                hmac.digest(key, value.encode(), "sha256") in wanted
                for value in _values(quarantine.content(row))
                for key in keys.values()
            ):
                yield row.pk


def _values(content: Mapping[str, str | None]) -> Iterator[str]:
    """Every text of a row, also inside a line that was JSON and could not be read as a row."""
    for value in content.values():
        if value is None:
            continue
        yield from (value, value.strip())
        try:
            inside = json.loads(value)
        except ValueError:
            yield from (part.strip(' "') for part in value.split(",") if part != value)
            continue
        if isinstance(inside, dict):
            yield from (str(one) for one in inside.values())
