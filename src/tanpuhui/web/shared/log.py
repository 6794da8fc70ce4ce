"""Log: lines with the request's id and without personal facts; a traceback names its error and not its message."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType

from tanpuhui.web.shared.request_id import current


class WithRequestId(logging.Filter):
    """Put the id of the current request into every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current()
        return True


class Plain(logging.Formatter):
    """One line: moment, level, logger, request, message. Messages of errors are left out: they may quote a row."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = record.getMessage() if _is_ours(record) else _without_query(record.getMessage())
        line = f"{at} {record.levelname} {record.name} {getattr(record, 'request_id', '-')} {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        kind, _, trace = ei
        if kind is None:
            return ""
        return "".join(traceback.format_tb(trace)) + f"{kind.__module__}.{kind.__qualname__}"


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("tanpuhui")


def _without_query(message: str) -> str:
    return message.partition("?")[0]
