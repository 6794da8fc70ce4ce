"""Demo: who can sign in to a demonstration without proof, and by which address; the server has it there alone."""

from __future__ import annotations

#: The kinds of user that a demonstration has, in the order in which they are listed. What mints, cancels or reveals
#: takes two of the operator's staff, so there are two.
ROLES = (
    *("resident", "provider", "operator", "operator2", "counter", "company", "merchant", "bank", "verifier"),
)


def address_of(role: str) -> str:
    """The e-mail address of a demonstration's user; nothing is ever delivered to this domain (RFC 2606)."""
    return f"{role}@demo.invalid"


def path_of(role: str) -> str:
    """The path of the link that signs in as this user."""
    return f"/demo/sign-in/{role}"
