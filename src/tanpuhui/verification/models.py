"""Tables of a verification: engagement, declaration, plan, draw, what was found, and the statement. All append-only.

What must never happen is refused by triggers: a draw whose seed was not committed to before, a second sample of closes
of which one is under way, a step of a finding out of turn, a statement about other closes than were signed for, and
anything in an engagement that has its statement.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)
_KEPT: list[Any] = [_APPEND_ONLY, _NO_TRUNCATE]
#: With an engagement's number: the advisory lock under which everything in it happens, one after the other.
LOCK = 0x766572
#: Nothing is added to an engagement once its statement is there.
_NOT_ENDED = pgtrigger.Trigger(
    name="not_ended",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        PERFORM pg_advisory_xact_lock({LOCK}, NEW.engagement_id::int);
        IF EXISTS (SELECT FROM verification_statement WHERE engagement_id = NEW.engagement_id)
        THEN RAISE EXCEPTION 'engagement % has its statement', NEW.engagement_id; END IF;
        RETURN NEW;
    """,
)
#: A declaration of independence comes before everything else.
_DECLARED = pgtrigger.Trigger(
    name="after_declaration",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func="""
        IF NOT EXISTS (SELECT FROM verification_declaration WHERE engagement_id = NEW.engagement_id)
        THEN RAISE EXCEPTION 'engagement % has no declaration of independence', NEW.engagement_id; END IF;
        RETURN NEW;
    """,
)
#: No two samples of one close, or of the same acts, are under way: the first has its statement before the plan of
#: another is published.
_ONE_SAMPLE = pgtrigger.Trigger(
    name="one_sample",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("other", "bigint")],
    func=f"""
        PERFORM pg_advisory_xact_lock({LOCK}, 0);
        SELECT min(another.id) INTO other FROM verification_engagement AS mine
            JOIN verification_engagement AS another
                ON another.methodology = mine.methodology AND another.id <> mine.id
            JOIN verification_plan AS plan ON plan.engagement_id = another.id
            WHERE mine.id = NEW.engagement_id
            AND NOT EXISTS (SELECT FROM verification_statement WHERE engagement_id = another.id)
            AND EXISTS (SELECT FROM jsonb_array_elements_text(mine.manifests || mine.acts) AS a(digest)
                JOIN jsonb_array_elements_text(another.manifests || another.acts) AS b(digest) USING (digest));
        IF other IS NOT NULL
        THEN RAISE EXCEPTION 'engagement %: engagement % has a plan over the same closes and no statement',
            NEW.engagement_id, other; END IF;
        RETURN NEW;
    """,
)
#: The nonce is the one that the plan committed to, and the seed is made of it, the platform's nonce and the data.
_COMMITTED = pgtrigger.Trigger(
    name="committed_before",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("plan", "verification_plan%ROWTYPE")],
    func="""
        SELECT * INTO plan FROM verification_plan WHERE engagement_id = NEW.engagement_id;
        IF plan.id IS NULL OR plan.committed_at >= NEW.drawn_at
        THEN RAISE EXCEPTION 'engagement %: no commitment before the draw', NEW.engagement_id; END IF;
        IF plan.nonce_digest <> 'sha256:' || encode(sha256(convert_to(NEW.nonce, 'UTF8')), 'hex')
        THEN RAISE EXCEPTION 'engagement %: another nonce than was committed to', NEW.engagement_id; END IF;
        IF NEW.seed <> encode(sha256(convert_to(
            NEW.nonce || '|' || plan.platform_nonce || '|' || plan.data_digest || '|' || plan.digest,
            'UTF8')), 'hex')
        THEN RAISE EXCEPTION 'engagement %: the seed is not that of its nonces and data', NEW.engagement_id; END IF;
        RETURN NEW;
    """,
)
#: Raised, answered by the operator, then closed or given back by the verifier: each in its turn.
_IN_TURN = pgtrigger.Trigger(
    name="in_turn",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("last", "verification_finding_step%ROWTYPE")],
    func=f"""
        PERFORM pg_advisory_xact_lock({LOCK}, NEW.engagement_id::int);
        IF NOT EXISTS (SELECT FROM verification_finding
            WHERE id = NEW.finding_id AND engagement_id = NEW.engagement_id)
        THEN RAISE EXCEPTION 'finding % is of another engagement', NEW.finding_id; END IF;
        SELECT * INTO last FROM verification_finding_step WHERE finding_id = NEW.finding_id
            ORDER BY sequence DESC LIMIT 1;
        IF NEW.sequence <> coalesce(last.sequence, 0) + 1
            OR NOT (coalesce(last.step, 'returned') || '>' || NEW.step
                = ANY (ARRAY['returned>answered', 'answered>closed', 'answered>returned']))
        THEN RAISE EXCEPTION 'finding %: % does not follow %',
            NEW.finding_id, NEW.step, coalesce(last.step, 'raised'); END IF;
        RETURN NEW;
    """,
)
#: The row says what the signed text says, and that is of the engagement's own closes.
_OF_ITS_TEXT = pgtrigger.Trigger(
    name="of_its_text",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("mine", "verification_engagement%ROWTYPE")],
    func="""
        SELECT * INTO mine FROM verification_engagement WHERE id = NEW.engagement_id;
        IF NEW.content->'manifests' IS DISTINCT FROM mine.manifests
            OR NEW.content->>'methodology' IS DISTINCT FROM mine.methodology
            OR NEW.content->>'conclusion' IS DISTINCT FROM NEW.conclusion
            OR NEW.content->'deducted_mg' IS DISTINCT FROM to_jsonb(NEW.deducted_mg)
        THEN RAISE EXCEPTION 'statement of engagement %: the row is not what the text says', NEW.engagement_id;
        END IF;
        RETURN NEW;
    """,
)
#: A statement speaks of the closes that it was signed for, with their acts, and of no other.
_OF_ITS_CLOSES = pgtrigger.Trigger(
    name="of_its_closes",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("mine", "verification_engagement%ROWTYPE"), ("signed", "jsonb"), ("place", "bigint")],
    func="""
        SELECT * INTO mine FROM verification_engagement WHERE id = NEW.statement_id;
        SELECT content->'acts' INTO signed FROM verification_statement WHERE engagement_id = NEW.statement_id;
        SELECT ordinality - 1 INTO place FROM jsonb_array_elements_text(mine.manifests) WITH ORDINALITY AS m(digest)
            WHERE digest = NEW.manifest;
        IF place IS NULL OR NEW.methodology <> mine.methodology
            OR NEW.acts IS DISTINCT FROM signed->>place::int
        THEN RAISE EXCEPTION 'statement of engagement %: % is not what it was signed for',
            NEW.statement_id, NEW.manifest; END IF;
        RETURN NEW;
    """,
)
#: A sample has as many acts as its plan says, and none is added once there is a statement.
_OF_ITS_DRAW = pgtrigger.Trigger(
    name="of_its_draw",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func="""
        IF NOT EXISTS (SELECT FROM verification_draw AS draw
            JOIN verification_plan AS plan ON plan.engagement_id = draw.engagement_id
            WHERE draw.id = NEW.draw_id AND NEW.position BETWEEN 1 AND plan.size
            AND NOT EXISTS (SELECT FROM verification_statement WHERE engagement_id = draw.engagement_id))
        THEN RAISE EXCEPTION 'draw %: no act of its sample has the number %', NEW.draw_id, NEW.position; END IF;
        RETURN NEW;
    """,
)


