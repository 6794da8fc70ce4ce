"""A verifier's desk: the steps of a verification on a small town, one call each, so that tests say what they vary."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction

from close.town import SHANGHAI, Town, act
from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.verification import complete, recalculate
from tanpuhui.verification.conclude import conclude, statement_text
from tanpuhui.verification.declare import declaration_text, declare
from tanpuhui.verification.draw import draw
from tanpuhui.verification.engage import Proposal, engage
from tanpuhui.verification.examine import Found, examine
from tanpuhui.verification.key import DECLARATION, STATEMENT, sign
from tanpuhui.verification.keys import register_key
from tanpuhui.verification.models import Draw, Engagement, Plan, Statement
from tanpuhui.verification.plan import commit, digest_of_nonce, wanted_of

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
AT = datetime(2026, 3, 12, 9, 0, tzinfo=SHANGHAI)
NONCE, PLATFORM_NONCE = "a nonce of thirty-two characters.", "the platform's own"
VERIFIER = "green-audit"
METHODOLOGY = "shanghai/rooftop-pv"
#: Four roofs, each day one act a roof an hour: 24 acts of 100 kWh to 2.4 MWh, 42 kg to 1,008 kg.
PEOPLE, HOURS = "abcd", (6, 9, 12)


@dataclass
class Desk:
    """A town, a verifier with its private key, and a clock that goes on with every step."""

    town: Town
    verifier: Organisation
    private: Ed25519PrivateKey
    accounts: dict[str, int]
    ticks: Any = field(default_factory=count)

    def now(self) -> datetime:
        return AT + timedelta(minutes=next(self.ticks))

    def engage(self, **others: Any) -> Engagement:
        proposal = Proposal(
            key="the lot of March",
            methodology=METHODOLOGY,
            version=1,
            vintage=2026,
            through=SECOND,
            operator="platform operator",
            opened_by="operator",
            at=self.now(),
        )
        with transaction.atomic():
            return engage(replace(proposal, **others), self.verifier, self.town.jurisdiction)

    def declare(self, engagement: Engagement, conflicts: str = "None.") -> None:
        text = declaration_text(engagement, conflicts=conflicts)
        with transaction.atomic():
            declare(engagement.pk, sign(text, DECLARATION, self.private), by=None, at=self.now())

    def recalculate(self, engagement: Engagement) -> None:
        answers = recalculate.compute_again(
            engagement,
            places=self.town.places,
            jurisdiction=self.town.jurisdiction,
            library=self.town.library,
        )
        with transaction.atomic():
            recalculate.keep(engagement.pk, answers, at=self.now())

    def complete(self, engagement: Engagement) -> dict[str, Any]:
        report = complete.balance(engagement.pk, places=self.town.places)
        with transaction.atomic():
            complete.keep(engagement.pk, report, at=self.now())
        return report

    def plan(self, engagement: Engagement, nonce: str = NONCE, **wanted: str) -> Plan:
        with transaction.atomic():
            return commit(
                engagement.pk,
                digest_of_nonce(nonce),
                wanted_of(wanted.pop("precision", "90/10"), **wanted),
                platform_nonce=PLATFORM_NONCE,
                places=self.town.places,
                at=self.now(),
            )

    def draw(self, engagement: Engagement, nonce: str = NONCE) -> Draw:
        with transaction.atomic():
            return draw(engagement.pk, nonce, places=self.town.places, at=self.now())

    def drawn(self, precision: str = "90/10", **others: Any) -> Engagement:
        """An engagement with everything up to its sample."""
        engagement = self.engage(**others)
        self.declare(engagement)
        self.recalculate(engagement)
        self.complete(engagement)
        self.plan(engagement, precision=precision)
        self.draw(engagement)
        return engagement

    def examine(self, engagement: Engagement, wrong: dict[int, int] | None = None) -> None:
        """Every act of the sample agrees, but for those whose record is worth another amount."""
        for one in engagement.draw.acts.order_by("position"):
            right = (wrong or {}).get(one.record_id, one.credited_mg)
            found = (
                Found("agrees", "meter photo")
                if right == one.credited_mg
                else Found("differs", "invoice", right)
            )
            with transaction.atomic():
                examine(engagement.pk, one.position, found, by=None, at=self.now())

    def sign(self, engagement: Engagement, **wish: str) -> str:
        return sign(statement_text(engagement.pk, **wish), STATEMENT, self.private)

    def conclude(self, engagement: Engagement, **wish: str) -> Statement:
        with transaction.atomic():
            return conclude(engagement.pk, self.sign(engagement, **wish), by=None, at=self.now())


def open_desk(town: Town) -> Desk:
    accounts = town.settle(PEOPLE)
    town.take(*acts())
    for day in (FIRST, SECOND):
        town.close(day)
    verifier = organise(Organisation.VERIFIER, VERIFIER, name_zh="绿色核查", name_en="Green Audit Ltd", at=AT)
    private = Ed25519PrivateKey.generate()
    register_key(verifier, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), at=AT)
    return Desk(town, verifier, private, accounts)


def acts() -> list[dict[str, Any]]:
    """The 24 acts, of 100 kWh more each: 100, 200, ... 2,400."""
    places = [(day, person, hour) for day in (FIRST, SECOND) for person in PEOPLE for hour in HOURS]
    return [
        act("rooftop_pv_output", f"pv{number}", person, day=day, hour=hour, energy_wh=number * 100_000)
        for number, (day, person, hour) in enumerate(places, 1)
    ]
