"""Transport: how a request gets to a peer. Over HTTP here; tests have one that never leaves the process."""

from __future__ import annotations

from typing import Protocol

import httpx

from tanpuhui.federation.signature import Answered, Sent
from tanpuhui.kit.span import passed_on

TIMEOUT_S = 20.0
MOST_ANSWER_BYTES = 20_000_000


class NoAnswer(Exception):
    """Nothing came back; says why in a few words."""


class Transport(Protocol):
    """Whatever takes a request to its address and brings the answer; :class:`NoAnswer` where there is none."""

    def __call__(self, sent: Sent) -> Answered: ...


def over_http(sent: Sent) -> Answered:
    """Send a request as it was signed; never led elsewhere, and no proxy of the environment sees it."""
    headers = {**sent.headers, **passed_on()}
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as http,
            http.stream(sent.method, sent.url, headers=headers, content=sent.content or None) as answer,
        ):
            content = b""
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > MOST_ANSWER_BYTES:
                    raise NoAnswer("the answer is too long")
            return Answered(answer.status_code, dict(answer.headers), content, sent)
    except httpx.HTTPError as error:
        raise NoAnswer(type(error).__name__) from error