class VerifierKey(models.Model):
    """A public key (Ed25519) with which a verifier signs; the private one was never here."""

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="verifier_keys")
    #: The key's JWK thumbprint (RFC 7638): the ``kid`` of what it signs.
    thumbprint = models.TextField(unique=True)
    public_key = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "verification_verifier_key"
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return f"key {self.thumbprint}"


class KeyEnding(models.Model):
    """A verifier's key that is no longer trusted for anything new."""

    key = models.OneToOneField(VerifierKey, models.PROTECT, primary_key=True, related_name="ending")
    reason = models.TextField()
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "verification_key_ending"
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return f"ending of key {self.key_id}"


class Engagement(models.Model):
    """A verifier is asked to look into a proposed lot, or one that is certified: its data, frozen under one digest."""

    id = models.BigAutoField(primary_key=True)
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    verifier = models.ForeignKey("access.Organisation", models.PROTECT, related_name="engagements")
    operator = models.TextField()
    opened_by = models.TextField()
    jurisdiction = models.TextField()
    #: The lot that is certified already; empty of a proposed one.
    lot = models.TextField(default="", blank=True)
    methodology = models.TextField()
    vintage = models.IntegerField()
    through = models.DateField()
    #: Digests of the closes it rests on.
    manifests: Any = models.JSONField()
    #: Of all manifests with their result files, by digest.
    data_digest = models.TextField()
    #: Of the methodology's acts in each close that says what they are: another close of a day may have the same.
    acts: Any = models.JSONField(default=list)
    #: A share of what is credited, in millionths: overstatement up to it is let be.
    materiality_ppm = models.IntegerField()
    #: Where that share comes from.
    materiality_source = models.TextField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="verification_engagement_materiality",
                condition=Q(materiality_ppm__gte=1, materiality_ppm__lte=200_000),
            ),
            models.CheckConstraint(
                name="verification_engagement_opener", condition=Q(opened_by__in=["operator", "verifier"])
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["methodology", "vintage"], name="verification_engagement_of"),
            models.Index(fields=["verifier", "-id"], name="verification_engagement_by"),
        ]
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return f"engagement {self.pk}: {self.methodology}, {self.vintage}, through {self.through}"


