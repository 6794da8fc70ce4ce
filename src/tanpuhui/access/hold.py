"""Hold: make a user the holder of an account, for good. One user has one account, and one account one user."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from tanpuhui.access.models import Holder
from tanpuhui.access.refusals import AccountTaken, AlreadyHolder

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def hold(user: User, account: int, *, at: datetime) -> Holder:
    """Bind a user and an account. The same two again are answered as before."""
    try:
        with transaction.atomic():
            return Holder.objects.create(user=user, account=account, since=at)
    except IntegrityError:
        known = Holder.objects.filter(user=user).first()
        if known is None:
            if not Holder.objects.filter(account=account).exists():
                raise
            raise AccountTaken(account=account) from None
        if known.account != account:
            raise AlreadyHolder from None
        return known


def account_of(user: User) -> int | None:
    """The number of a user's account, or ``None``."""
    return Holder.objects.filter(user=user).values_list("account", flat=True).first()
