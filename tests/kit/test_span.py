"""Spans: nothing where nobody collects; where somebody does, what work belongs to, and nothing that anybody said."""

from __future__ import annotations

import subprocess
import sys
import timeit
from concurrent.futures import ThreadPoolExecutor

import pytest

from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.span import is_on, of_this, passed_on, span
from tracing import collected

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


class NoName(Refusal):
    code = "kit.no_name"
    message = "{name} has no name."


def test_where_nobody_collects_nothing_of_opentelemetry_is_imported() -> None:
    script = (
        "import sys\nfrom tanpuhui.kit.span import *\n"
        "with span('x', {'a': 1}, caller={}) as one: one.says({'b': 2})\n"
        "assert passed_on() == {}\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_where_nobody_collects_a_span_costs_next_to_nothing() -> None:
    def traced() -> None:
        with span("x"):
            pass

    # A microsecond where the machine is quiet; a request or a bucket takes thousands.
    assert min(timeit.repeat(traced, number=1_000, repeat=5)) / 1_000 < 20e-6


def test_what_is_done_by_other_threads_belongs_to_the_work_that_asked() -> None:
    def bucket(number: int) -> None:
        with span("bucket", {"number": number}):
            pass

    with collected() as exporter:
        with span("close"), ThreadPoolExecutor(4) as pool:
            works = [of_this(bucket) for _ in range(8)]
            list(pool.map(lambda work, number: work(number), works, range(8)))
        *buckets, close = exporter.get_finished_spans()

    assert sorted(one.attributes["number"] for one in buckets) == list(range(8))
    assert {one.parent.span_id for one in buckets} == {close.context.span_id}


def test_a_trace_is_taken_from_whoever_asks_and_passed_on_to_whom_we_ask() -> None:
    with collected() as exporter:
        with span("request", caller=CALLER):
            told = passed_on()
        [request] = exporter.get_finished_spans()

    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert told == {"traceparent": f"00-{TRACE}-{request.context.span_id:016x}-01"}


@pytest.mark.parametrize("given", ["", "nonsense", "00-0-0-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_trace_that_is_none_is_not_gone_on_with(given: str) -> None:
    with collected() as exporter:
        with span("request", caller={"traceparent": given}):
            pass
        [request] = exporter.get_finished_spans()

    assert request.parent is None


def test_an_error_is_named_and_its_words_are_not_kept() -> None:
    with collected() as exporter:
        with pytest.raises(NoName), span("one"):
            raise NoName(name="Li Hua")
        with pytest.raises(ValueError, match="Li Hua"), span("two"):
            raise ValueError("Li Hua")
        one, two = exporter.get_finished_spans()

    assert dict(one.attributes) == {"tanpuhui.refused": "kit.no_name"}
    assert one.status.is_unset
    assert dict(two.attributes) == {"error.type": "ValueError"}
    assert not two.status.is_ok
    assert "Li Hua" not in one.to_json() + two.to_json()
    assert not is_on()
