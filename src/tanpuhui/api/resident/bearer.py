"""Bearer: whose account a request's token opens, and whether it may do this."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from tanpuhui.access.hold import account_of
from tanpuhui.access.models import User
from tanpuhui.access.refusals import BadToken
from tanpuhui.access.resident_scope import PREFIX, parts_of
from tanpuhui.access.token import find
from tanpuhui.api.limits import count_failure, count_token, refuse_guessing
from tanpuhui.api.resident.refusals import NoAccount, ScopeMissing
from tanpuhui.kit.moment import utc_now


class Caller:
    """The user and account that a token acts for."""

    def __init__(self, user: User, account: int) -> None:
        self.user = user
        self.account = account


class Bearer(HttpBearer):
    """A token with one part of a resident's scope, not asked too often; anything else is refused."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part = part

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        at = utc_now()
        refuse_guessing(request, at=at)
        try:
            known = find(token, at=at)
        except BadToken:
            count_failure(request, at=at)
            raise
        count_token(request, known.pk, at=at)
        parts = parts_of(known.scope)
        if not parts:
            raise BadToken
        if self.part not in parts:
            raise ScopeMissing(needed=PREFIX + self.part)
        account = account_of(known.user)
        if account is None:
            raise NoAccount
        return Caller(known.user, account)


def caller(request: HttpRequest) -> Caller:
    """Who asks."""
    found: Caller = request.auth  # type: ignore[attr-defined]
    return found
