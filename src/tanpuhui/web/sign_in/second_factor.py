"""Second factor: secrets of authenticator apps are kept encrypted, and whoever just added one has just shown it."""

from __future__ import annotations

import base64
import os
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.signals import authenticator_added
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.dispatch import receiver
from django.http import HttpRequest

from tanpuhui.access.models import User
from tanpuhui.kit.home import secret_key

_NONCE_BYTES = 12
_FOR = b"tanpuhui second factor"


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets and seeds under AES-256-GCM with a key of this installation that is not in the database."""

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(secret_key("second-factors")).encrypt(nonce, text.encode(), _FOR)
        return base64.b64encode(nonce + sealed).decode()

    def decrypt(self, encrypted_text: str) -> str:
        whole = base64.b64decode(encrypted_text)
        cipher = AESGCM(secret_key("second-factors"))
        return cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], _FOR).decode()


@receiver(authenticator_added)
def has_just_shown_it(request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    """The code or passkey that was just checked counts as proof, so that it is not asked for again at once."""
    record_authentication(request, user, method="mfa", type=authenticator.type, reauthenticated=True)
