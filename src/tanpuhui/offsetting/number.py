"""Number: how certificates are numbered: one after the other, with two check digits.

Certificates are public, so a number need not be hard to guess; that none is missing can be seen because they follow
each other, and the check digits (ISO 7064, MOD 97-10) find a digit that was misread from paper.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"C([0-9]{6,17})-([0-9]{2})")


def numbered(sequence: int) -> str:
    """The number of a certificate.

    >>> numbered(1)
    'C000001-95'
    """
    assert sequence >= 1
    return f"C{sequence:06d}-{98 - sequence * 100 % 97:02d}"


def sequence_of(given: str) -> int | None:
    """The place in the sequence of a number as somebody typed it; ``None`` where it is none or misread.

    >>> sequence_of("c000001-95"), sequence_of("C000001-59"), sequence_of("C000007-95")
    (1, None, None)
    """
    text = "".join(given.split()).upper()
    found = _NUMBER.fullmatch(text)
    if found is None or int(found[1]) < 1 or text != numbered(int(found[1])):
        return None
    return int(found[1])
