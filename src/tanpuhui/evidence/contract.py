"""Contract: what is agreed with a provider, in force or not. A change is a new version; nothing is edited."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tanpuhui.evidence.adapters import format_called
from tanpuhui.evidence.models import Contract
from tanpuhui.evidence.record import (
    ACT_KINDS,
    ASSEMBLED,
    CORE,
    KINDS,
    OF_INTAKE,
    OWN_KINDS,
    PLACES,
    WEIGHED_KINDS,
)
from tanpuhui.kit.refusal import Refusal

#: Said of the contracts that are shipped: they are for trials.
DEMO_PIA = "DEMO: no privacy impact assessment was made; for trials only"

#: The largest precedence, and the largest limit of a contract.
MOST = 1_000_000_000

REPAIRS = frozenset({"two_digit_years"})
#: The option of a contract whose stations must balance with what hauliers weighed (:mod:`.weighing`).
MUST_BALANCE = "must_balance"


class UnknownProvider(Refusal):
    code = "evidence.unknown_provider"
    message = (
        "There is no contract with a provider {provider}. Known: {known}. "
        "Add one with 'tanpuhui evidence contract add'."
    )


class ContractExpired(Refusal):
    code = "evidence.contract_expired"
    message = "The contract with {provider} ended on {valid_to}. Agree on a new version, then take the file."


class ContractNotYetValid(Refusal):
    code = "evidence.contract_not_yet_valid"
    message = "The contract with {provider} starts on {valid_from}. Take the file from that day on."


class ContractDisabled(Refusal):
    code = "evidence.contract_disabled"
    message = "The contract with {provider} is disabled. Add a version that is enabled, then take the file."


class ContractIncomplete(Refusal):
    code = "evidence.contract_incomplete"
    message = "The contract with {provider} cannot be made: {why}. Give it, then try again."


class PlatformsOwn(Refusal):
    code = "evidence.platforms_own"
    message = (
        "{provider} is a programme of this platform, which alone reports for it, after its own rule. "
        "Settle a period with 'tanpuhui programme settle' instead."
    )


def in_force(provider: str, day: date, *, own: bool = False) -> Contract:
    """The provider's contract on a local day; refuses an unknown, disabled, coming or expired one.

    A contract about what the platform alone reports is in force only for the platform (``own``).
    """
    contract = latest(provider)
    if not own and OWN_KINDS & set(contract.kinds):
        raise PlatformsOwn(provider=provider)
    if not contract.enabled:
        raise ContractDisabled(provider=provider)
    if day < contract.valid_from:
        raise ContractNotYetValid(provider=provider, valid_from=contract.valid_from)
    if contract.valid_to and day > contract.valid_to:
        raise ContractExpired(provider=provider, valid_to=contract.valid_to)
    return contract


def latest(provider: str) -> Contract:
    """The highest version of a provider's contract."""
    contract = Contract.objects.filter(provider=provider).order_by("-version").first()
    if contract is None:
        known = Contract.objects.values_list("provider", flat=True).distinct().order_by("provider")
        raise UnknownProvider(provider=provider, known=", ".join(known) or "none")
    return contract


def contracts() -> list[Contract]:
    """The highest version of every provider's contract, by provider."""
    return list(Contract.objects.order_by("provider", "-version").distinct("provider"))


def must_balance(days: Iterable[date]) -> dict[date, frozenset[str]]:
    """For each local day, the providers whose stations must balance: by the highest version that had begun by then."""
    versions = list(Contract.objects.order_by("version").values_list("provider", "valid_from", "options"))
    found = {}
    for day in days:
        governing = {provider: options for provider, since, options in versions if since <= day}
        found[day] = frozenset(name for name, options in governing.items() if options.get(MUST_BALANCE))
    return found


def acts_of(contract: Contract) -> tuple[str, ...]:
    """The kinds of act that come of what a contract names, sorted: those that a person can agree to."""
    return tuple(sorted({ASSEMBLED.get(kind, kind) for kind in contract.kinds} & ACT_KINDS))


