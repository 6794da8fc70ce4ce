"""Join: homes of the list whose holders take part, each linked to its account. No home that is held out ever joins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tanpuhui.consent.models import Resident
from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.link import link_many
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.programme.find import get_programme
from tanpuhui.programme.refusals import AccountsUnknown, HeldOutJoins, HomeUnknown
from tanpuhui.programme.seal import look_inside


def join(code: str, pairs: Iterable[tuple[str, int]], *, at: datetime) -> int:
    """Link homes (pseudonyms) to accounts, all or none; answers how many are new. The caller's transaction decides.

    Whether a home is held out is looked up for accounts alone that there are, and a caller writes down each
    :class:`HeldOutJoins` where its own undoing does not reach: asking home by home tells who is held out.
    """
    programme, accounts = get_programme(code), dict(pairs)
    wanted = set(accounts.values())
    if absent := len(wanted) - Resident.objects.filter(pk__in=wanted).count():
        raise AccountsUnknown(count=absent)
    inside = look_inside(programme)
    numbers = {ids[0] for piece in subject_ids(latest(code), accounts) for ids in piece.values()}
    if unknown := numbers - inside.listed:
        raise HomeUnknown(count=len(unknown), code=code)
    if held := numbers & inside.held:
        raise HeldOutJoins(count=len(held), code=code)
    return link_many(code, accounts.items(), at=at)
