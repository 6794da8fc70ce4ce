"""Tables of community: goals, groups with their members and invitations, challenges, and nicknames on the board."""

from __future__ import annotations

import uuid
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

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


class Goal(models.Model):
    """How much somebody wants to avoid in a month; the newest of a month counts."""

    id = models.BigAutoField(primary_key=True)
    account = models.BigIntegerField()
    #: The first day of the month.
    month = models.DateField()
    target_mg = models.BigIntegerField()
    set_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="community_goal_month", condition=Q(month__day=1)),
            models.CheckConstraint(name="community_goal_target", condition=Q(target_mg__gte=1)),
        ]
        indexes: ClassVar = [models.Index(fields=["account", "month", "-id"], name="community_goal_newest")]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"goal of account {self.account} for {self.month:%Y-%m}"


class Group(models.Model):
    """People who add up what they avoid: a family or a neighbourhood."""

    FAMILY, NEIGHBOURHOOD = "family", "neighbourhood"
    KINDS: ClassVar = [(FAMILY, _("family")), (NEIGHBOURHOOD, _("neighbourhood"))]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=KINDS)
    name = models.CharField(max_length=40)
    founded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="community_group_kind", condition=Q(kind__in=["family", "neighbourhood"])
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Invitation(models.Model):
    """A code by which people join a group; the newest of a group is good, those before it are not."""

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, models.PROTECT, related_name="invitations")
    code = models.CharField(max_length=12, unique=True)
    made_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"invitation {self.pk} to {self.group_id}"


class Member(models.Model):
    """Somebody is in a group, from a moment until they leave."""

    id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(Group, models.PROTECT, related_name="members")
    account = models.BigIntegerField(db_index=True)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["group", "account"], condition=Q(ended_at__isnull=True), name="community_member_once"
            ),
            models.CheckConstraint(
                name="community_member_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("since")),
            ),
        ]
        triggers: ClassVar = [_NO_DELETE, _NO_TRUNCATE, _ENDS_ONCE]

    def __str__(self) -> str:
        return f"account {self.account} in {self.group_id}"


class Challenge(models.Model):
    """What a city sets out to avoid together, in some days, by some methodologies."""

    id = models.BigAutoField(primary_key=True)
    code = models.SlugField(max_length=60, unique=True)
    title_zh = models.CharField(max_length=80)
    title_en = models.CharField(max_length=80)
    text_zh = models.TextField()
    text_en = models.TextField()
    #: First and last local day of the acts that count.
    starts_on = models.DateField()
    ends_on = models.DateField()
    #: Codes of the methodologies whose credits count; none means all.
    methodologies = ArrayField(models.CharField(max_length=120), default=list)
    target_mg = models.BigIntegerField()
    set_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="community_challenge_days", condition=Q(ends_on__gte=F("starts_on"))),
            models.CheckConstraint(name="community_challenge_target", condition=Q(target_mg__gte=1)),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"challenge {self.code}"


class Participant(models.Model):
    """Somebody takes part in a challenge, of their own will, until they leave."""

    id = models.BigAutoField(primary_key=True)
    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="participants")
    account = models.BigIntegerField(db_index=True)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["challenge", "account"],
                condition=Q(ended_at__isnull=True),
                name="community_participant_once",
            ),
            models.CheckConstraint(
                name="community_participant_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("since")),
            ),
        ]
        triggers: ClassVar = [_NO_DELETE, _NO_TRUNCATE, _ENDS_ONCE]

    def __str__(self) -> str:
        return f"account {self.account} in {self.challenge_id}"


class Tally(models.Model):
    """How far a challenge had come when it was last counted; the newest counts."""

    id = models.BigAutoField(primary_key=True)
    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="tallies")
    participants = models.BigIntegerField()
    credited_mg = models.BigIntegerField()
    counted_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"tally of {self.challenge_id}"


class Nickname(models.Model):
    """By which name somebody is on the board, until they change it or leave."""

    id = models.BigAutoField(primary_key=True)
    account = models.BigIntegerField()
    name = models.CharField(max_length=16)
    #: The name as it is compared: width, case and marks folded away.
    folded = models.CharField(max_length=64)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(ended_at__isnull=True), name="community_nickname_one"
            ),
            models.UniqueConstraint(
                fields=["folded"], condition=Q(ended_at__isnull=True), name="community_nickname_unique"
            ),
            models.CheckConstraint(
                name="community_nickname_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("since")),
            ),
        ]
        triggers: ClassVar = [_NO_DELETE, _NO_TRUNCATE, _ENDS_ONCE]

    def __str__(self) -> str:
        return f"nickname {self.pk}"
