"""Tables of programmes: the programme with its sealed hold-out, its homes, windows, settled periods. All append-only.

What must never happen is refused by triggers: a window that begins before it is declared, within what is settled or
after everybody can know who was held out, and a period that does not follow the one before, or lies outside its window.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tanpuhui.baseline.comparison import COMPARISONS

_KEPT: list[Any] = [
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
    ),
]


class Programme(models.Model):
    """Homes that are asked to save, and those that never are. ``commitment`` is published before recruitment.

    ``sealed`` is the draw, encrypted with a key of the installation: nobody reads it until the window is over.
    """

    code = models.CharField(_("programme"), max_length=60, primary_key=True)
    title_zh = models.TextField(_("Chinese title"))
    title_en = models.TextField(_("English title"))
    methodology = models.CharField(_("methodology"), max_length=120)
    zone = models.CharField(_("time zone"), max_length=60)
    homes = models.IntegerField(_("homes"))
    held_out = models.IntegerField(_("homes held out"))
    percent = models.SmallIntegerField(_("per cent held out"))
    commitment = models.CharField(_("published digest"), max_length=71)
    sealed = models.BinaryField()
    opened_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="programme_holds_some_out",
                condition=Q(held_out__gte=5) & Q(homes__gte=F("held_out") + 5),
            ),
        ]
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return self.code

    @property
    def declared(self) -> str:
        """Its windows in order, with rung, comparison and the limits that there are."""
        windows = sorted(self.windows.all(), key=lambda one: one.starts_on)
        return "; ".join(one.said for one in windows)


class ListedHome(models.Model):
    """A home that is on a programme's list, as a digest under a key of the installation: on one list, and no other."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="listed_homes")

    class Meta:
        verbose_name = _("home on a list")
        verbose_name_plural = _("homes on lists")
        triggers: ClassVar = _KEPT

    def __str__(self) -> str:
        return f"a home of {self.programme_id}"


