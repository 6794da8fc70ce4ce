"""Log: lines with the request's id and without personal facts; a traceback names its error and not its message.

One record is one line, whatever is in it: what could begin another line, or move a terminal's cursor, is escaped.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType

from django.http import HttpRequest

from tanpuhui.web.shared.request_id import current

#: Characters of a message that are kept.
LONGEST = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class WithRequestId(logging.Filter):
    """Put the id of the current request into every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current()
        return True


class Plain(logging.Formatter):
    """One line: moment, level, logger, request, message. Messages of errors are left out: they may quote a row."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = _message(record)
        line = (
            f"{at} {record.levelname} {record.name} {getattr(record, 'request_id', '-')} {_escaped(message)}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        kind, _, trace = ei
        if kind is None:
            return ""
        return "".join(traceback.format_tb(trace)) + f"{kind.__module__}.{kind.__qualname__}"


class Json(Plain):
    """The same as an object on one line, for programs that gather logs; production writes these."""

    def format(self, record: logging.LogRecord) -> str:
        message = _message(record)
        said = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request": getattr(record, "request_id", "-"),
            "message": message,
            **{name: str(value) for name, value in getattr(record, "facts", {}).items()},
        }
        if hasattr(record, "event"):
            said["event"] = record.event
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True)


def _escaped(message: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), message)


def _message(record: logging.LogRecord) -> str:
    """What was said; of what the libraries say, routes instead of addresses, no queries, and not at any length."""
    message = record.getMessage()
    if not record.name.startswith("tanpuhui"):
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            message = message.replace(request.path, route_of(request))
        message = message.partition("?")[0]
    return message[:LONGEST]


def route_of(request: HttpRequest) -> str:
    """The route, not the address: addresses hold keys of objects, and whatever somebody typed."""
    return f"/{request.resolver_match.route}" if request.resolver_match else "(no route)"
