"""Letter: a code on paper, for who has no screen. Eighty random bits; a new letter ends the one before."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.db import connection

from tanpuhui.rights.models import Letter
from tanpuhui.rights.refusals import NoSuchPerson

#: Crockford's alphabet: no letter is mistaken for a digit.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHARACTERS = 16
_READ = str.maketrans("OIL", "011")
LOCK = 0x6C_65_74_74_65_72


def issue_letter(account: int, *, at: datetime) -> str:
    """Make a new letter's code and give it, this once; the letter before it is good no longer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK ^ account])
    end_letter(account, at=at)
    code = "".join(secrets.choice(ALPHABET) for _ in range(CHARACTERS))
    Letter.objects.create(account=account, digest=_digest(code), issued_at=at)
    return grouped(code)


def end_letter(account: int, *, at: datetime) -> int:
    """End the account's letter; gives how many ended."""
    return Letter.objects.filter(account=account, ended_at__isnull=True).update(ended_at=at)


def account_of_letter(text: str) -> int:
    """The account of a letter that is good; anything else is refused in the same words."""
    known = Letter.objects.filter(digest=_digest(plain(text)), ended_at__isnull=True).first()
    if known is None:
        raise NoSuchPerson
    return known.account


def grouped(code: str) -> str:
    """A code as it is printed: four groups of four.

    >>> grouped("0123456789ABCDEF")
    '0123-4567-89AB-CDEF'
    """
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def plain(text: str) -> str:
    """A code as it was meant: capitals, no spaces, and no letter that is read for a digit.

    >>> plain(" o123 4567-89ab-cdef ")
    '0123456789ABCDEF'
    """
    return "".join(one for one in text.upper() if one.isalnum()).translate(_READ)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