class Declaration(models.Model):
    """The verifier's signed word that it is independent, and what might be taken for a conflict."""

    engagement = models.OneToOneField(
        Engagement, models.PROTECT, primary_key=True, related_name="declaration"
    )
    content: Any = models.JSONField()
    #: A compact JWS by one of the verifier's keys.
    jws = models.TextField()
    key = models.ForeignKey(VerifierKey, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return f"declaration of engagement {self.engagement_id}"


class Recalculation(models.Model):
    """Every close of an engagement computed again from its evidence; the newest counts."""

    id = models.BigAutoField(primary_key=True)
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="recalculations")
    agrees = models.BooleanField()
    rows = models.BigIntegerField()
    credited_mg = models.BigIntegerField()
    #: By manifest: rows, milligrams, and every difference.
    closes: Any = models.JSONField()
    engine = models.TextField()
    code = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [*_KEPT, _DECLARED, _NOT_ENDED]

    def __str__(self) -> str:
        return f"recalculation {self.pk} of engagement {self.engagement_id}"


class Completeness(models.Model):
    """Whether what providers sent is what was recorded, and that what was credited or refused; the newest counts."""

    id = models.BigAutoField(primary_key=True)
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="completeness")
    balances = models.BooleanField()
    report: Any = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [*_KEPT, _DECLARED, _NOT_ENDED]

    def __str__(self) -> str:
        return f"completeness {self.pk} of engagement {self.engagement_id}"


class Plan(models.Model):
    """How the sample will be drawn, and the digest of a nonce that only the verifier knows: fixed before the draw."""

    id = models.BigAutoField(primary_key=True)
    engagement = models.OneToOneField(Engagement, models.PROTECT, related_name="plan")
    nonce_digest = models.TextField()
    #: Random, made when the verifier had committed: so neither side chooses the seed.
    platform_nonce = models.TextField()
    data_digest = models.TextField()
    #: Precision and assumptions as they were given, the arithmetic, the strata.
    body: Any = models.JSONField()
    #: Of the body.
    digest = models.TextField()
    size = models.IntegerField()
    committed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="verification_plan_size", condition=Q(size__gte=1)),
        ]
        triggers: ClassVar = [*_KEPT, _DECLARED, _NOT_ENDED, _ONE_SAMPLE]

    def __str__(self) -> str:
        return f"plan of engagement {self.engagement_id}: {self.size} acts"


class Draw(models.Model):
    """The nonce was opened, and the sample drawn from it."""

    id = models.BigAutoField(primary_key=True)
    engagement = models.OneToOneField(Engagement, models.PROTECT, related_name="draw")
    nonce = models.TextField()
    seed = models.TextField()
    #: Of the drawn record numbers, in order.
    digest = models.TextField()
    drawn_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [*_KEPT, _COMMITTED, _NOT_ENDED]

    def __str__(self) -> str:
        return f"draw of engagement {self.engagement_id}"


class SampledAct(models.Model):
    """An act of the sample. Whose it is, is for the log of looks; the verifier is not told."""

    id = models.BigAutoField(primary_key=True)
    draw = models.ForeignKey(Draw, models.PROTECT, related_name="acts")
    position = models.IntegerField()
    stratum = models.IntegerField()
    record_id = models.BigIntegerField()
    account = models.BigIntegerField()
    manifest = models.TextField()
    provider = models.TextField()
    kind = models.TextField()
    credited_mg = models.BigIntegerField()

    class Meta:
        db_table = "verification_sampled_act"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["draw", "position"], name="verification_sample_position"),
            models.UniqueConstraint(fields=["draw", "record_id"], name="verification_sampled_once"),
            models.CheckConstraint(name="verification_sampled_is_credited", condition=Q(credited_mg__gte=1)),
        ]
        triggers: ClassVar = [*_KEPT, _OF_ITS_DRAW]

    def __str__(self) -> str:
        return f"act {self.record_id}, number {self.position} of draw {self.draw_id}"


