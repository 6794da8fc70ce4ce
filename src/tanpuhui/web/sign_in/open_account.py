"""Open account: a signed-in user becomes the holder of a new resident's account."""

from __future__ import annotations

from datetime import date, datetime

from allauth.socialaccount.models import SocialAccount

from tanpuhui.access.audit import record
from tanpuhui.access.hold import account_of, hold
from tanpuhui.access.models import User
from tanpuhui.access.refusals import AlreadyHolder
from tanpuhui.consent.open_account import IdentityProof, open_account
from tanpuhui.web.sign_in.guardian import account_of_code


def open_for(
    user: User, *, birth_on: date, guardian_code: str, at: datetime, zone: str, request_id: str = ""
) -> int:
    """Open an account for this user and give its number; one user, one verified identity, one account.

    The row of the user is locked first, so that the same form sent twice at once opens one account.
    """
    User.objects.select_for_update().get(pk=user.pk)
    if account_of(user) is not None:
        raise AlreadyHolder
    guardian = account_of_code(guardian_code) if guardian_code.strip() else None
    account = open_account(at=at, birth_on=birth_on, guardian=guardian, proof=proof_of(user), zone=zone)
    hold(user, account, at=at)
    record(
        "open_account",
        who=user,
        at=at,
        object_kind="account",
        object_key=account,
        facts={"guardian": guardian is not None},
        request_id=request_id,
    )
    return account


def proof_of(user: User) -> IdentityProof | None:
    """What an identity service said about this user: itself, and its opaque subject."""
    known = SocialAccount.objects.filter(user=user).order_by("pk").first()
    return IdentityProof(issuer=known.provider, subject=known.uid) if known else None
