"""Second factor: whether somebody who acts for an organisation has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from tanpuhui.access.models import User


def needs_second_factor(user: User) -> bool:
    """Whether somebody who acts for an organisation has yet to add a passkey or an authenticator app."""
    return bool(settings.SECOND_FACTOR_FOR_ORGANISATIONS) and lacks_second_factor(user)


def lacks_second_factor(user: User) -> bool:
    """Whether somebody has neither a passkey nor an authenticator app."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.utils import is_mfa_enabled

    return not is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