class Examination(models.Model):
    """What the verifier found about a sampled act; the newest of an act counts."""

    AGREES, DIFFERS, UNSUPPORTED = "agrees", "differs", "unsupported"
    VERDICTS: ClassVar = (AGREES, DIFFERS, UNSUPPORTED)

    id = models.BigAutoField(primary_key=True)
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="examinations")
    act = models.ForeignKey(SampledAct, models.PROTECT, related_name="examinations")
    sequence = models.IntegerField()
    verdict = models.TextField()
    right_mg = models.BigIntegerField()
    #: The evidence that was looked at.
    note = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["act", "sequence"], name="verification_examination_sequence"),
            models.CheckConstraint(
                name="verification_examination_verdict",
                condition=Q(verdict="agrees")
                | Q(verdict="differs", right_mg__gte=0)
                | Q(verdict="unsupported", right_mg=0),
            ),
        ]
        triggers: ClassVar = [*_KEPT, _NOT_ENDED]

    def __str__(self) -> str:
        return f"act {self.act_id}: {self.verdict}"


class Finding(models.Model):
    """Something that is wrong, how grave it is, and what corrective action is asked."""

    OBSERVATION, MINOR, MAJOR = "observation", "minor", "major"
    SEVERITIES: ClassVar = (OBSERVATION, MINOR, MAJOR)

    id = models.BigAutoField(primary_key=True)
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="findings")
    number = models.IntegerField()
    severity = models.TextField()
    text = models.TextField()
    asked = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    raised_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["engagement", "number"], name="verification_finding_number"),
            models.CheckConstraint(
                name="verification_finding_severity",
                condition=Q(severity__in=["observation", "minor", "major"]),
            ),
            models.CheckConstraint(
                name="verification_finding_says",
                condition=~Q(text__regex=r"^\s*$") & ~Q(asked__regex=r"^\s*$"),
            ),
        ]
        triggers: ClassVar = [*_KEPT, _DECLARED, _NOT_ENDED]

    def __str__(self) -> str:
        return f"finding {self.number} of engagement {self.engagement_id}"


class FindingStep(models.Model):
    """What came after a finding was raised: the operator's answer, the verifier's close-out, or the way back.

    It may come after the statement as well: what a verifier refused for is corrected and closed out later.
    """

    ANSWERED, CLOSED, RETURNED = "answered", "closed", "returned"

    id = models.BigAutoField(primary_key=True)
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="+")
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="steps")
    sequence = models.IntegerField()
    step = models.TextField()
    text = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        db_table = "verification_finding_step"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["finding", "sequence"], name="verification_step_sequence"),
            models.CheckConstraint(name="verification_step_says", condition=~Q(text__regex=r"^\s*$")),
        ]
        triggers: ClassVar = [*_KEPT, _IN_TURN]

    def __str__(self) -> str:
        return f"{self.step} finding {self.finding_id}"


class Statement(models.Model):
    """The verifier's conclusion, signed: accepted, lowered by an amount, or refused. It ends the engagement."""

    ACCEPT, ADJUST, REFUSE = "accept", "adjust", "refuse"
    CONCLUSIONS: ClassVar = (ACCEPT, ADJUST, REFUSE)

    engagement = models.OneToOneField(Engagement, models.PROTECT, primary_key=True, related_name="statement")
    conclusion = models.TextField()
    population_mg = models.BigIntegerField()
    #: By how much what may be certified is lowered.
    deducted_mg = models.BigIntegerField()
    content: Any = models.JSONField()
    jws = models.TextField()
    key = models.ForeignKey(VerifierKey, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="verification_statement_conclusion",
                condition=Q(conclusion__in=["accept", "refuse"], deducted_mg=0)
                | Q(conclusion="adjust", deducted_mg__gte=1, deducted_mg__lte=F("population_mg")),
            ),
        ]
        triggers: ClassVar = [*_KEPT, _DECLARED, _OF_ITS_TEXT]

    def __str__(self) -> str:
        return f"statement of engagement {self.engagement_id}: {self.conclusion}"


#: From the mildest conclusion to the strictest.
STRICTNESS = (Statement.ACCEPT, Statement.ADJUST, Statement.REFUSE)


class StatementOf(models.Model):
    """A close that a statement speaks of: how a lot finds the statements that it rests on."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(Statement, models.PROTECT, related_name="closes")
    methodology = models.TextField()
    manifest = models.TextField()
    #: Digest of the methodology's acts in it; empty where the close does not say.
    acts = models.TextField(default="")

    class Meta:
        db_table = "verification_statement_of"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["statement", "manifest"], name="verification_spoken_of_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["manifest", "methodology"], name="verification_of_close"),
            models.Index(fields=["acts", "methodology"], name="verification_of_acts"),
        ]
        triggers: ClassVar = [*_KEPT, _OF_ITS_CLOSES]

    def __str__(self) -> str:
        return f"{self.manifest} in statement {self.statement_id}"
