"""Second factor: whether somebody who acts for an organisation has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def needs_second_factor(user: User) -> bool:
    """Whether somebody who acts for an organisation has yet to add a passkey or an authenticator app."""
    if not settings.SECOND_FACTOR_FOR_ORGANISATIONS:
        return False
    from allauth.mfa.models import Authenticator
    from allauth.mfa.utils import is_mfa_enabled

    return not is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
