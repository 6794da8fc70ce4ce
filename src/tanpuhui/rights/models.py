"""Tables of rights: requests with their steps, letters and visits of a counter, breaches, copies from elsewhere."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tanpuhui.rights.state import State, transitions_sql
from tanpuhui.sealing.field import SealedJson, SealedText

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)
_ENDS_ONCE = pgtrigger.Trigger(
    name="ends_once",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    func="""
        IF OLD.ended_at IS NOT NULL OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at')
        THEN RAISE EXCEPTION 'rows of % change once: when they end', TG_TABLE_NAME; END IF;
        RETURN NEW;
    """,
)


class Request(models.Model):
    """What somebody asks about their own record, in their own words, and until when it is answered."""

    CORRECTION, ERASURE, RESTRICTION = "correction", "erasure", "restriction"
    EXPLANATION, HEIRS = "explanation", "heirs"
    KINDS: ClassVar = [
        (CORRECTION, _("Correct something")),
        (ERASURE, _("Erase")),
        (RESTRICTION, _("Restrict what is done with it")),
        (EXPLANATION, _("Explain a decision, and have a person look at it")),
        (HEIRS, _("What heirs ask about somebody who died")),
    ]
    #: What somebody asks about their own record by themselves.
    OWN: ClassVar = KINDS[:-1]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=20, choices=KINDS)
    words = SealedText(whose=lambda one: one.account)
    #: Digest of the papers that were seen; heirs have some.
    proof = models.CharField(max_length=71, blank=True, default="")
    made_at = models.DateTimeField()
    due_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rights_request_kind",
                condition=Q(kind__in=["correction", "erasure", "restriction", "explanation", "heirs"]),
            ),
            models.CheckConstraint(name="rights_request_has_words", condition=~Q(words__regex=r"^\s*$")),
            models.CheckConstraint(name="rights_heirs_have_proof", condition=~Q(kind="heirs") | ~Q(proof="")),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.kind} asked for by account {self.account}"


class RequestStep(models.Model):
    """One step of a request; the one with the highest ``seq`` is its state. Steps are only added."""

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(Request, models.PROTECT, related_name="steps", db_index=False)
    seq = models.IntegerField()
    state = models.CharField(max_length=20, choices=[(state.value, state.value) for state in State])
    at = models.DateTimeField()
    #: ``resident``, ``guardian``, ``heir`` or ``operator``.
    by = models.CharField(max_length=20)
    #: What the operator answers; a refusal has its reasons.
    words = SealedText(
        blank=True, whose=lambda one: one.request.account, row=lambda one: f"{one.request_id}|{one.seq}"
    )

    class Meta:
        db_table = "rights_request_step"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "seq"], name="rights_step_seq"),
            models.CheckConstraint(
                name="rights_refusal_has_reasons", condition=~Q(state="refused") | ~Q(words__regex=r"^\s*$")
            ),
        ]
        triggers: ClassVar = [
            _APPEND_ONLY,
            _NO_TRUNCATE,
            pgtrigger.Trigger(
                name="one_way",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("before", "record")],
                func=f"""
                    SELECT s.seq, s.state, s.at INTO before FROM rights_request_step AS s
                    WHERE s.request_id = NEW.request_id ORDER BY s.seq DESC LIMIT 1;
                    IF NEW.seq <> coalesce(before.seq, 0) + 1 OR NEW.at < coalesce(before.at, NEW.at)
                        OR NOT ({transitions_sql("before.state", "NEW.state")})
                    THEN RAISE EXCEPTION 'request % is %, and % cannot follow', NEW.request_id,
                        coalesce(before.state, 'new'), NEW.state; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"request {self.request_id} no. {self.seq}: {self.state}"


class Letter(models.Model):
    """A code on paper that says whose account it is; of the code only a digest is kept, in the vault."""

    id = models.BigAutoField(primary_key=True)
    account = models.BigIntegerField()
    digest = models.BinaryField(max_length=32, unique=True)
    issued_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = 'vault"."letter'
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(ended_at__isnull=True), name="rights_one_letter_at_a_time"
            ),
            models.CheckConstraint(
                name="rights_letter_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("issued_at")),
            ),
        ]
        triggers: ClassVar = [_NO_DELETE, _NO_TRUNCATE, _ENDS_ONCE]

    def __str__(self) -> str:
        return f"letter {self.pk} of account {self.account}"


