"""Client: send batches to a platform, signed, again where it is safe, and follow what became of them."""

from __future__ import annotations

import email.utils
import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tanpuhui.client import profile
from tanpuhui.client.key import SigningKey, generate_key
from tanpuhui.client.sign import Outgoing, sign
from tanpuhui.client.tag import best_suite, blind
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.span import passed_on

BLOCK_BYTES = 256 * 1024
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}
#: Statuses after which the same request is sent again; all others are answers, and so is a 409 that does not say when.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

Json = dict[str, Any]


class Problem(Refusal):
    """What the platform refused: its code, its facts and its message are the platform's own."""

    code = "client.refused"
    message = "{message}"

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        self.status = status
        self.answer = dict(answer)
        super().__init__(message=answer.get("detail", f"The platform answered {status}. Ask its operator."))

    def as_json(self) -> Json:
        return {
            "code": self.answer.get("code", self.code),
            "message": str(self),
            "facts": {**self.answer.get("facts", {}), "status": self.status},
        }


class Unreachable(Refusal):
    code = "client.unreachable"
    message = (
        "{url} did not answer after {attempts} attempts ({reason}). "
        "Send the same file again later: with the same key it counts once."
    )


class NoAddress(Refusal):
    code = "client.no_address"
    message = "{url} is no address of a platform. Write it as https://carbon.example."


class UnknownMedia(Refusal):
    code = "client.unknown_media"
    message = "{name} ends neither in .csv nor .ndjson nor .parquet. Rename it, or say its media type."


class FileUnreadable(Refusal):
    code = "client.file_unreadable"
    message = "There is no readable file {path} ({reason}). Check the path."


@dataclass(frozen=True)
class Patience:
    """How often a request is sent again, and how long at most is waited in between."""

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0


