"""Jobs: work that is too long for a request, asked for by somebody and done by ``tanpuhui work``."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tanpuhui.access.models import Approval, Organisation, account_in
from tanpuhui.kit.moment import to_us
from tanpuhui.sealing.field import SealedText

_KEPT = "ARRAY['state', 'attempts', 'started_at', 'ended_at', 'answer']"


class Job(models.Model):
    """One piece of work: what, with which arguments, who asked for it and why, and what came of it."""

    QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
    STATES: ClassVar = [
        (QUEUED, _("waiting")),
        (RUNNING, _("being done")),
        (DONE, _("done")),
        (FAILED, _("not done")),
    ]
    OPEN: ClassVar = (QUEUED, RUNNING)

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind of work"), max_length=60)
    arguments: Any = models.JSONField()
    #: Of the kind and its arguments: the same work is not asked for twice at a time.
    digest = models.CharField(max_length=71)
    #: Of work about an account it is sealed by that account's key.
    reason = SealedText(
        _("reason"), blank=True, whose=lambda one: account_in(one.arguments), row=lambda one: one.named
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    #: What two people agreed to, where the work needs it: one agreement, one job.
    approval = models.OneToOneField(Approval, models.PROTECT, null=True, related_name="job")
    request_id = models.CharField(max_length=64, blank=True)
    asked_at = models.DateTimeField(_("asked at"))
    state = models.CharField(_("state"), max_length=10, choices=STATES, default=QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(_("begun at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    #: What came of it: the answer of a done job, the refusal of one that was not.
    answer: Any = models.JSONField(null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(state__in=["queued", "running"], approval__isnull=True),
                name="console_job_once_at_a_time",
            ),
            models.CheckConstraint(
                name="console_job_state", condition=Q(state__in=["queued", "running", "done", "failed"])
            ),
            models.CheckConstraint(
                name="console_job_ends_with_an_answer",
                condition=Q(state__in=["queued", "running"], ended_at__isnull=True, answer__isnull=True)
                | Q(state__in=["done", "failed"], ended_at__isnull=False, answer__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=Q(state__in=["queued", "running"]), name="console_job_open"
            ),
            models.Index(fields=["kind", "-id"], name="console_job_kind"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="keeps_what_it_is",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=f"""
                    IF OLD.state IN ('done', 'failed')
                        OR (to_jsonb(NEW) - {_KEPT}) IS DISTINCT FROM (to_jsonb(OLD) - {_KEPT})
                    THEN RAISE EXCEPTION 'a job keeps what it is, and ends once'; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}: {self.kind}"

    @property
    def named(self) -> str:
        """What names a job before it has a number."""
        return f"{self.kind}|{self.digest}|{to_us(self.asked_at)}"
