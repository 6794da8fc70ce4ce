"""Tables of integrity: appeals and their answers. Both are only added; a person's own words can go with the person."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tanpuhui.sealing.field import SealedText

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


class Appeal(models.Model):
    """A person asks that an act be looked at again. ``outcome`` is the end that is appealed against, by its name.

    ``round`` numbers the appeals against one act: the next one needs an answer to the one before.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.BigIntegerField(_("account"))
    record_id = models.BigIntegerField(_("record"))
    day = models.DateField(_("day"))
    outcome = models.CharField(_("outcome"), max_length=40)
    manifest = models.CharField(_("close"), max_length=80)
    round = models.SmallIntegerField(_("round"))
    asked_at = models.DateTimeField(_("asked at"))

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "record_id", "round"], name="integrity_one_appeal_a_round"
            ),
            models.CheckConstraint(name="integrity_appeal_round", condition=Q(round__gte=1)),
            models.CheckConstraint(name="integrity_appeal_account", condition=Q(account__gte=1)),
        ]
        indexes: ClassVar = [models.Index(fields=["asked_at"], name="integrity_appeal_asked")]
        triggers: ClassVar = [
            _APPEND_ONLY,
            _NO_TRUNCATE,
            pgtrigger.Trigger(
                name="one_open_at_a_time",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.round > 1 AND NOT EXISTS (
                        SELECT FROM integrity_appeal AS a JOIN integrity_answer AS w ON w.appeal_id = a.id
                        WHERE a.account = NEW.account AND a.record_id = NEW.record_id AND a.round = NEW.round - 1)
                    THEN RAISE EXCEPTION 'the appeal before is not answered'; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk} against {self.outcome}"


class AppealWords(models.Model):
    """What a person wrote with an appeal, in the vault: it goes when the person does, and never changes before."""

    appeal = models.OneToOneField(Appeal, models.PROTECT, primary_key=True, related_name="written")
    words = SealedText(_("words"), whose=lambda one: one.appeal.account)

    class Meta:
        db_table = 'vault"."appeal_words'
        verbose_name = _("words of an appeal")
        verbose_name_plural = _("words of appeals")
        constraints: ClassVar = [
            models.CheckConstraint(name="integrity_words_are_some", condition=~Q(words__regex=r"^\s*$")),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="no_update", operation=pgtrigger.Update),
            _NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"words of appeal {self.pk}"


class Answer(models.Model):
    """What was decided about an appeal, by whom and why; one for each appeal."""

    UPHELD, REJECTED = "upheld", "rejected"
    DECISIONS: ClassVar = [(UPHELD, _("upheld")), (REJECTED, _("rejected"))]

    id = models.BigAutoField(primary_key=True)
    appeal = models.OneToOneField(Appeal, models.PROTECT, related_name="answer")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="appeals_answered")
    decision = models.CharField(_("decision"), max_length=10, choices=DECISIONS)
    reason = SealedText(_("reason"), whose=lambda one: one.appeal.account, row=lambda one: str(one.appeal_id))
    at = models.DateTimeField(_("answered at"))

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="integrity_answer_decision", condition=Q(decision__in=["upheld", "rejected"])
            ),
            models.CheckConstraint(
                name="integrity_answer_has_a_reason", condition=~Q(reason__regex=r"^\s*$")
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.decision}: appeal {self.appeal_id}"


class Flag(models.Model):
    """An act that a version of a pattern found: it is held, unless a verdict releases it."""

    id = models.BigAutoField(primary_key=True)
    record_id = models.BigIntegerField(_("record"))
    account = models.BigIntegerField(_("account"))
    day = models.DateField(_("day"))
    pattern = models.CharField(_("pattern"), max_length=60)
    found_at = models.DateTimeField(_("found at"))

    class Meta:
        verbose_name = _("held act")
        verbose_name_plural = _("held acts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record_id", "pattern"], name="integrity_flagged_once"),
            models.CheckConstraint(name="integrity_flag_account", condition=Q(account__gte=1)),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="integrity_flag_day")]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.pattern} holds {self.record_id}"


class Verdict(models.Model):
    """What was decided about a flag. What is released stays released; what is confirmed may still be released."""

    RELEASED, CONFIRMED = "released", "confirmed"
    DECISIONS: ClassVar = [(RELEASED, _("released")), (CONFIRMED, _("confirmed"))]

    id = models.BigAutoField(primary_key=True)
    flag = models.ForeignKey(Flag, models.PROTECT, related_name="verdicts")
    decision = models.CharField(_("decision"), max_length=10, choices=DECISIONS)
    reason = models.TextField(_("reason"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="verdicts"
    )
    at = models.DateTimeField(_("decided at"))

    class Meta:
        verbose_name = _("verdict")
        verbose_name_plural = _("verdicts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["flag", "decision"], name="integrity_one_verdict_of_a_kind"),
            models.CheckConstraint(
                name="integrity_verdict_decision", condition=Q(decision__in=["released", "confirmed"])
            ),
            models.CheckConstraint(
                name="integrity_verdict_has_a_reason", condition=~Q(reason__regex=r"^\s*$")
            ),
        ]
        triggers: ClassVar = [
            _APPEND_ONLY,
            _NO_TRUNCATE,
            pgtrigger.Trigger(
                name="released_for_good",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT FROM integrity_verdict WHERE flag_id = NEW.flag_id AND decision = 'released')
                    THEN RAISE EXCEPTION 'flag % is released', NEW.flag_id; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision}: flag {self.flag_id}"