@dataclass(frozen=True)
class Body:
    """What is sent: a file, or bytes; digested once, sent as often as it takes."""

    content: Path | bytes
    media_type: str
    size_bytes: int
    sha256: bytes

    def blocks(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block


class Client:
    """A provider's way to one platform; use it as a context manager.

    >>> with Client("https://carbon.example", key) as client:  # doctest: +SKIP
    ...     receipt = client.send(Path("monday.csv"), wait=True)
    """

    def __init__(
        self,
        url: str,
        key: SigningKey,
        *,
        language: str = "zh",
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = _address(url)
        self.key = key
        self.language = language
        self.patience = patience or Patience()
        self._sleep, self._now = sleep, now
        self._http = httpx.Client(transport=transport, timeout=timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        file: Path,
        *,
        idempotency_key: str | None = None,
        wait: bool = False,
        media_type: str | None = None,
        sandbox: bool = False,
    ) -> Json:
        """Send a batch; answers its inbox receipt, or with ``wait`` (if it was taken at once) its full receipt.

        ``idempotency_key`` is the file's digest where none is given, so that the same file counts once. In the
        sandbox the answer lists every refused row, and nothing is kept.
        """
        body = _file_body(file, media_type)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        if wait:
            headers["Prefer"] = "wait"
        path = "/api/v1/sandbox/batches" if sandbox else "/api/v1/provider/batches"
        key = idempotency_key or "sha256:" + body.sha256.hex()
        return self._request("POST", path, body=body, key=key, headers=headers)

    def batch(self, batch: int) -> Json:
        """What became of a batch: its state, and its receipt once it was taken."""
        return self._request("GET", f"/api/v1/provider/batches/{batch}")

    def follow(self, batch: int, *, timeout_s: float = 600.0, every_s: float = 1.0) -> Json:
        """Wait until a batch was taken or refused; answers the last that is known of it."""
        until = time.monotonic() + timeout_s
        while True:
            found = self.batch(batch)
            if found["state"] != "waiting" or time.monotonic() > until:
                return found
            self._sleep(every_s)

    def batches(self, **filters: Any) -> Iterator[Json]:
        """Every batch, newest first, page by page."""
        return self._pages("/api/v1/provider/batches", filters)

    def quarantine(self, batch: int, **filters: Any) -> Iterator[Json]:
        """The refused rows of a batch that were not corrected yet, with content, code and next step."""
        return self._pages(f"/api/v1/provider/batches/{batch}/quarantine", filters)

    def correct(self, batch: int, rows: Mapping[int, Mapping[str, str | None]]) -> Json:
        """Send refused rows (by their number in the file) again with some columns corrected."""
        listed = [{"row": row, "columns": dict(columns)} for row, columns in sorted(rows.items())]
        return self._post_json(f"/api/v1/provider/batches/{batch}/corrections", {"rows": listed})

    def retract(self, rows: Sequence[Mapping[str, str]]) -> Json:
        """Say of acts that they never were; each row has its format's columns of what it takes back."""
        return self._post_json("/api/v1/provider/retractions", {"rows": [dict(row) for row in rows]})

    def declare_totals(self, totals: Sequence[Mapping[str, str | int]]) -> Json:
        """Say how many records (``records``) of a ``kind`` were sent of a ``day``."""
        return self._post_json("/api/v1/provider/totals", {"totals": [dict(each) for each in totals]})

    def tags_of(
        self, acts: Sequence[tuple[str, str, int]], *, epoch: int, suite: str | None = None
    ) -> list[tuple[bytes, ...]]:
        """The three tags of each act (kind, thing, started in microseconds), computed blind with the platform's help.

        Refuses an answer that its public key did not make (:class:`tanpuhui.client.tag.BadEvaluation`).
        """
        chosen = suite or best_suite()
        blinded = [blind(kind=kind, thing=thing, started_us=at, suite=chosen) for kind, thing, at in acts]
        elements = [element.hex() for one in blinded for element in one.elements]
        asked: Json = {"epoch": epoch, "suite": chosen, "elements": elements}
        said = self._post_json("/api/v1/provider/act-tags/evaluations", asked)
        answers = iter([bytes.fromhex(one) for one in said["evaluations"]])
        key = bytes.fromhex(said["public_key"])
        return [one.finish([next(answers) for _ in one.elements], key) for one in blinded]

    def claim_acts(self, claims: Mapping[str, Sequence[bytes]], *, epoch: int) -> Json:
        """Claim acts by their tags for records of yours; each has an answer of its own."""
        listed = [{"record": record, "tags": [tag.hex() for tag in tags]} for record, tags in claims.items()]
        return self._post_json("/api/v1/provider/act-tags/claims", {"epoch": epoch, "claims": listed})

    def quality(self, *, days: int = 30) -> Json:
        """Shares and score of what was sent in the last days."""
        return self._request("GET", f"/api/v1/provider/quality?days={days}")

    def list_keys(self) -> list[Json]:
        """Every key of this provider."""
        found: list[Json] = self._request("GET", "/api/v1/provider/keys")["keys"]
        return found

    def add_key(self, public_key: str, **validity: str) -> Json:
        """Register a further key, signed by the present one."""
        return self._post_json("/api/v1/provider/keys", {"public_key": public_key, **validity})

    def revoke_key(self, key_id: str, *, reason: str) -> Json:
        """Revoke a key; another must be in force."""
        return self._post_json("/api/v1/provider/keys/revocations", {"key_id": key_id, "reason": reason})

    def rotate(self, *, keep: Callable[[SigningKey], None]) -> SigningKey:
        """Make the next key, ``keep`` it, register it, sign with it, and revoke the one before.

        Each step may be repeated: a key that was kept and not registered is worth nothing, and one that was not
        revoked is revoked by the next rotation's operator.
        """
        old, new = self.key, generate_key(self.key.provider)
        keep(new)
        self.add_key(new.public_key)
        self.key = new
        self.revoke_key(old.key_id, reason="rotated")
        return new

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Json]:
        query = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in filters.items())
        after = ""
        while True:
            page = self._request("GET", f"{path}?limit=500{query}{after}")
            yield from page["items"]
            if page["next"] is None:
                return
            after = f"&after={page['next']}"

    def _post_json(self, path: str, value: Json) -> Json:
        content = json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
        body = Body(content, "application/json", len(content), hashlib.sha256(content).digest())
        return self._request("POST", path, body=body, key=secrets.token_urlsafe(18))

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Body | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Send until there is an answer; each attempt is signed anew, with a nonce of its own."""
        reason = ""
        for attempt in range(1, self.patience.attempts + 1):
            try:
                answer = self._once(method, path, body=body, key=key, headers=headers or {})
            except httpx.TransportError as error:
                reason, wait_s = type(error).__name__, None
            else:
                if answer.status_code not in AGAIN and "Retry-After" not in answer.headers:
                    return _answer(answer)
                reason, wait_s = str(answer.status_code), _retry_after(answer, self._now())
                if attempt == self.patience.attempts:
                    return _answer(answer)
            if attempt < self.patience.attempts:
                self._sleep(self._wait(attempt, wait_s))
        raise Unreachable(url=self.url, attempts=self.patience.attempts, reason=reason)

    def _once(
        self, method: str, path: str, *, body: Body | None, key: str | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        request = Outgoing(
            method,
            self.url + path,
            {"Accept-Language": self.language, "Accept": "application/json", **headers},
        )
        if body is not None:
            request.headers.update(
                {
                    "Content-Type": body.media_type,
                    "Content-Length": str(body.size_bytes),
                    "Content-Digest": profile.content_digest(body.sha256),
                }
            )
        if key is not None:
            request.headers["Idempotency-Key"] = json.dumps(key)
        sign(request, self.key, at=self._now())
        # Not signed: whoever is in between may go on with the trace, and nothing rests on it.
        request.headers.update(passed_on())
        content = body.content if body is not None and isinstance(body.content, bytes) else None
        if body is not None and content is None:
            return self._http.request(method, request.url, headers=request.headers, content=body.blocks())
        return self._http.request(method, request.url, headers=request.headers, content=content)

    def _wait(self, attempt: int, asked_s: float | None) -> float:
        """What the platform asks for; otherwise twice as long each time, and a random part of it."""
        if asked_s is not None:
            return min(asked_s, self.patience.longest_wait_s)
        longest = min(self.patience.first_wait_s * 2.0 ** (attempt - 1), self.patience.longest_wait_s)
        return float(longest * (0.5 + random.random() / 2))


def _file_body(file: Path, media_type: str | None) -> Body:
    known = media_type or MEDIA_TYPES.get(file.suffix.lower())
    if known is None:
        raise UnknownMedia(name=file.name)
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
        return Body(file, known, file.stat().st_size, digest)
    except OSError as error:
        raise FileUnreadable(path=file, reason=error.strerror or "unreadable") from error


def _answer(response: httpx.Response) -> Json:
    try:
        content = response.json()
    except ValueError:
        content = {}
    if not response.is_success:
        raise Problem(response.status_code, content if isinstance(content, dict) else {})
    found: Json = content
    return found


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    given = response.headers.get("Retry-After", "")
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        moment = email.utils.parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None


def _address(url: str) -> str:
    """An address without the last slash; refuses what is neither http nor https, or names no host."""
    try:
        read = urlsplit(url)
    except ValueError:
        raise NoAddress(url=url) from None
    if read.scheme not in ("http", "https") or not read.hostname:
        raise NoAddress(url=url)
    return url.rstrip("/")
