"""Carry: a resident takes a statement along as a credential, to show its recipient as much as they like."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from django.db import connection
from joserfc.jwk import ECKey

from tanpuhui.consent import store
from tanpuhui.consent.models import Grant
from tanpuhui.disclosure.contents import contents
from tanpuhui.disclosure.credential import certify
from tanpuhui.disclosure.hand_over import PURPOSE, is_in_force
from tanpuhui.disclosure.refusals import NothingToHandOver, NotYours
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.transparency.models import Credential


def carry(
    account: int, grant_id: int, *, jurisdiction: Jurisdiction, at: datetime, holder: ECKey | None = None
) -> Credential:
    """A credential under one of a resident's own grants, in the caller's transaction, bound to a key if they have one.

    The recipient sees nothing of it until it is shown to them. It says what the grant lets be said, and no act.
    """
    grant = own_grant(account, grant_id)
    store.lock_residents([grant.resident_id])
    if not is_in_force(grant, at):
        raise NothingToHandOver()
    number = uuid4()
    content = contents(connection, grant, str(number), jurisdiction, at=at)
    return certify(f"carried:{number}", content, grant, at=at, holder=holder)


def own_grant(account: int, grant_id: int) -> Grant:
    """A consent of this resident to show their account to somebody; another's is not there."""
    grant = Grant.objects.filter(pk=grant_id, resident=account, purpose=PURPOSE).first()
    if grant is None:
        raise NotYours()
    return grant
