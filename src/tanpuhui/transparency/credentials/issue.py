"""Issue: claims become a credential, signed by the issuer and, if it names one, bound to the holder's key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey

from tanpuhui.transparency.credentials.conceal import Random, conceal
from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.credentials.key import public_jwk, sign_jwt

TYPE = "dc+sd-jwt"


def issue(
    claims: Mapping[str, Any],
    key: ECKey,
    *,
    holder: ECKey | None = None,
    decoys: bool = True,
    random: Random = secrets.token_bytes,
) -> SdJwt:
    """A credential with everything to show. ``claims`` has ``iss``, ``vct`` and :class:`Hidden` parts."""
    bound = {"cnf": {"jwk": _bare(holder)}} if holder is not None else {}
    payload, disclosures = conceal({**claims, **bound}, decoys=decoys, random=random)
    return SdJwt(sign_jwt({"typ": TYPE, "kid": key.thumbprint()}, payload, key), disclosures)


def _bare(holder: ECKey) -> dict[str, Any]:
    return {name: value for name, value in public_jwk(holder).items() if name in ("kty", "crv", "x", "y")}
