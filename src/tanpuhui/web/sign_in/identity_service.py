"""Identity service: a city's own, by OpenID Connect. It is believed when it signs for us, and for this one try.

Of all that it says about somebody, only its opaque subject is ever stored.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from joserfc import jwk, jwt
from joserfc.errors import JoseError

#: Signatures that are believed; none with a shared secret, and not "none".
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
_KEY_TYPES = ("RSA", "EC", "OKP")
#: How far the clocks of the service and of this machine may be apart.
LEEWAY_S = 60
TIMEOUT_S = 10
MOST_BYTES = 1_000_000


class Session(requests.Session):
    """Speaks to the addresses that the installation names alone, follows no redirect, and does not wait for long."""

    def request(self, method: str, url: str | bytes, *arguments: Any, **named: Any) -> requests.Response:
        parts = urlsplit(str(url))
        if f"{parts.scheme}://{parts.netloc}" not in settings.OUTBOUND_ORIGINS:
            raise requests.exceptions.InvalidURL("this address is not among those of the identity service")
        named |= {"timeout": TIMEOUT_S, "allow_redirects": False}
        answer = super().request(method, url, *arguments, **named)
        if answer.is_redirect or len(answer.content) > MOST_BYTES:
            raise requests.exceptions.InvalidURL("the identity service answered with something else")
        return answer


def nonce_of(code_verifier: str) -> str:
    """The nonce of one try: bound to its PKCE verifier, which is in the session of this browser alone."""
    return hashlib.sha256(b"nonce|" + code_verifier.encode()).hexdigest()


class ServiceAdapter(OpenIDConnectOAuth2Adapter):
    """Believes a token when the service that was named signed it, for us, now, and for this try."""

    _verifier = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the service says of itself; it must be the one that was named, to the letter."""
        found: dict[str, Any] = super().openid_config
        if found.get("issuer") != self.get_provider().app.settings["server_url"]:
            raise OAuth2Error("the service says that it is another")
        return found

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        self._verifier = pkce_code_verifier or ""
        found: dict[str, Any] = super().get_access_token_data(request, app, client, pkce_code_verifier)
        return found

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **more: Any) -> Any:
        """Who it is, from the signed token alone."""
        del token
        claims = self._claims(str(more["response"].get("id_token", "")), audience=app.client_id)
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _claims(self, token: str, *, audience: str) -> dict[str, Any]:
        config = self.openid_config
        wanted = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": config["issuer"]},
            aud={"essential": True, "value": audience},
            nonce={"essential": True, "value": nonce_of(self._verifier)},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            found = jwt.decode(token, self._keys(config["jwks_uri"]), algorithms=list(ALGORITHMS))
            wanted.validate(found.claims)
        except (JoseError, ValueError, KeyError) as error:
            raise OAuth2Error(f"the token is not believed: {type(error).__name__}") from None
        claims: dict[str, Any] = found.claims
        if not self._verifier or claims.get("azp", audience) != audience:
            raise OAuth2Error("the token is for another try or another client")
        return claims

    def _keys(self, address: str) -> jwk.KeySet:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address)
            answer.raise_for_status()
            keys = answer.json()["keys"]
        known = jwk.KeySet.import_key_set({"keys": [one for one in keys if one.get("kty") in _KEY_TYPES]})
        return jwk.KeySet([one for one in known.keys if _is_strong(one)])


def _is_strong(key: Any) -> bool:
    return bool(key.key_type != "RSA" or key.raw_value.key_size >= settings.IDENTITY_SERVICE_RSA_BITS)


class ServiceProvider(OpenIDConnectProvider):
    """Asks for what the installation says; an address cannot ask for more."""

    oauth2_adapter_class = ServiceAdapter

    def wk_server_url(self, url: str) -> str:
        """Where the service describes itself (OpenID Connect Discovery 1.0, section 4)."""
        return url.rstrip("/") + "/.well-known/openid-configuration"

    def get_pkce_params(self) -> dict[str, str]:
        found: dict[str, str] = super().get_pkce_params()
        return found | {"nonce": nonce_of(found["code_verifier"])}

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        del request
        scope: list[str] = self.get_scope()
        return scope

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Somebody who is signed in shows again who they are, so the service asks them and does not remember."""
        del action
        again = {"prompt": "login"} if request.user.is_authenticated else {}
        return {**self.get_auth_params(), **again}


@receiver(pre_save, sender=SocialAccount)
def keep_the_subject_alone(instance: SocialAccount, **_: Any) -> None:
    """allauth would keep the whole answer, names and telephone numbers included, and bring it up to date."""
    instance.extra_data = {}
