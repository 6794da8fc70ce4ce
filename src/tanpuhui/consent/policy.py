"""Policy: purposes, parties and notices that a grant may name, read from ``policy.toml`` or the installation's own."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tanpuhui.consent.refusals import BadLanguage, Bundled, UnknownPurpose, UnknownRecipient, WrongRecipient
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.home import home

OWN_FILE = "consent.toml"
PACKAGED = Path(__file__).with_name("policy.toml")
NOTICE_VERSION = "2026-11-24"
LANGUAGES = ("zh", "en")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True)
class Party:
    """Who processes personal information: what PIPL articles 17 and 23 say a person must be told."""

    id: str
    name: str
    contact: str
    address: str
    kind: str

    def as_json(self) -> dict[str, str]:
        return dict(vars(self))


@dataclass(frozen=True)
class Notice:
    """What the person read: version, language and the digest of its exact text."""

    version: str
    lang: str
    digest: str
    text: str


@dataclass(frozen=True)
class Purpose:
    """One purpose: what for, which personal information, how, how often and how long."""

    code: str
    uri: str
    category: str
    text: dict[str, str]
    recipients: tuple[str, ...]
    kinds: tuple[str, ...]
    sensitive: bool
    necessity: dict[str, str]
    mode: str
    fetch_type: str
    frequency: dict[str, Any]
    data_life: dict[str, Any]
    pia_id: str


@dataclass(frozen=True)
class Policy:
    """All of it. ``quiet_days`` is how long someone who said no is left in peace."""

    law: str
    storage_location: str
    origin: str
    quiet_days: int
    parties: dict[str, Party]
    purposes: dict[str, Purpose]

    def purpose(self, code: str) -> Purpose:
        """A purpose by code; refuses several at once and one that does not exist."""
        refuse_bundle("purpose", code)
        if code not in self.purposes:
            raise UnknownPurpose(purpose=code, known=", ".join(self.purposes))
        return self.purposes[code]

    def recipient(self, purpose: Purpose, code: str) -> Party:
        """The recipient of a purpose; refuses several at once, one it is not for, and one without a name."""
        refuse_bundle("recipient", code)
        if code not in purpose.recipients:
            expected = " or ".join(purpose.recipients)
            raise WrongRecipient(purpose=purpose.code, recipient=code, expected=expected)
        if code not in self.parties:
            raise UnknownRecipient(recipient=code, known=", ".join(self.parties))
        return self.parties[code]

    def provider(self, code: str) -> Party:
        """The provider; one that is not listed goes by its code, and is reached through the platform."""
        refuse_bundle("provider", code)
        platform = self.parties["platform"]
        return self.parties.get(code) or Party(
            code, code, platform.contact, platform.address, "data-provider"
        )

    def notice(self, purpose: Purpose, lang: str) -> Notice:
        """The notice of a purpose in a language."""
        if lang not in LANGUAGES:
            raise BadLanguage(purpose=purpose.code, lang=lang, known=", ".join(LANGUAGES))
        text = notice_text(self, purpose, lang)
        return Notice(NOTICE_VERSION, lang, digest_bytes(text.encode()), text)


def refuse_bundle(field: str, given: str) -> None:
    """One value, not a list, not a wildcard: a bundle is no consent."""
    if not isinstance(given, str) or not _CODE.match(given):
        raise Bundled(field=field, given=given)


def policy() -> Policy:
    """The installation's policy (``TANPUHUI_HOME/consent.toml``), or the packaged one for trials."""
    own = home() / OWN_FILE
    path = own if own.exists() else PACKAGED
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> Policy:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    purposes = {
        code: Purpose(code=code, **purpose | {name: tuple(purpose[name]) for name in ("recipients", "kinds")})
        for code, purpose in raw["purposes"].items()
    }
    return Policy(
        law=raw["law"],
        storage_location=raw["storage_location"],
        origin=raw["origin"],
        quiet_days=raw["quiet_days"],
        parties={code: Party(id=code, **party) for code, party in raw["parties"].items()},
        purposes=purposes,
    )


@lru_cache(maxsize=2)
def _template(lang: str) -> str:
    return (Path(__file__).with_name("notices") / f"grant.{lang}.txt").read_text(encoding="utf-8")


def notice_text(policy: Policy, purpose: Purpose, lang: str) -> str:
    """The notice as it is shown: the list (清单) of PIPL article 17 and the Network Data Regulations, article 21."""
    controller = policy.parties["platform"]
    life = purpose.data_life
    return _template(lang).format(
        name=controller.name,
        contact=controller.contact,
        purpose=purpose.text[lang],
        kinds=", ".join(purpose.kinds),
        recipients=", ".join(
            policy.parties[code].name for code in purpose.recipients if code in policy.parties
        ),
        necessity=purpose.necessity[lang],
        life=f"{life['value']} {life['unit']}",
        frequency=f"{purpose.frequency['value']} / {purpose.frequency['unit']}",
        withdraw=f"{policy.origin}/grants",
        rights=f"{policy.origin}/rights",
    )
