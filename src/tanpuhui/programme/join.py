"""Join: homes of the list whose holders take part, each linked to its account. No home that is held out ever joins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.link import link_many
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.refusals import HeldOutJoins, HomeUnknown
from tanpuhui.programme.seal import look_inside


def join(code: str, pairs: Iterable[tuple[str, int]], *, at: datetime) -> int:
    """Link homes (pseudonyms) to accounts, all or none; answers how many are new. The caller's transaction decides."""
    programme = get_programme(code)
    inside, accounts = look_inside(programme), dict(pairs)
    numbers = {ids[0] for piece in subject_ids(latest(code), accounts) for ids in piece.values()}
    if unknown := numbers - inside.listed:
        raise HomeUnknown(count=len(unknown), code=code)
    if held := numbers & inside.held:
        raise HeldOutJoins(count=len(held), code=code)
    return link_many(code, accounts.items(), at=at)
