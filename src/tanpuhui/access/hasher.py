"""Passwords, for the few who have one: Argon2id with 19 MiB, two passes and one lane, as OWASP advises."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Sized so that a few sign-ins at once do not starve a small machine."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