def add(
    provider: str,
    *,
    format: str,
    kinds: Sequence[str],
    pia_reference: str,
    valid_from: date,
    made_at: datetime,
    valid_to: date | None = None,
    precedence: int = 100,
    repairs: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    schema_version: int = 1,
    pseudonym_key: str = "pseudonyms-1",
    enabled: bool = True,
    own: bool = False,
) -> Contract:
    """Make the next version of a provider's contract; refuses one without what it needs.

    ``own`` says that the platform makes it for itself: no other contract names kinds that it alone reports.
    """
    before = Contract.objects.filter(provider=provider).order_by("-version").first()
    contract = Contract(
        provider=provider,
        version=before.version + 1 if before else 1,
        format=format,
        kinds=sorted(kinds),
        schema_version=schema_version,
        pseudonym_key=pseudonym_key,
        precedence=precedence,
        valid_from=valid_from,
        valid_to=valid_to,
        pia_reference=pia_reference,
        enabled=enabled,
        repairs=sorted(repairs),
        options=dict(options or {}),
        made_at=made_at,
    )
    _refuse_incomplete(contract, own=own)
    contract.save(force_insert=True)
    return contract


def disable(provider: str, *, at: datetime) -> Contract:
    """A further version, equal but for being disabled: no file is taken from then on."""
    contract = latest(provider)
    contract.pk, contract.version, contract.enabled, contract.made_at = None, contract.version + 1, False, at
    contract._state.adding = True
    contract.save(force_insert=True)
    return contract


def ensure_default_contracts(*, at: datetime) -> int:
    """Make the shipped trial contracts for built-in providers that have none; answers how many were made."""
    known = set(Contract.objects.values_list("provider", flat=True))
    shipped = tomllib.loads(files("tanpuhui.evidence").joinpath("providers.toml").read_text(encoding="utf-8"))
    missing = {provider: terms for provider, terms in shipped.items() if provider not in known}
    Contract.objects.bulk_create(
        [
            Contract(
                provider=provider,
                version=1,
                valid_from=date(2000, 1, 1),
                pia_reference=DEMO_PIA,
                made_at=at,
                **terms,
            )
            for provider, terms in missing.items()
        ],
        ignore_conflicts=True,
    )
    return len(missing)


def _refuse_incomplete(contract: Contract, *, own: bool) -> None:
    format_called(contract.format)
    kinds, repairs, options = set(contract.kinds), set(contract.repairs), contract.options
    limits = [options[name] for name in ("max_speed_kmh", "max_hours", "max_power_w") if name in options]
    complaints = {
        "a provider code of 1 to 60 letters, digits, - and _": not _is_code(contract.provider),
        "a reference of the privacy impact assessment": not contract.pia_reference.strip(),
        "at least one kind of act": not kinds,
        f"known kinds instead of {', '.join(sorted(kinds - KINDS))}": bool(kinds - KINDS),
        f"other kinds than {', '.join(sorted(kinds & OWN_KINDS))}, which the platform alone reports": bool(
            kinds & OWN_KINDS and not own
        ),
        f"known repairs instead of {', '.join(sorted(repairs - REPAIRS))}": bool(repairs - REPAIRS),
        f"a precedence of 1 to {MOST}": not 1 <= contract.precedence <= MOST,
        "a last day after its first": bool(contract.valid_to and contract.valid_to < contract.valid_from),
        "a known time zone": not _is_zone(options.get("zone", "Asia/Shanghai")),
        "measures called like distance_m": not all(map(_is_measure, options.get("measures", []))),
        f"true or false for {MUST_BALANCE}": type(options.get(MUST_BALANCE, False)) is not bool,
        f"{' or '.join(sorted(WEIGHED_KINDS))} among its kinds, to balance": bool(
            options.get(MUST_BALANCE, False) and not kinds & WEIGHED_KINDS
        ),
        f"limits that are whole numbers from 1 to {MOST}": not all(
            type(limit) is int and 1 <= limit <= MOST for limit in limits
        ),
    }
    for missing, complaint in complaints.items():
        if complaint:
            raise ContractIncomplete(provider=contract.provider, why=f"it needs {missing}")


def _is_code(text: str) -> bool:
    return 1 <= len(text) <= 60 and text.replace("-", "").replace("_", "").isalnum() and text.isascii()


def _is_measure(name: object) -> bool:
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and name.islower()
        and len(name) <= 60
        and name not in CORE
        and name not in PLACES
        and name not in OF_INTAKE
    )


def _is_zone(zone: object) -> bool:
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
