"""An answer: what the market said to an order, the same for every repeat of its key, a refusal too."""

from __future__ import annotations

from tanpuhui.market.models import StoredAnswer
from tanpuhui.market.refusals import KeyReused, refusal_from
from tanpuhui.money.answer import Answer, Answers

__all__ = ["Answer", "once"]

once = Answers("market", StoredAnswer, KeyReused, refusal_from).once