class Window(models.Model):
    """Months that are measured on one rung against one year of baseline. The next one is declared before it begins."""

    L2, L3, L4, L5 = "L2", "L3", "L4", "L5"
    RUNGS: ClassVar = [
        (L2, _("short history, shrunk")),
        (L3, _("ratio to the hold-out")),
        (L4, _("weather-normalised, ratio to the hold-out")),
        (L5, _("random hold-out")),
    ]

    id = models.BigAutoField(primary_key=True)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="windows")
    rung = models.CharField(_("rung"), max_length=2, choices=RUNGS)
    #: First days of months: of the baseline's twelve, and of the first that is measured.
    baseline_from = models.DateField(_("baseline from"))
    starts_on = models.DateField(_("starts on"))
    #: Digest of the readings of the baseline's months that were over when it was declared; empty where none were given.
    baseline = models.CharField(_("frozen baseline"), max_length=71, default="", blank=True)
    #: With which of the homes held out each home is compared.
    comparison = models.CharField(
        _("comparison"), max_length=10, default="all", choices=[(one, one) for one in COMPARISONS]
    )
    #: What a home is taken to use at most: of its own baseline, and a month, whichever is more; 0 is no limit.
    limit_percent = models.IntegerField(_("limit, per cent of the own baseline"), default=0)
    limit_wh = models.BigIntegerField(_("limit a month"), default=0)
    declared_at = models.DateTimeField(_("declared at"))

    class Meta:
        verbose_name = _("window")
        verbose_name_plural = _("windows")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "starts_on"], name="programme_window_once"),
            models.CheckConstraint(
                name="programme_window_rung", condition=Q(rung__in=["L2", "L3", "L4", "L5"])
            ),
            models.CheckConstraint(
                name="programme_window_comparison",
                condition=Q(comparison="all") | (Q(comparison__in=["stratified", "matched"]) & ~Q(rung="L5")),
            ),
            models.CheckConstraint(
                name="programme_window_limit",
                condition=(Q(limit_percent=0) | Q(limit_percent__gte=100)) & Q(limit_wh__gte=0),
            ),
            models.CheckConstraint(
                name="programme_window_is_frozen",
                condition=~Q(baseline="")
                | Q(rung__in=["L3", "L5"], comparison="all", limit_percent=0, limit_wh=0),
            ),
            models.CheckConstraint(
                name="programme_baseline_is_before",
                condition=Q(starts_on__gte=F("baseline_from") + timedelta(days=365)),
            ),
        ]
        triggers: ClassVar = [
            *_KEPT,
            pgtrigger.Trigger(
                name="declared_before",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("its_zone", "text")],
                func="""
                    -- The application's role may not change programmes, so it cannot lock their rows.
                    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.programme_id, 7));
                    SELECT zone INTO its_zone FROM programme_programme WHERE code = NEW.programme_id;
                    IF (NEW.declared_at AT TIME ZONE its_zone)::date >= NEW.starts_on
                    THEN RAISE EXCEPTION 'a window is declared before it begins'; END IF;
                    IF EXISTS (SELECT FROM programme_period p JOIN programme_window w ON w.id = p.window_id
                        WHERE w.programme_id = NEW.programme_id AND p.last_day >= NEW.starts_on)
                    THEN RAISE EXCEPTION 'months from % on are settled already', NEW.starts_on; END IF;
                    IF EXISTS (SELECT FROM programme_opening WHERE programme_id = NEW.programme_id)
                    THEN RAISE EXCEPTION 'the hold-out of % is open: no rung is chosen any more', NEW.programme_id;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} from {self.starts_on} on {self.rung}"

    @property
    def said(self) -> str:
        """Beginning, rung, comparison and limits in a few words."""
        limits = [f"{self.limit_percent} %"] if self.limit_percent else []
        limits += [f"{self.limit_wh} Wh"] if self.limit_wh else []
        return " ".join([f"{self.starts_on:%Y-%m}", self.rung, self.comparison, *limits])


class Opening(models.Model):
    """The hold-out of a programme, opened: seed, digest of the list, homes held out, by their numbers."""

    programme = models.OneToOneField(Programme, models.PROTECT, primary_key=True, related_name="opening")
    content: Any = models.JSONField()
    at = models.DateTimeField(_("opened at"))

    class Meta:
        verbose_name = _("opening of a hold-out")
        verbose_name_plural = _("openings of hold-outs")
        triggers: ClassVar = [
            *_KEPT,
            pgtrigger.Trigger(
                name="after_windows",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    -- A window that is being declared is there, or is refused.
                    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.programme_id, 7));
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"hold-out of {self.programme_id}"


class Period(models.Model):
    """A settled period: what was estimated from which frozen readings, and what of it may be certified at most."""

    id = models.BigAutoField(primary_key=True)
    window = models.ForeignKey(Window, models.PROTECT, related_name="periods")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    #: Digests of frozen tables: readings, and what each home is given and carries.
    readings = models.CharField(_("readings"), max_length=71)
    shares = models.CharField(_("shares"), max_length=71)
    #: Digest of frozen temperatures of days, on a rung that normalises for weather; otherwise empty.
    temperature = models.CharField(_("temperatures"), max_length=71, default="", blank=True)
    homes = models.IntegerField(_("homes"))
    joined = models.IntegerField(_("homes that joined"))
    held_out = models.IntegerField(_("homes held out"))
    left_out = models.IntegerField(_("homes without complete readings"))
    #: Of them those with a frozen baseline; homes seen above the limit; homes whose own baseline is a model.
    limited = models.IntegerField(_("left out, with a frozen baseline"), default=0)
    above_limit = models.IntegerField(_("homes above the declared limit"), default=0)
    modelled = models.IntegerField(_("homes with a modelled baseline"), default=0)
    #: That was made: strata and matches need a baseline of every home held out.
    comparison = models.CharField(_("comparison"), max_length=10, default="all")
    saved_wh = models.BigIntegerField(_("saved, estimated"))
    #: Rounded up.
    error_wh = models.BigIntegerField(_("standard error"))
    bound_wh = models.BigIntegerField(_("lower bound"))
    #: What earlier periods lost, and what this one leaves: 0 or below.
    carried_in_wh = models.BigIntegerField(_("carried in"))
    carried_out_wh = models.BigIntegerField(_("carried on"))
    #: The bound less what was carried in.
    certifiable_wh = models.BigIntegerField(_("certifiable"))
    certifiable_mg = models.BigIntegerField(_("certifiable at most"))
    #: What shares sum to; the batch of evidence that reported them, 0 where nothing was.
    shared_mg = models.BigIntegerField(_("shared out"))
    batch = models.BigIntegerField(_("batch"))
    settled_at = models.DateTimeField(_("settled at"))

    class Meta:
        verbose_name = _("settled period")
        verbose_name_plural = _("settled periods")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["window", "first_day"], name="programme_period_once"),
            models.CheckConstraint(
                name="programme_never_above_the_bound",
                condition=Q(shared_mg__gte=0)
                & Q(shared_mg__lte=F("certifiable_mg"))
                & Q(certifiable_wh__gte=0)
                & Q(certifiable_wh__lte=F("bound_wh"))
                & Q(carried_in_wh__lte=0)
                & Q(carried_out_wh__lte=0),
            ),
            models.CheckConstraint(
                name="programme_period_has_days", condition=Q(last_day__gt=F("first_day"))
            ),
            models.CheckConstraint(
                name="programme_limited_are_left_out",
                condition=Q(limited__gte=0)
                & Q(limited__lte=F("left_out"))
                & Q(above_limit__gte=0)
                & Q(modelled__gte=0),
            ),
        ]
        triggers: ClassVar = [
            *_KEPT,
            pgtrigger.Trigger(
                name="follows",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("its", "programme_window%ROWTYPE"), ("expected", "date"), ("next_window", "date")],
                func="""
                    SELECT * INTO its FROM programme_window WHERE id = NEW.window_id;
                    PERFORM pg_advisory_xact_lock(hashtextextended(its.programme_id, 7));
                    -- Of all windows: no month is left out where one ends and the next begins.
                    SELECT coalesce(max(p.last_day) + 1, min(w.starts_on)) INTO expected
                        FROM programme_window w LEFT JOIN programme_period p ON p.window_id = w.id
                        WHERE w.programme_id = its.programme_id;
                    SELECT min(starts_on) INTO next_window FROM programme_window
                        WHERE programme_id = its.programme_id AND starts_on > its.starts_on;
                    IF NEW.first_day <> expected OR NEW.first_day < its.starts_on
                        OR NEW.last_day >= coalesce(next_window, 'infinity')
                    THEN RAISE EXCEPTION 'the next period of % begins on %', its.programme_id, expected; END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}: {self.certifiable_wh} Wh"
