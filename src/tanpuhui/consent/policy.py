"""Policy: purposes, parties and notices that a grant may name, read from ``policy.toml`` or the installation's own."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tanpuhui.consent.refusals import (
    BadLanguage,
    Bundled,
    NotAssessed,
    NoTransferBasis,
    UnknownPurpose,
    UnknownRecipient,
    WrongRecipient,
)
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.home import home

OWN_FILE = "consent.toml"
PACKAGED = Path(__file__).with_name("policy.toml")
NOTICE_VERSION = "2026-11-25"
LANGUAGES = ("zh", "en")
LISTS = ("recipients", "kinds", "kinds_zh")
#: Units of time in the words of a notice: singular, plural.
UNITS = {
    "zh": {"DAY": ("天", "天"), "MONTH": ("个月", "个月"), "YEAR": ("年", "年")},
    "en": {"DAY": ("day", "days"), "MONTH": ("month", "months"), "YEAR": ("year", "years")},
}
#: Where data stays unless somebody says otherwise.
HOME = "CN"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True)
class Party:
    """Who processes personal information: what PIPL articles 17 and 23 say a person must be told."""

    id: str
    name: str
    contact: str
    address: str
    kind: str
    #: Where it processes, and the assessment, certificate or contract by which data may go there (PIPL article 38).
    region: str = HOME
    transfer_basis: str = ""

    def as_json(self) -> dict[str, str]:
        """As artefacts name it; of somebody abroad also where and on what basis."""
        said = dict(vars(self))
        if self.region == HOME:
            del said["region"], said["transfer_basis"]
        return said


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
    #: The kinds in Chinese, in the same order, for the notice; the artefact keeps ``kinds``.
    kinds_zh: tuple[str, ...] = ()

    def kinds_in(self, lang: str) -> tuple[str, ...]:
        """The kinds of personal information in the language of a notice."""
        return self.kinds_zh if lang == "zh" and self.kinds_zh else self.kinds


@dataclass(frozen=True)
class Policy:
    """All of it. ``quiet_days`` is how long someone who said no is left in peace."""

    law: str
    storage_location: str
    origin: str
    quiet_days: int
    parties: dict[str, Party]
    purposes: dict[str, Purpose]
    #: Names of parties for pages, by code and language; artefacts and notices have the party's one name.
    names: dict[str, dict[str, str]] = field(default_factory=dict)

    def purpose(self, code: str) -> Purpose:
        """A purpose by code; refuses several at once, one that does not exist, and one that was not assessed."""
        refuse_bundle("purpose", code)
        if code not in self.purposes:
            raise UnknownPurpose(purpose=code, known=", ".join(self.purposes))
        if not self.purposes[code].pia_id.strip():
            raise NotAssessed(purpose=code)
        return self.purposes[code]

    def recipient(self, purpose: Purpose, code: str) -> Party:
        """The recipient of a purpose; refuses several, one it is not for, without a name, or abroad without basis."""
        refuse_bundle("recipient", code)
        if code not in purpose.recipients:
            expected = " or ".join(purpose.recipients)
            raise WrongRecipient(purpose=purpose.code, recipient=code, expected=expected)
        if code not in self.parties:
            raise UnknownRecipient(recipient=code, known=", ".join(self.parties))
        party = self.parties[code]
        if party.region != self.storage_location and not party.transfer_basis.strip():
            raise NoTransferBasis(recipient=code, region=party.region)
        return party

    def provider(self, code: str) -> Party:
        """The provider; one that is not listed goes by its code, and is reached through the platform."""
        refuse_bundle("provider", code)
        platform = self.parties["platform"]
        return self.parties.get(code) or Party(
            code, code, platform.contact, platform.address, "data-provider"
        )

    def name_of(self, code: str, lang: str) -> str:
        """What a party is called on a page in a language; without such a name, as artefacts and notices call it."""
        known = self.names.get(code, {})
        return known.get("zh" if lang.startswith("zh") else "en") or self.provider(code).name

    def notice(self, purpose: Purpose, lang: str, recipient: Party | None = None) -> Notice:
        """The notice of a purpose in a language, for one recipient; without one, for all of the purpose."""
        if lang not in LANGUAGES:
            raise BadLanguage(purpose=purpose.code, lang=lang, known=", ".join(LANGUAGES))
        text = notice_text(self, purpose, lang, recipient)
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
        code: Purpose(
            code=code, **purpose | {name: tuple(purpose[name]) for name in LISTS if name in purpose}
        )
        for code, purpose in raw["purposes"].items()
    }
    names = {code: party.pop("names", {}) for code, party in raw["parties"].items()}
    return Policy(
        law=raw["law"],
        storage_location=raw["storage_location"],
        origin=raw["origin"],
        quiet_days=raw["quiet_days"],
        parties={code: Party(id=code, **party) for code, party in raw["parties"].items()},
        names=names,
        purposes=purposes,
    )


@lru_cache(maxsize=2)
def _template(lang: str) -> str:
    return (Path(__file__).with_name("notices") / f"grant.{lang}.txt").read_text(encoding="utf-8")


def notice_text(policy: Policy, purpose: Purpose, lang: str, recipient: Party | None = None) -> str:
    """The notice as it is shown: the list (清单) of PIPL article 17 and the Network Data Regulations, article 21."""
    controller = policy.parties["platform"]
    known = [policy.parties[code] for code in purpose.recipients if code in policy.parties]
    named = [recipient] if recipient else known
    return _template(lang).format(
        name=controller.name,
        contact=controller.contact,
        purpose=purpose.text[lang],
        kinds=("、" if lang == "zh" else ", ").join(purpose.kinds_in(lang)),
        recipients=("、" if lang == "zh" else ", ").join(_recipient(party) for party in named),
        necessity=purpose.necessity[lang],
        life=_lasting(purpose.data_life, lang),
        frequency=_often(purpose.frequency, lang),
        withdraw=f"{policy.origin}/grants",
        rights=f"{policy.origin}/rights",
    )


def _recipient(party: Party) -> str:
    """Who receives, with how to reach them where that is not said already (PIPL article 23)."""
    return party.name if party.kind == "controller" else f"{party.name} ({party.contact})"


def _lasting(life: dict[str, Any], lang: str) -> str:
    """A length of time in words; one without end says so.

    >>> _lasting({"unit": "MONTH", "value": 36}, "en"), _lasting({"unit": "MONTH", "value": 36}, "zh")
    ('36 months', '36个月')
    """
    names = UNITS[lang].get(life["unit"])
    if names is None:
        return "不设期限" if lang == "zh" else "without end"
    name = names[0 if life["value"] == 1 else 1]
    return f"{life['value']}{name}" if lang == "zh" else f"{life['value']} {name}"


def _often(frequency: dict[str, Any], lang: str) -> str:
    """At most how often, in words.

    >>> _often({"unit": "DAY", "value": 1}, "en"), _often({"unit": "MONTH", "value": 2}, "zh")
    ('at most once a day', '每月最多2次')
    """
    count, unit = frequency["value"], frequency["unit"]
    if lang == "zh":
        return f"每{ {'HOUR': '小时', 'DAY': '天', 'MONTH': '月', 'YEAR': '年'}[unit] }最多{count}次"
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"at most {times} {'an' if unit == 'HOUR' else 'a'} {unit.lower()}"