class Visit(models.Model):
    """Somebody is at a counter, and a clerk helps them with their account until it ends."""

    IDENTITY_CARD, RESIDENCE_PERMIT, PASSPORT, OTHER = (
        "identity_card",
        "residence_permit",
        "passport",
        "other",
    )
    DOCUMENTS: ClassVar = [
        (IDENTITY_CARD, _("resident identity card")),
        (RESIDENCE_PERMIT, _("residence permit")),
        (PASSPORT, _("passport or travel permit")),
        (OTHER, _("another official document with a photograph")),
    ]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.BigIntegerField()
    #: The clerk: a user of the stage ``access``, which this stage does not know.
    clerk = models.UUIDField()
    organisation = models.CharField(max_length=60)
    #: What sort of document was seen; its number is not kept.
    document = models.CharField(max_length=20, choices=DOCUMENTS)
    #: What the person came for, in a few words.
    reason = SealedText(whose=lambda one: one.account)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rights_visit_document",
                condition=Q(document__in=["identity_card", "residence_permit", "passport", "other"]),
            ),
            models.CheckConstraint(name="rights_visit_has_a_reason", condition=~Q(reason__regex=r"^\s*$")),
            models.CheckConstraint(
                name="rights_visit_ends_after_it_begins",
                condition=Q(ends_at__gt=F("opened_at"))
                & (Q(ended_at__isnull=True) | Q(ended_at__gte=F("opened_at"))),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["account", "opened_at"], name="rights_visit_account")]
        triggers: ClassVar = [_NO_DELETE, _NO_TRUNCATE, _ENDS_ONCE]

    def __str__(self) -> str:
        return f"visit {self.pk} of account {self.account}"


class Breach(models.Model):
    """What happened to people's data: the three groups of contents of PIPL article 57. It names nobody."""

    id = models.BigAutoField(primary_key=True)
    #: The record that this one adds to.
    follows = models.ForeignKey("self", models.PROTECT, null=True, related_name="followed_by")
    happened_at = models.DateTimeField(null=True)
    found_at = models.DateTimeField()
    #: Which kinds of personal information, why, and what it may do to people.
    kinds = models.TextField()
    cause = models.TextField()
    harm = models.TextField()
    #: What was done, and what people can do themselves.
    measures = models.TextField()
    advice = models.TextField()
    #: Whom to reach.
    contact = models.TextField()
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"breach {self.pk}"


class BreachPerson(models.Model):
    """An account that a breach concerns."""

    id = models.BigAutoField(primary_key=True)
    breach = models.ForeignKey(Breach, models.PROTECT, related_name="persons")
    account = models.BigIntegerField(db_index=True)

    class Meta:
        db_table = "rights_breach_person"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["breach", "account"], name="rights_breach_person_once"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"account {self.account} in breach {self.breach_id}"


class BreachStep(models.Model):
    """Somebody was told, or a breach is closed; each once."""

    AUTHORITY_TOLD, PERSONS_TOLD, CLOSED = "authority_told", "persons_told", "closed"
    STEPS: ClassVar = [(one, one) for one in (AUTHORITY_TOLD, PERSONS_TOLD, CLOSED)]

    id = models.BigAutoField(primary_key=True)
    breach = models.ForeignKey(Breach, models.PROTECT, related_name="steps")
    step = models.CharField(max_length=20, choices=STEPS)
    words = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "rights_breach_step"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["breach", "step"], name="rights_breach_step_once"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.step}: breach {self.breach_id}"


class Carried(models.Model):
    """A copy of somebody's record from another installation, as it was brought here: history, and never a credit."""

    id = models.BigAutoField(primary_key=True)
    account = models.BigIntegerField(db_index=True)
    #: Of the record's canonical JSON.
    digest = models.CharField(max_length=71)
    controller = models.TextField()
    made_at = models.DateTimeField()
    content: Any = SealedJson(whose=lambda one: one.account, row=lambda one: one.digest)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "digest"], name="rights_carried_once"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"copy {self.digest} carried to account {self.account}"
