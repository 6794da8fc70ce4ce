"""Environment: what an installation is told from outside; production refuses what only a demonstration may have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tanpuhui.kit.refusal import Refusal

#: This machine.
HERE = ("localhost", "127.0.0.1", "::1")
LOCAL, PRODUCTION = "local", "production"
#: A secret of production has at least this many characters, and this many different ones.
SECRET_LENGTH, SECRET_VARIETY = 50, 12
TOKEN_LENGTH = 24
#: What secrets from examples begin with.
EXAMPLE_SECRETS = ("demo", "django-insecure", "change", "secret", "test", "example", "tanpuhui")


class BadSetting(Refusal):
    code = "project.bad_setting"
    message = "{variable} {what_is_wrong}. {next_step}"


@dataclass(frozen=True)
class IdentityService:
    """A city's identity service that speaks OpenID Connect."""

    issuer: str
    client_id: str
    name: str
    secret: str = field(repr=False)
    #: An RSA key of the service has at least this many bits: 3072 are as strong as AES-128.
    rsa_bits: int = 3_072
    #: Other origins that the service's own description names, such as one for its keys.
    others: tuple[str, ...] = ()

    @property
    def origins(self) -> tuple[str, ...]:
        """Every origin that the server may speak to."""
        return (self.origin, *self.others)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Mail:
    """Where e-mail goes: a server, or files below the installation's home when there is none."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ssl: bool = False
    sender: str = "tanpuhui@localhost"


@dataclass(frozen=True)
class Licence:
    """Under which terms open data may be used."""

    name: str = "CC BY 4.0"
    address: str = "https://creativecommons.org/licenses/by/4.0/"


@dataclass(frozen=True)
class Environment:
    """The variables of this process, looked at together."""

    name: str
    hosts: tuple[str, ...]
    is_demo: bool
    behind_proxies: int
    mail: Mail
    identity_service: IdentityService | None
    #: Whom to tell of a weakness: a mailto: or https: address (RFC 9116), or nobody.
    security_contact: str
    licence: Licence
    #: The largest file that a page takes.
    page_upload_bytes: int
    second_factor_for_everyone: bool
    secret: str | None = field(repr=False)
    earlier_secrets: tuple[str, ...] = field(repr=False)
    #: Networks that are not public, to which messages for banks may go all the same.
    callback_networks: tuple[str, ...] = ()
    #: Of whoever may read /metrics.
    metrics_token: str | None = field(default=None, repr=False)
    #: ``tanpuhui work`` runs as a service of its own; otherwise the server begins a worker when there is work.
    has_worker: bool = False

    @property
    def is_production(self) -> bool:
        return self.name == PRODUCTION


def read(given: Mapping[str, str] | None = None) -> Environment:
    """Read and judge the environment; a refusal names the variable and the next step."""
    values = os.environ if given is None else given
    name = values.get("TANPUHUI_ENV", LOCAL) or LOCAL
    if name not in (LOCAL, PRODUCTION):
        raise BadSetting(
            variable="TANPUHUI_ENV", what_is_wrong=f"is {name!r}", next_step=f"Set {LOCAL} or {PRODUCTION}."
        )
    found = Environment(
        name=name,
        hosts=tuple(
            host.strip() for host in values.get("TANPUHUI_ALLOWED_HOSTS", "").split(",") if host.strip()
        ),
        is_demo=values.get("TANPUHUI_DEMO", "") == "1",
        behind_proxies=_proxies(values),
        mail=_mail(values),
        identity_service=_identity_service(values),
        security_contact=_security_contact(values),
        licence=_licence(values),
        page_upload_bytes=_megabytes(values, "TANPUHUI_PAGE_UPLOAD_MB", 100) * 1_000_000,
        has_worker=values.get("TANPUHUI_WORKER", "") == "1",
        second_factor_for_everyone=_second_factor(values),
        callback_networks=_networks(values),
        metrics_token=_metrics_token(values),
        secret=_secret(values, "TANPUHUI_SECRET_KEY"),
        earlier_secrets=tuple((_secret(values, "TANPUHUI_EARLIER_SECRET_KEYS") or "").split()),
    )
    if found.is_production:
        _refuse_unfit_for_production(found)
        _refuse_open_transport(found, values.get("TANPUHUI_DATABASE_URL", ""))
    return found


def _networks(values: Mapping[str, str]) -> tuple[str, ...]:
    given = [one.strip() for one in values.get("TANPUHUI_CALLBACK_NETWORKS", "").split(",") if one.strip()]
    try:
        return tuple(str(ip_network(one)) for one in given)
    except ValueError as error:
        raise BadSetting(
            variable="TANPUHUI_CALLBACK_NETWORKS",
            what_is_wrong=f"is no list of networks ({error})",
            next_step="Write such as 10.20.0.0/16, with commas between several.",
        ) from error


def _refuse_unfit_for_production(found: Environment) -> None:
    if found.is_demo:
        raise BadSetting(
            variable="TANPUHUI_DEMO",
            what_is_wrong="turns on signing in without proof, which production never has",
            next_step="Unset it.",
        )
    if not found.hosts or "*" in found.hosts:
        raise BadSetting(
            variable="TANPUHUI_ALLOWED_HOSTS",
            what_is_wrong="names no host" if not found.hosts else "names every host",
            next_step="Set the host names under which this installation is reached, with commas between them.",
        )
    _refuse_bad_secret("TANPUHUI_SECRET_KEY", found.secret or "")
    for earlier in found.earlier_secrets:
        _refuse_bad_secret("TANPUHUI_EARLIER_SECRET_KEYS", earlier)
    if not found.mail.host:
        raise BadSetting(
            variable="TANPUHUI_EMAIL_URL",
            what_is_wrong="is missing, and people sign in with codes that are sent by e-mail",
            next_step="Set it to smtps://USER@HOST:465 or smtp+tls://USER@HOST:587.",
        )


def _refuse_bad_secret(variable: str, secret: str) -> None:
    example = secret.lower().startswith(EXAMPLE_SECRETS)
    if len(secret) < SECRET_LENGTH or len(set(secret)) < SECRET_VARIETY or example:
        raise BadSetting(
            variable=variable,
            what_is_wrong="is missing" if not secret else "is short, or one from an example",
            next_step=(
                f"Put {SECRET_LENGTH} or more random characters into a file and name it in {variable}_FILE "
                "(openssl rand -base64 48)."
            ),
        )


def _refuse_open_transport(found: Environment, database: str) -> None:
    """What leaves this machine is encrypted, and the other side shows who it is."""
    if not (found.mail.tls or found.mail.ssl or found.mail.host in HERE):
        raise BadSetting(
            variable="TANPUHUI_EMAIL_URL",
            what_is_wrong="sends codes over the network without encryption",
            next_step="Use smtps:// or smtp+tls://, or a mail server on this machine.",
        )
    parts = urlsplit(database)
    query = parse_qs(parts.query)
    hosts = {parts.hostname or "", *query.get("host", [])}
    remote = any(host and host not in HERE and not host.startswith("/") for host in hosts)
    if remote and query.get("sslmode", [""])[-1] != "verify-full":
        raise BadSetting(
            variable="TANPUHUI_DATABASE_URL",
            what_is_wrong="reaches another machine without checking its certificate",
            next_step="Add sslmode=verify-full (and sslrootcert=FILE where the certificate is your own).",
        )


def _second_factor(values: Mapping[str, str]) -> bool:
    given = values.get("TANPUHUI_SECOND_FACTOR", "") or "organisations"
    if given not in ("organisations", "everyone"):
        raise BadSetting(
            variable="TANPUHUI_SECOND_FACTOR",
            what_is_wrong=f"is {given!r}",
            next_step="Set organisations (the default) or everyone.",
        )
    return given == "everyone"


def _secret(values: Mapping[str, str], variable: str) -> str | None:
    """A secret from the file that ``<variable>_FILE`` names, or from the variable itself."""
    path = values.get(f"{variable}_FILE")
    if not path:
        return values.get(variable) or None
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            variable=f"{variable}_FILE",
            what_is_wrong=f"names {path}, which cannot be read ({type(error).__name__})",
            next_step="Name a file of text that this user may read.",
        ) from error


def _metrics_token(values: Mapping[str, str]) -> str | None:
    token = _secret(values, "TANPUHUI_METRICS_TOKEN")
    if token is not None and (len(token) < TOKEN_LENGTH or not token.isascii() or " " in token):
        raise BadSetting(
            variable="TANPUHUI_METRICS_TOKEN",
            what_is_wrong="could be guessed, or has other characters than a header may have",
            next_step=f"Give {TOKEN_LENGTH} or more random letters and digits (openssl rand -hex 24).",
        )
    return token


def _proxies(values: Mapping[str, str]) -> int:
    given = values.get("TANPUHUI_PROXIES", "0") or "0"
    if not (given.isascii() and given.isdecimal() and int(given) <= 9):
        raise BadSetting(
            variable="TANPUHUI_PROXIES",
            what_is_wrong=f"is {given!r}",
            next_step="Set how many proxies of your own stand in front of this server: 0 to 9.",
        )
    return int(given)


def _mail(values: Mapping[str, str]) -> Mail:
    sender = values.get("TANPUHUI_EMAIL_FROM") or Mail.sender
    given = values.get("TANPUHUI_EMAIL_URL")
    if not given:
        return Mail(sender=sender)
    parts = urlsplit(given)
    if parts.scheme not in ("smtp", "smtp+tls", "smtps") or not parts.hostname:
        raise BadSetting(
            variable="TANPUHUI_EMAIL_URL",
            what_is_wrong="is not an address of a mail server",
            next_step="Set it to smtps://USER@HOST:465, smtp+tls://USER@HOST:587 or smtp://HOST:25.",
        )
    return Mail(
        host=parts.hostname,
        port=parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        user=unquote(parts.username or ""),
        password=_secret(values, "TANPUHUI_EMAIL_PASSWORD") or unquote(parts.password or ""),
        tls=parts.scheme == "smtp+tls",
        ssl=parts.scheme == "smtps",
        sender=sender,
    )


def _rsa_bits(values: Mapping[str, str]) -> int:
    given = values.get("TANPUHUI_OIDC_RSA_BITS", "") or str(IdentityService.rsa_bits)
    if given not in ("2048", "3072", "4096"):
        raise BadSetting(
            variable="TANPUHUI_OIDC_RSA_BITS",
            what_is_wrong=f"is {given!r}",
            next_step="Set 3072 (the default), 4096, or 2048 for a service that has no stronger key.",
        )
    return int(given)


def _identity_service(values: Mapping[str, str]) -> IdentityService | None:
    issuer = values.get("TANPUHUI_OIDC_ISSUER")
    if not issuer:
        return None
    if urlsplit(issuer).scheme != "https" and urlsplit(issuer).hostname not in ("localhost", "127.0.0.1"):
        raise BadSetting(
            variable="TANPUHUI_OIDC_ISSUER",
            what_is_wrong="is not an https address",
            next_step="Set the issuer exactly as the identity service states it.",
        )
    client_id, secret = values.get("TANPUHUI_OIDC_CLIENT_ID"), _secret(values, "TANPUHUI_OIDC_SECRET")
    for variable, value in (
        ("TANPUHUI_OIDC_CLIENT_ID", client_id),
        ("TANPUHUI_OIDC_SECRET_FILE", secret),
    ):
        if not value:
            raise BadSetting(
                variable=variable,
                what_is_wrong="is missing, and TANPUHUI_OIDC_ISSUER is set",
                next_step="Set both as the identity service gave them, or unset the issuer.",
            )
    others = tuple(values.get("TANPUHUI_OIDC_ORIGINS", "").replace(",", " ").split())
    for other in others:
        if urlsplit(other).scheme != "https" or urlsplit(other).path:
            raise BadSetting(
                variable="TANPUHUI_OIDC_ORIGINS",
                what_is_wrong=f"names {other}, which is not an https origin",
                next_step="Set addresses such as https://keys.example.org, with commas between them.",
            )
    return IdentityService(
        issuer=issuer,
        others=others,
        rsa_bits=_rsa_bits(values),
        client_id=client_id or "",
        name=values.get("TANPUHUI_OIDC_NAME") or "城市身份服务 / City identity service",
        secret=secret or "",
    )


def _security_contact(values: Mapping[str, str]) -> str:
    given = values.get("TANPUHUI_SECURITY_CONTACT", "").strip()
    if given and not (given.startswith(("mailto:", "https://")) and given.isprintable() and " " not in given):
        raise BadSetting(
            variable="TANPUHUI_SECURITY_CONTACT",
            what_is_wrong=f"is {given!r}",
            next_step="Set it to mailto:security@YOUR.HOST or to the https address of a page.",
        )
    return given


def _licence(values: Mapping[str, str]) -> Licence:
    given = values.get("TANPUHUI_OPEN_DATA_LICENCE", "").strip()
    if not given:
        return Licence()
    name, _space, address = given.rpartition(" ")
    if not name or not address.startswith("https://"):
        raise BadSetting(
            variable="TANPUHUI_OPEN_DATA_LICENCE",
            what_is_wrong=f"is {given!r}",
            next_step="Set it to the licence's name, a space, and its https address.",
        )
    return Licence(name, address)


def _megabytes(values: Mapping[str, str], variable: str, usual: int) -> int:
    given = values.get(variable, "").strip() or str(usual)
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= 2_000):
        raise BadSetting(
            variable=variable,
            what_is_wrong=f"is {given!r}",
            next_step="Set a whole number of megabytes from 1 to 2000.",
        )
    return int(given)
