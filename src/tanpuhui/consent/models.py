"""Tables of consent: residents, their identity facts in the vault, grants as they were signed, and their states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from tanpuhui.consent.artefact import attach
from tanpuhui.consent.state import State, transitions_sql

#: The advisory lock between whoever changes a grant (shared) and a close (exclusive): see ``gate.py``.
LOCK_KEY = 0x7A_6E_67_72_61_6E_74

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


class Resident(models.Model):
    """A resident's account: a number and two moments. Who it is, is in the vault or nowhere."""

    id = models.BigAutoField(primary_key=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="consent_resident_closes_after_it_opens", condition=Q(closed_at__gte=F("opened_at"))
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="closes_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.closed_at IS NOT NULL OR (NEW.id, NEW.opened_at) IS DISTINCT FROM (OLD.id, OLD.opened_at)
                    THEN RAISE EXCEPTION 'a resident''s row changes once: when the account is closed'; END IF;
                    RETURN NEW;
                """,
            ),
            _NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"account {self.pk}"


class HomeDistrict(models.Model):
    """The district in which somebody says they live, in the vault: theirs to change and to take back."""

    resident = models.OneToOneField(Resident, models.PROTECT, primary_key=True, related_name="home_district")
    code = models.TextField()
    said_at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."home_district'
        constraints: ClassVar = [
            models.CheckConstraint(name="consent_district_code", condition=Q(code__regex=r"^[0-9]{6}$")),
        ]

    def __str__(self) -> str:
        return f"district of account {self.pk}"


class Identity(models.Model):
    """What is known of the person behind an account: enough for age and uniqueness, no name, in the vault."""

    resident = models.OneToOneField(Resident, models.PROTECT, primary_key=True, related_name="identity")
    birth_on = models.DateField(null=True)
    guardian = models.ForeignKey(Resident, models.PROTECT, null=True, related_name="wards")
    proof_issuer = models.TextField(null=True)
    #: Keyed digest of the issuer's opaque subject: one verified identity, one account.
    proof_digest = models.BinaryField(max_length=32, null=True)

    class Meta:
        db_table = 'vault"."identity'
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["proof_issuer", "proof_digest"], name="consent_one_identity"),
            models.CheckConstraint(
                name="consent_proof_is_whole",
                condition=Q(proof_issuer__isnull=True, proof_digest__isnull=True)
                | Q(proof_issuer__isnull=False, proof_digest__isnull=False),
            ),
            models.CheckConstraint(
                name="consent_guardian_is_another",
                condition=Q(guardian__isnull=True) | ~Q(guardian=F("resident")),
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"identity of account {self.pk}"


class Restriction(models.Model):
    """From a moment until it is lifted, nothing but keeping is done with somebody's data."""

    id = models.BigAutoField(primary_key=True)
    resident = models.ForeignKey(Resident, models.PROTECT, related_name="restrictions", db_index=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["resident"], condition=Q(ended_at__isnull=True), name="consent_one_restriction"
            ),
            models.CheckConstraint(
                name="consent_restriction_ends_after_it_begins", condition=Q(ended_at__gte=F("began_at"))
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            _NO_TRUNCATE,
            pgtrigger.Trigger(
                name="ends_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF OLD.ended_at IS NOT NULL
                        OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')
                    THEN RAISE EXCEPTION 'a restriction changes once: when it is lifted'; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"restriction of account {self.resident_id}"


def _signed(path: str, output: models.Field[Any, Any]) -> Cast:
    return Cast(KT(f"artefact__{path}"), output)


def _surely(condition: Q) -> Coalesce:
    """A condition that is false where it is unknown: a check passes what is unknown."""
    return Coalesce(ExpressionWrapper(condition, models.BooleanField()), Value(False))


class Grant(models.Model):
    """One consent as it was signed: one resident, provider, recipient and purpose. Any change is a new grant.

    The columns that the gate reads must equal what the artefact says; the database checks that.
    """

    id = models.BigAutoField(primary_key=True)
    resident = models.ForeignKey(Resident, models.PROTECT, related_name="grants", db_index=False)
    provider = models.TextField()
    recipient = models.TextField()
    purpose = models.TextField()
    #: Kinds of act, sorted, each once.
    kinds = ArrayField(models.TextField())
    #: Acts covered: first microsecond, and the first one after.
    acts_from_us = models.BigIntegerField()
    acts_to_us = models.BigIntegerField()
    #: When it may be used: from the first moment until just before the second.
    begins_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    notice_digest = models.TextField()
    notice_version = models.TextField()
    notice_lang = models.TextField()
    guardian = models.ForeignKey(Resident, models.PROTECT, null=True, related_name="+", db_index=False)
    supersedes = models.OneToOneField("self", models.PROTECT, null=True, related_name="superseded_by")
    artefact: Any = models.JSONField()
    #: Detached JWS over the artefact's canonical JSON: header, nothing, signature (RFC 7515, appendix F).
    jws = models.TextField()
    digest = models.TextField(unique=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="consent_grant_kinds", condition=Q(kinds__len__gte=1)),
            models.CheckConstraint(name="consent_grant_acts", condition=Q(acts_to_us__gt=F("acts_from_us"))),
            models.CheckConstraint(
                name="consent_grant_lasts_a_year_at_most",
                condition=Q(
                    expires_at__gt=F("begins_at"), expires_at__lte=F("begins_at") + timedelta(days=366)
                ),
            ),
            models.CheckConstraint(
                name="consent_grant_is_what_was_signed",
                condition=_surely(
                    Q(
                        id=_signed("id", models.BigIntegerField()),
                        resident=_signed("principal", models.BigIntegerField()),
                        provider=KT("artefact__provider__id"),
                        recipient=KT("artefact__recipient__id"),
                        purpose=KT("artefact__purpose__code"),
                        acts_from_us=_signed("data_range__from_us", models.BigIntegerField()),
                        acts_to_us=_signed("data_range__to_us", models.BigIntegerField()),
                        begins_at=_signed("start", models.DateTimeField()),
                        expires_at=_signed("expiry", models.DateTimeField()),
                        notice_digest=KT("artefact__notice__hash"),
                        artefact__activity_types=Func(
                            F("kinds"), function="to_jsonb", output_field=models.JSONField()
                        ),
                    )
                ),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                name="consent_grant_gate",
                fields=["resident", "id"],
                include=[
                    "provider",
                    "recipient",
                    "purpose",
                    "kinds",
                    "acts_from_us",
                    "acts_to_us",
                    "begins_at",
                    "expires_at",
                ],
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"grant {self.pk} of account {self.resident_id}: {self.provider}, {self.purpose}"

    @property
    def token(self) -> str:
        """The artefact as it was signed: a compact JWS that verifies offline."""
        return attach(self.jws, self.artefact)


class GrantEvent(models.Model):
    """One step in a grant's life; the one with the highest ``seq`` is its state. Steps are only added."""

    id = models.BigAutoField(primary_key=True)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="events", db_index=False)
    seq = models.IntegerField()
    state = models.TextField(choices=[(state.value, state.value) for state in State])
    at = models.DateTimeField()
    by = models.TextField()
    method = models.TextField()
    evidence_hash = models.TextField()

    class Meta:
        db_table = "consent_grant_event"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["grant", "seq"], include=["state", "at"], name="consent_event_seq"
            ),
        ]
        triggers: ClassVar = [
            _APPEND_ONLY,
            _NO_TRUNCATE,
            pgtrigger.Trigger(
                name="a_locks_out_a_close",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"PERFORM pg_advisory_xact_lock_shared({LOCK_KEY}); RETURN NULL;",
            ),
            pgtrigger.Trigger(
                name="one_way",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("before", "record")],
                func=f"""
                    SELECT e.seq, e.state, e.at INTO before FROM consent_grant_event AS e
                    WHERE e.grant_id = NEW.grant_id ORDER BY e.seq DESC LIMIT 1;
                    IF NEW.seq <> coalesce(before.seq, 0) + 1 OR NEW.at < coalesce(before.at, NEW.at)
                        OR NOT ({transitions_sql("before.state", "NEW.state")})
                    THEN RAISE EXCEPTION 'grant % is %, and % cannot follow', NEW.grant_id,
                        coalesce(before.state, 'new'), NEW.state; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"grant {self.grant_id} no. {self.seq}: {self.state}"
