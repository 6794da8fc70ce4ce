"""Session: how long somebody stays signed in, in which browser, and the store in which the database keeps it.

A browser is given a key of 165 random bits; the database has its digest alone. A session ends when it was not used for
a while, when it is old, when its user signs out, here or from another browser, and when its user is blocked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY as USER
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import connection

from tanpuhui.access.limits import ORGANISATION, RESIDENT, Limits
from tanpuhui.access.models import Session

if TYPE_CHECKING:
    from tanpuhui.access.models import User

#: What a session knows about itself: moments in seconds since 1970, whether its limits are short, and the browser.
BEGAN, SEEN, SHORT, BROWSER = "began_s", "seen_s", "short", "browser"
#: How often the moment of the latest use is written down.
NOTED_EVERY = timedelta(minutes=1)
_KEY_LENGTH = 40


def limits_of(session: Mapping[str, Any]) -> Limits:
    """The limits of a session, by what it was begun for."""
    return ORGANISATION if session.get(SHORT) else RESIDENT


def begin(session: MutableMapping[str, Any], *, short: bool, browser: str, at: datetime) -> None:
    """Write down that somebody signs in now."""
    session[BEGAN] = session[SEEN] = int(at.timestamp())
    session[SHORT], session[BROWSER] = short, browser


def has_ended(session: Mapping[str, Any], *, at: datetime) -> bool:
    """Whether a session is past one of its limits; one that does not say when it began is."""
    began, seen = session.get(BEGAN), session.get(SEEN)
    if began is None or seen is None:
        return True
    limits, now = limits_of(session), at.timestamp()
    left_alone: bool = now - seen > limits.unused.total_seconds()
    old: bool = now - began > limits.whole.total_seconds()
    return left_alone or old


def use(session: MutableMapping[str, Any], *, at: datetime) -> None:
    """Write down that it is used, at most once a minute."""
    now = int(at.timestamp())
    if now - session[SEEN] >= NOTED_EVERY.total_seconds():
        session[SEEN] = now


def shorten(session: MutableMapping[str, Any]) -> None:
    """From now on the limits of those who act for an organisation hold."""
    if not session.get(SHORT):
        session[SHORT] = True


def present(user: User, *, at: datetime) -> list[Session]:
    """Where a user is signed in, the latest use first."""
    found = Session.objects.filter(user=user, expire_date__gt=at).order_by("-seen_at", "session_key")
    return [one for one in found if not has_ended(one.get_decoded(), at=at)]


def end(user: User, name: str) -> int:
    """End one of a user's own sessions by its name in lists; gives how many ended: 1, or 0 where there is none."""
    return Session.objects.filter(user=user, session_key=name).delete()[0]


def end_others(user: User, kept: str | None) -> int:
    """End all of a user's sessions but the one with this key; gives how many."""
    found = Session.objects.filter(user=user)
    return (found.exclude(session_key=digest_of(kept)) if kept else found).delete()[0]


def end_everybodys() -> int:
    """End every session, those of people who are in the middle of signing in too; gives how many."""
    return Session.objects.all().delete()[0]


def forget_old(*, at: datetime) -> int:
    """Remove sessions that are over, and old counts of attempts with their addresses; gives how many sessions."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_cache WHERE expires < %s", [at])
    return Session.objects.filter(expire_date__lte=at).delete()[0]


def digest_of(key: str) -> str:
    """What the database has of a key. It has 165 random bits, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()[:_KEY_LENGTH]


class SessionStore(DatabaseStore):
    """Django's store over our table, which holds digests of keys and whose session it is."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        row = None
        if self.session_key:
            now = datetime.now(UTC)
            row = Session.objects.filter(session_key=digest_of(self.session_key), expire_date__gt=now).first()
        if row is None:
            self._session_key = None
            return {}
        decoded: dict[str, Any] = self.decode(row.session_data)
        return decoded

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.session_key = digest_of(row.session_key)
        row.user_id, row.browser = data.get(USER), data.get(BROWSER, "")
        row.began_at, row.seen_at = _moment(data.get(BEGAN)), _moment(data.get(SEEN))
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(digest_of(key))


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
