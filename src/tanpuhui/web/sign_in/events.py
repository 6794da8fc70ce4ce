"""Events: what allauth tells about signing in is written down; a changed factor ends the user's other sessions.

Changes of how somebody signs in are audit entries too, in the database, where nobody edits them.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals as mfa
from allauth.socialaccount import signals as social
from django.contrib import messages
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import ngettext

from tanpuhui.access import session
from tanpuhui.access.audit import record
from tanpuhui.access.models import User
from tanpuhui.kit.moment import utc_now
from tanpuhui.web.shared.request_id import current
from tanpuhui.web.shared.security_log import note


@receiver(auth.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """With the kinds of proof that were shown: a code by e-mail, a passkey, an app, an identity service."""
    shown = request.session.get("account_authentication_methods") or []
    kinds = [
        f"{one.get('method')}:{one['type']}" if "type" in one else str(one.get("method")) for one in shown
    ]
    note("signed_in", request, user=user, by="+".join(kinds) or "-")


@receiver(auth.user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    note("signed_out", request, user=user)


@receiver(account.email_confirmed)
def showed_an_address(request: HttpRequest, email_address: Any, **_: Any) -> None:
    """Whoever signs up has shown with the code who they are, as whoever signs in."""
    record_authentication(request, email_address.user, method="code")


@receiver(account.user_signed_up)
def signed_up(request: HttpRequest, user: User, **_: Any) -> None:
    note("signed_up", request, user=user)


@receiver(account.login_code_rejected)
@receiver(account.email_verification_code_rejected)
def wrong_code(request: HttpRequest, user: User | None, last_attempt: bool, **_: Any) -> None:
    note("wrong_code", request, user=user, refused=True, by="code", last=last_attempt)


@receiver(mfa.authentication_failed)
def wrong_second_factor(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    note("wrong_code", request, user=user, refused=True, by=authenticator.type)


@receiver(account.authentication_step_completed)
def shown_again(request: HttpRequest, user: User, method: str, **more: Any) -> None:
    """Whoever shows again who they are gets a new key for the session; the old one is good for nothing."""
    if more.get("reauthenticated") and request.user.is_authenticated:
        request.session.cycle_key()
        note("shown_again", request, user=user, by=more.get("type", method))


@receiver(mfa.authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _changed(request, user, "add_factor", kind=str(authenticator.type))


@receiver(mfa.authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _changed(request, user, "remove_factor", kind=str(authenticator.type))


@receiver(mfa.authenticator_reset)
def codes_renewed(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    _changed(request, user, "renew_factor", kind=str(authenticator.type))


@receiver(account.email_changed)
def address_changed(request: HttpRequest, user: User, from_email_address: Any, **_: Any) -> None:
    """Told for the first address of somebody new, too, which changes nothing."""
    if from_email_address is not None:
        _changed(request, user, "change_address", kind="email")


@receiver(social.social_account_added)
def service_added(request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    _changed(request, sociallogin.user, "add_factor", kind="identity_service")


@receiver(social.social_account_removed)
def service_removed(request: HttpRequest, socialaccount: Any, **_: Any) -> None:
    _changed(request, socialaccount.user, "remove_factor", kind="identity_service")


def _changed(request: HttpRequest, user: User, verb: str, *, kind: str) -> None:
    """Write it down twice, and end what was begun with the old factors elsewhere."""
    ended = session.end_others(user, request.session.session_key)
    facts: dict[str, Any] = {"kind": kind, "sessions_ended": ended}
    record(
        verb,
        who=user,
        at=utc_now(),
        object_kind="user",
        object_key=user.pk,
        facts=facts,
        request_id=current(),
    )
    note(verb, request, user=user, **facts)
    if ended:
        said = ngettext(
            "You were signed out in %(count)d other browser.",
            "You were signed out in %(count)d other browsers.",
            ended,
        )
        messages.info(request, said % {"count": ended})
