"""A bank is told over HTTP, signed, again until it has taken a message; and nobody else of our network is."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from requests import Request

from points.book import AT, DAY, KG, held, new_offer, new_organisation, new_resident, taking
from tanpuhui.access.models import Organisation
from tanpuhui.consent.give import give
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.disclosure.hand_over import terms
from tanpuhui.points.callback import (
    TAG,
    Reach,
    callback_of,
    deliver,
    key,
    set_callback,
    status_of,
    wait_after,
)
from tanpuhui.points.models import Attempt, Delivery, Outbox
from tanpuhui.points.offer import TermsOf
from tanpuhui.points.redeem import capture
from tanpuhui.points.refusals import BadCallback

pytestmark = pytest.mark.django_db
HERE = Reach(plain_http=True, private=(ipaddress.ip_network("127.0.0.0/8"),))


class Bank(BaseHTTPRequestHandler):
    """Answers what it is told to, and keeps what it got."""

    got: list[tuple[dict[str, str], bytes]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        status = self.answers.pop(0) if self.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture()
def bank() -> Organisation:
    return new_organisation(Organisation.BANK, code="bank")


@pytest.fixture()
def server() -> Iterator[tuple[str, type[Bank]]]:
    handler = type("Handler", (Bank,), {"got": [], "answers": []})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/tanpuhui?of=city", handler
    listening.shutdown()
    thread.join()
    listening.server_close()


def message_for(bank: Organisation) -> Outbox:
    """Somebody had the bank's product and withdrew."""
    tiers = (TermsOf(1, "a", "a", 5),)
    loan = new_offer(None, bank, kind="financial", price_points=0, terms=tiers)
    resident = new_resident(30 * KG)
    grant = give(resident, terms("bank", "account_tier"), at=AT, method="test").pk
    capture(taking(loan, held(loan, resident)), day=DAY, at=AT).accepted()
    withdraw(grant, at=AT + timedelta(seconds=1), method="test")
    return Outbox.objects.latest("id")


def send(at: datetime, **reach: Any) -> int:
    return deliver(at=at, reach=HERE, **reach)


def test_a_message_arrives_signed_and_is_taken_once(bank: Organisation, server: Any) -> None:
    url, handler = server
    set_callback("bank", url, reach=HERE, at=AT)
    message = message_for(bank)

    counts = [send(AT), send(AT + timedelta(days=1))]

    assert counts == [1, 0]
    ((headers, body),) = handler.got
    assert json.loads(body) == {
        "id": message.pk,
        "type": "consent.ended",
        "redemption": message.redemption_id,
        "state": "Withdrawn",
        "at": message.at.isoformat(),
    }
    assert headers["Idempotency-Key"] == f"outbox-{message.pk}"
    assert verified(url, headers, body) == TAG
    (status,) = status_of(bank.pk)
    assert (status["taken_at"], status["attempts"]) == (AT.isoformat(), 0)


def verified(url: str, headers: dict[str, str], body: bytes) -> str:
    """The tag of a signature that the platform's public key made over all that matters."""

    class Keys(HTTPSignatureKeyResolver):
        def resolve_public_key(self, key_id: str) -> Any:
            assert key_id == key().key_id
            return key().private.public_key()

    request = Request("POST", url, headers=headers, data=body).prepare()
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    (result,) = verifier.verify(request, max_age=timedelta(days=36_500))
    covered = {name.strip('"') for name in result.covered_components}
    assert {"@method", "@target-uri", "content-digest", "content-type", "idempotency-key"} <= covered
    return str(result.parameters["tag"])


@pytest.mark.parametrize("status", [500, 302, 404])
def test_what_is_not_taken_is_sent_again_later_and_kept(bank: Organisation, server: Any, status: int) -> None:
    url, handler = server
    handler.answers[:] = [status, status]
    set_callback("bank", url, reach=HERE, at=AT)
    message_for(bank)

    moments = (0, 29, 30, 89, 90, 91)
    counts = [send(AT + timedelta(seconds=seconds)) for seconds in moments]

    assert counts == [0, 0, 0, 0, 1, 0]
    assert [headers["Idempotency-Key"] for headers, _ in handler.got] == [
        handler.got[0][0]["Idempotency-Key"]
    ] * 3
    assert list(Attempt.objects.order_by("id").values_list("status", flat=True)) == [status, status]
    assert "/elsewhere" not in str(handler.got)


def test_waits_double_up_to_six_hours() -> None:
    assert [wait_after(n).total_seconds() for n in (1, 2, 3, 10, 11, 1_000)] == [
        30,
        60,
        120,
        15_360,
        21_600,
        21_600,
    ]


def test_a_bank_that_is_not_there_is_tried_again(bank: Organisation, server: Any) -> None:
    url, _ = server
    set_callback("bank", url.replace("127.0.0.1", "127.0.0.2"), reach=HERE, at=AT)
    message_for(bank)

    assert send(AT) == 0

    (status,) = status_of()
    assert (status["last_status"], status["next_at"]) == (None, (AT + timedelta(seconds=30)).isoformat())
    assert "no answer" in status["last_why_not"]


def test_without_an_address_messages_wait_and_go_once_there_is_one(bank: Organisation, server: Any) -> None:
    url, handler = server
    message_for(bank)
    set_callback("bank", url, reach=HERE, at=AT)
    set_callback("bank", None, reach=HERE, at=AT)

    first = send(AT)
    waiting = not Delivery.objects.exists()
    set_callback("bank", url, reach=HERE, at=AT)
    second = send(AT)

    assert (first, waiting, second, len(handler.got)) == (0, True, 1, 1)
    assert callback_of(bank.pk) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/x",
        "ftp://bank.example/x",
        "https:///x",
        "https://user:secret@bank.example/x",
        "https://bank.example/x#part",
        "https://bank.example:0/",
        "https://bank.example:99999/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://bank.example/ x",
        "https://银行.example/",
        "https://bank.example/" + "x" * 2_000,
        "",
    ],
)
def test_an_address_that_is_none_or_private_is_refused(bank: Organisation, url: str) -> None:
    with pytest.raises(BadCallback):
        set_callback("bank", url, reach=Reach(), at=AT)

    assert callback_of(bank.pk) is None


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1"],
        ["fd00::1"],
        ["::ffff:192.168.0.1"],
        ["64:ff9b::a00:1"],
        ["2002:a00:1::"],
        ["0.0.0.0"],
        ["100.64.0.1"],
        ["224.0.0.1"],
        ["8.8.8.8", "10.0.0.8"],
        [],
    ],
)
def test_a_name_that_leads_to_a_private_machine_is_not_connected_to(
    bank: Organisation, addresses: list[str]
) -> None:
    set_callback("bank", "https://bank.example/x", reach=Reach(), at=AT)
    message_for(bank)

    assert deliver(at=AT, reach=Reach(), resolve=lambda _host, _port: addresses) == 0

    assert "private network" in Attempt.objects.get().why_not


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(bank: Organisation, server: Any) -> None:
    url, handler = server
    named = url.replace("127.0.0.1", "bank.example")
    set_callback("bank", named, reach=HERE, at=AT)
    message_for(bank)
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    assert send(AT, resolve=resolve) == 1

    ((headers, body),) = handler.got
    assert asked == ["bank.example"]
    assert headers["Host"].startswith("bank.example:")
    assert verified(named, headers, body) == TAG


def test_a_network_that_the_operator_names_may_be_reached() -> None:
    reach = Reach(private=(ipaddress.ip_network("10.20.0.0/16"),))

    assert [reach.allows(one) for one in ("10.20.3.4", "10.21.0.1", "8.8.8.8")] == [True, False, True]
