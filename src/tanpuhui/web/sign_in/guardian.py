"""Guardian: a code by which a signed-in adult lets a child open an account under their care, for a day."""

from __future__ import annotations

from django.core import signing

from tanpuhui.kit.refusal import Refusal

GOOD_FOR_S = 24 * 3600
_SALT = "tanpuhui.guardian"


class BadGuardianCode(Refusal):
    code = "web.bad_guardian_code"
    message = "This guardian's code is not right, or older than a day. Ask your guardian for a new one."


def code_for(account: int) -> str:
    """A code that only this installation can make, and that says which account agreed."""
    return signing.TimestampSigner(salt=_SALT, sep=".").sign(str(account))


def account_of_code(code: str) -> int:
    """The guardian's account in a code that is right and not too old."""
    try:
        return int(signing.TimestampSigner(salt=_SALT, sep=".").unsign(code.strip(), max_age=GOOD_FOR_S))
    except (signing.BadSignature, ValueError):
        raise BadGuardianCode from None
