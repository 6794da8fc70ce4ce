"""An account: one owner's account of one kind, numbered so that neither needs a look-up."""

from __future__ import annotations

from enum import IntEnum

KIND_BITS = 4
#: Residents and districts are numbered below this; organisations from here on, so that no owner id names two owners.
FIRST_ORGANISATION = 2**48
#: Districts that report to this platform are numbered from here on: to the ledger one of them is a resident who has
#: what its residents have together.
FIRST_DISTRICT = 2**47
#: The ledger itself: the owner of the accounts that everything is issued from.
LEDGER_ITSELF = 0


class Kind(IntEnum):
    """What an account is for. The rows of ``ledger_account_kind`` say which kinds are floored."""

    RESIDENT_PENDING = 1
    RESIDENT_CERTIFIED = 2
    POOL = 3
    COMPANY = 4
    RETIRED = 5
    ISSUANCE = 6
    CANCELLED = 7
    RESIDENT_POINTS = 8
    POINTS_LIABILITY = 9
    BUFFER = 10
    CERTIFYING = 11
    RESIDENT_OWED = 12
    CLAWBACK = 13
    POINTS_TAKEN = 14
    RESIDENT_MONEY = 15


def account_id(kind: Kind, owner_id: int) -> int:
    """The account of an owner: ``owner_id * 16 + kind``.

    >>> account_id(Kind.RESIDENT_PENDING, 1)
    17
    """
    assert 0 <= owner_id < 2**58
    return owner_id << KIND_BITS | kind


def kind_of(account: int) -> Kind:
    """The kind of an account.

    >>> kind_of(17).name
    'RESIDENT_PENDING'
    """
    return Kind(account & (1 << KIND_BITS) - 1)


def owner_of(account: int) -> int:
    """The owner of an account.

    >>> owner_of(17)
    1
    """
    return account >> KIND_BITS


def district(number: int) -> int:
    """The owner id of a district (or of another city) numbered from 1."""
    assert number >= 1
    return FIRST_DISTRICT + number


def organisation(number: int) -> int:
    """The owner id of an organisation (company, pool, issuer of points) numbered from 1."""
    assert number >= 1
    return FIRST_ORGANISATION + number
