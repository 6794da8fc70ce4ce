"""Adapter: how allauth signs people in here: no names; of what an identity service says, only its subject is kept."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from tanpuhui.access.models import User
from tanpuhui.web.shared.security_log import note
from tanpuhui.web.sign_in.identity_service import Session


class Adapter(DefaultAccountAdapter):
    """Codes by e-mail, in the reader's language."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This user is blocked. Ask the operator."),
        "cannot_remove_primary_email": _("This is the address you sign in with, so it stays."),
        "duplicate_email": _("This is your address already."),
        "email_taken": _("This address is not available."),
        "incorrect_code": _("This code is not right. Look at the latest e-mail."),
        "too_many_login_attempts": _("Too many wrong codes. Wait a few minutes and ask for a new one."),
        "rate_limited": _("That was quick. Wait a moment before you ask again."),
        "max_email_addresses": _("You cannot add more than %d addresses."),
        "unverified_primary_email": _("Confirm your address first."),
        "select_only_one": _("Choose one only."),
        "same_as_current": _("This is what it is already."),
    }

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A new user reads in the language of the page they signed up on."""
        user.language = translation.get_language() or ""
        saved = super().save_user(request, user, form, commit=commit)
        assert isinstance(saved, User)
        return saved

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Whoever has no second factor shows again who they are by a code, or at the identity service."""
        known: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if known or not user.is_authenticated:
            return known
        return [{"id": "again", "description": _("Use a code by e-mail"), "url": reverse("show_again")}]

    def send_account_already_exists_mail(self, email: str) -> None:
        """Nobody has a password, so the way in is named and not a way to reset one."""
        self.send_mail("account/email/account_already_exists", email, {})

    def format_email_subject(self, subject: str) -> str:
        return subject


class IdentityServiceAdapter(DefaultSocialAccountAdapter):
    """A city's identity service says that this is one person, under an opaque subject; nothing else is kept."""

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        del request, data
        user = sociallogin.user
        assert isinstance(user, User)
        user.language = translation.get_language() or ""
        return user

    def get_requests_session(self) -> Session:
        return Session()

    def generate_state_param(self, state: dict[str, Any]) -> str:
        """256 random bits; allauth's own has 95."""
        del state
        return secrets.token_urlsafe(32)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Written down for the operator: what kind of failure, and nothing of what the service said."""
        del provider, extra_context
        note("service_failed", request, refused=True, why=type(exception).__name__ if exception else error)
