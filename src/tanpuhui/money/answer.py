"""An answer: what was said to an order, the same for every repeat of its key, a refusal too; each stage has its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal
from tanpuhui.money.models import StoredAnswer
from tanpuhui.money.refusals import KeyReused, refusal_from

Work = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What came of an order, or its refusal. It is stored: commit first, then call :meth:`accepted`."""

    result: dict[str, Any] | None
    refusal: Refusal | None
    repeated: bool

    def accepted(self) -> dict[str, Any]:
        """What came of it; raises the refusal of a refused one."""
        if self.refusal is not None:
            raise self.refusal
        assert self.result is not None
        return self.result


@dataclass(frozen=True)
class Answers:
    """Where a stage keeps its answers: ``table`` is a model made from :class:`tanpuhui.money.models.KeptAnswer`."""

    stage: str
    table: type[models.Model]
    key_reused: type[Refusal]
    refusal_from: Callable[[dict[str, Any]], Refusal]

    def once(self, verb: str, key: str, content: list[Any], work: Work, *, at: datetime) -> Answer:
        """Do something once for a key, in the caller's transaction; what it refuses leaves nothing but the no."""
        digest = digest_json([verb, *content])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"tanpuhui.{self.stage}:{key}"]
            )
        rows = self.table._default_manager
        known: Any = rows.filter(pk=key).first()
        if known is not None:
            if known.content_digest != digest:
                raise self.key_reused(key=key)
            refusal = self.refusal_from(known.refusal) if known.refusal else None
            return Answer(known.result, refusal, repeated=True)
        result, refusal = _try(work)
        said = refusal.as_json() if refusal else None
        stored = {"code": said["code"], "facts": said["facts"]} if said else None
        rows.create(key=key, verb=verb, content_digest=digest, result=result, refusal=stored, at=at)
        return Answer(result, refusal, repeated=False)


def _try(work: Work) -> tuple[dict[str, Any] | None, Refusal | None]:
    try:
        with transaction.atomic():
            return work(), None
    except Refusal as refusal:
        return None, refusal


once = Answers("money", StoredAnswer, KeyReused, refusal_from).once
