"""An answer: what points said to an order, the same for every repeat of its key, a refusal too."""

from __future__ import annotations

from tanpuhui.money.answer import Answer, Answers
from tanpuhui.points.models import StoredAnswer
from tanpuhui.points.refusals import KeyReused, refusal_from

__all__ = ["Answer", "once"]

once = Answers("points", StoredAnswer, KeyReused, refusal_from).once
