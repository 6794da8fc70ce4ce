"""Breach: what happened to people's data, what it may do to them, what was done, and whom that was told (PIPL 57).

A record has the three groups of contents that the article names. Steps follow: the authority was told, the people were
told, it is closed. Nothing is edited; what becomes known later is a record of its own that names the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tanpuhui.rights.models import Breach, BreachPerson, BreachStep
from tanpuhui.rights.refusals import BreachIncomplete, BreachStepTaken, UnknownBreach

#: "At once" in the article; hours after which somebody who has not told the authority is late. A house rule.
HOURS = 24


@dataclass(frozen=True)
class Contents:
    """The three groups: what and why and what harm; what was done and what people can do; whom to reach."""

    kinds: str
    cause: str
    harm: str
    measures: str
    advice: str
    contact: str


@dataclass(frozen=True)
class Shown:
    """A record as it stands."""

    breach: Breach
    steps: tuple[BreachStep, ...]
    persons: tuple[int, ...] = field(repr=False)

    @property
    def tell_by(self) -> datetime:
        return self.breach.found_at + timedelta(hours=HOURS)

    def is_late(self, at: datetime) -> bool:
        """Whether the authority should have been told by now."""
        told = any(step.step == BreachStep.AUTHORITY_TOLD for step in self.steps)
        return not told and at > self.tell_by

    def as_json(self, at: datetime) -> dict[str, Any]:
        one = self.breach
        return {
            "breach": one.pk,
            "follows": one.follows_id,
            "happened_at": one.happened_at.isoformat() if one.happened_at else None,
            "found_at": one.found_at.isoformat(),
            "tell_authority_by": self.tell_by.isoformat(),
            "late": self.is_late(at),
            "what": {"kinds": one.kinds, "cause": one.cause, "harm": one.harm},
            "done": {"measures": one.measures, "advice": one.advice},
            "contact": one.contact,
            "persons": len(self.persons),
            "steps": [
                {"step": step.step, "at": step.at.isoformat(), "words": step.words} for step in self.steps
            ],
        }

    @property
    def notice(self) -> str:
        """What the people concerned are told, in the order of the article."""
        one = self.breach
        return (
            f"Concerned: {one.kinds}. Cause: {one.cause}. It may do this to you: {one.harm}. "
            f"What was done: {one.measures}. What you can do: {one.advice}. Ask: {one.contact}."
        )


def record(
    contents: Contents,
    accounts: Iterable[int],
    *,
    found_at: datetime,
    happened_at: datetime | None = None,
    follows: int | None = None,
    at: datetime,
) -> Breach:
    """Write a breach down with the accounts it concerns, in the caller's transaction; every group is filled."""
    missing = sorted(name for name, text in vars(contents).items() if not text.strip())
    if missing:
        raise BreachIncomplete(missing=", ".join(missing))
    if follows is not None and not Breach.objects.filter(pk=follows).exists():
        raise UnknownBreach(breach=follows)
    with transaction.atomic():
        made = Breach.objects.create(
            **{name: text.strip() for name, text in vars(contents).items()},
            found_at=found_at,
            happened_at=happened_at,
            follows_id=follows,
            at=at,
        )
        BreachPerson.objects.bulk_create(
            BreachPerson(breach=made, account=account) for account in sorted(set(accounts))
        )
    return made


def step(breach: int, what: str, words: str = "", *, at: datetime) -> BreachStep:
    """Say that the authority or the people were told, or that it is closed; each once."""
    assert what in dict(BreachStep.STEPS), "one of the steps"
    one = shown(breach)
    if any(known.step == what for known in one.steps):
        raise BreachStepTaken(breach=breach, step=what)
    return BreachStep.objects.create(breach=one.breach, step=what, words=words.strip(), at=at)


def shown(breach: int) -> Shown:
    """One breach with its steps and persons; refuses an unknown one."""
    known = Breach.objects.filter(pk=breach).first()
    if known is None:
        raise UnknownBreach(breach=breach)
    persons = BreachPerson.objects.filter(breach=known).order_by("account").values_list("account", flat=True)
    return Shown(known, tuple(known.steps.order_by("at", "pk")), tuple(persons))


def all_shown() -> list[Shown]:
    """Every breach, the newest first."""
    return [
        shown(number) for number in Breach.objects.order_by("-found_at", "-pk").values_list("pk", flat=True)
    ]


def notices_of(account: int) -> list[Shown]:
    """Breaches that concern an account and of which the people were told, the newest first."""
    told = BreachStep.objects.filter(step=BreachStep.PERSONS_TOLD).values("breach")
    found = BreachPerson.objects.filter(account=account, breach__in=told).order_by("-breach__found_at")
    return [shown(number) for number in found.values_list("breach_id", flat=True)]
