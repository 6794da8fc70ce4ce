"""Metrics: figures for Prometheus at ``/metrics``, for whoever has the token; nobody's act, name or address is in them.

Requests are counted by each worker in files of its own (``PROMETHEUS_MULTIPROC_DIR``, made by ``tanpuhui serve``), so
whichever worker is asked answers for all. What waits is read from the database when it is asked for.
"""

from __future__ import annotations

import hmac
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tanpuhui.close.models import Manifest
from tanpuhui.evidence.models import Batch
from tanpuhui.kit.home import home, lake
from tanpuhui.kit.moment import utc_now
from tanpuhui.periodic.waiting import waiting
from tanpuhui.transparency.models import Leaf, SignedCheckpoint

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: First words of addresses; everything else is ``other``, so that nobody can make up labels.
AUDIENCES = (
    "resident",
    "provider",
    "operator",
    "console",
    "counter",
    "company",
    "merchant",
    "bank",
    "verifier",
    "api",
    "sign-in",
    "market",
    "log",
    "statistics",
    "methodologies",
)

_registry = CollectorRegistry()
_requests = Histogram(
    "tanpuhui_request_seconds",
    "Time until a request was answered, by audience, method and class of status.",
    ("audience", "method", "status"),
    buckets=SECONDS,
    registry=_registry,
)


class Measured:
    """Middleware: measure every request but those for the figures themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        first = request.path.split("/", 2)[1]
        if first not in ("metrics", "healthz"):
            _requests.labels(
                first if first in AUDIENCES else "other",
                request.method if request.method in ("GET", "HEAD", "POST", "PUT", "DELETE") else "other",
                f"{response.status_code // 100}xx",
            ).observe(time.perf_counter() - began)
        return response


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures. Without a token in the settings there is no such page; with another one than that, neither."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Http404
    text = generate_latest(_counted()) + generate_latest(_now())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return _registry
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def _now() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Installation(utc_now()))
    return registry


class _Installation(Collector):
    """What stands in the database and on the disk at a moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[Metric]:
        yield from self._waiting()
        rows = GaugeMetricFamily(
            "tanpuhui_rows", "Rows of providers' batches, by how they ended.", labels=["end"]
        )
        counted = Batch.objects.aggregate(
            accepted=Sum("accepted"), duplicate=Sum("duplicate"), refused=Sum("refused")
        )
        for end, count in counted.items():
            rows.add_metric([end], count or 0)
        yield rows
        closes = Manifest.objects.aggregate(posted=Max("posted_at"), day=Max("day"))
        yield _moment("tanpuhui_last_close", "When a close was posted last.", closes["posted"])
        log = SignedCheckpoint.objects.aggregate(at=Max("signed_at"))
        yield _moment("tanpuhui_last_checkpoint", "When the log was signed last.", log["at"])
        leaves = GaugeMetricFamily("tanpuhui_log_leaves", "Leaves of the log.")
        leaves.add_metric([], (Leaf.objects.aggregate(last=Max("index"))["last"] or -1) + 1)
        yield leaves
        free = GaugeMetricFamily("tanpuhui_disk_free_bytes", "Room left, by folder.", labels=["folder"])
        for name, folder in (("home", home()), ("lake", lake())):
            if folder.exists():
                free.add_metric([name], shutil.disk_usage(folder).free)
        yield free

    def _waiting(self) -> Iterator[Metric]:
        count = GaugeMetricFamily("tanpuhui_waiting", "How much waits, by queue.", labels=["queue"])
        age = GaugeMetricFamily("tanpuhui_waiting_seconds", "For how long the first waits.", labels=["queue"])
        late = GaugeMetricFamily("tanpuhui_waiting_late", "1 where it waits too long.", labels=["queue"])
        for one in waiting():
            count.add_metric([one.what], one.count)
            age.add_metric([one.what], one.age_s(self.at))
            late.add_metric([one.what], int(one.is_late(self.at)))
        yield from (count, age, late)


def _moment(name: str, text: str, at: datetime | None) -> Metric:
    gauge = GaugeMetricFamily(f"{name}_timestamp_seconds", text)
    if at is not None:
        gauge.add_metric([], at.timestamp())
    return gauge
