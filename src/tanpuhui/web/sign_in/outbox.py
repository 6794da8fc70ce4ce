"""Outbox: where e-mail goes on a machine without a mail server: one file each, in ``outbox`` in the home, mode 0600."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from tanpuhui.kit.home import home


class Outbox(BaseEmailBackend):
    """Writes each message as ``.eml``, named so that the newest is the last."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            path = folder() / f"{timezone.now():%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}.eml"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(message.message().as_bytes())
        return len(email_messages)


def folder() -> Path:
    """The folder of the outbox, made with mode 0700."""
    path = home() / "outbox"
    path.mkdir(mode=0o700, exist_ok=True)
    return path
