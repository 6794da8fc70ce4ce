"""Two platforms in one process: each has a database, a home and a jurisdiction, and an entrance of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.db.utils import load_backend
from psycopg import sql

from tanpuhui.federation.inbox import judge
from tanpuhui.federation.key import new_key, own_keys
from tanpuhui.federation.models import Peer, PeerKey
from tanpuhui.federation.peer import PeerOrder, add_key, add_peer, enable, get_peer, key_as_json
from tanpuhui.federation.reconcile import reconcile
from tanpuhui.federation.send import Sending, send
from tanpuhui.federation.serve import serve
from tanpuhui.federation.signature import Answered, Sent
from tanpuhui.federation.transport import NoAnswer

#: After everything that the towns of other tests do.
AT = datetime(2026, 3, 11, 4, 0, tzinfo=UTC)
TODAY = date(2026, 3, 11)


@dataclass
class Platform:
    """An installation: whatever happens inside :meth:`inside` happens there."""

    code: str
    database: str
    home: Path
    now: datetime = AT
    whole: Any = None

    @property
    def url(self) -> str:
        return f"https://{self.code}.example"

    @contextmanager
    def inside(self) -> Iterator[None]:
        kept_env = {name: os.environ.get(name) for name in ("TANPUHUI_HOME", "TANPUHUI_JURISDICTION")}
        kept = connections["default"]
        os.environ |= {"TANPUHUI_HOME": str(self.home), "TANPUHUI_JURISDICTION": self.code}
        mine = _connection(self.database)
        connections["default"] = mine
        try:
            yield
        finally:
            connections["default"] = kept
            for name, value in kept_env.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def do(self, verb: Callable[[], Any]) -> Any:
        """Do something there, in a transaction of its own, and let the database judge it as a commit would."""
        with self.inside(), transaction.atomic():
            done = verb()
            judge()
            return done

    def begin(self) -> None:
        """Begin a test: whatever it does in this database is undone at its end."""
        with self.inside():
            self.whole = transaction.atomic()
            self.whole.__enter__()

    def finish(self) -> None:
        with self.inside():
            transaction.set_rollback(True)
            self.whole.__exit__(None, None, None)

    def backup(self) -> Backup:
        """What a backup of this platform has: its database and its home, as they are now."""
        folder = self.home.parent / f"{self.code}-backup"
        shutil.copytree(self.home, folder)
        with self.inside():
            return Backup(transaction.savepoint(), folder)

    def restore(self, backup: Backup) -> None:
        """Go back to a backup: whatever happened since is lost, keys and lake too."""
        shutil.rmtree(self.home)
        shutil.copytree(backup.home, self.home)
        with self.inside():
            transaction.savepoint_rollback(backup.point)


@dataclass(frozen=True)
class Backup:
    """A database as a savepoint, and a folder."""

    point: Any
    home: Path


@dataclass
class Wire:
    """The network between platforms, that may lose, repeat, hold back, alter; each address leads to one of them."""

    platforms: dict[str, Platform]
    down: bool = False
    lose_answers: int = 0
    alter: Callable[[Sent], Sent] = field(default=lambda sent: sent)
    heard: list[Sent] = field(default_factory=list)

    def __call__(self, sent: Sent) -> Answered:
        if self.down:
            raise NoAnswer("ConnectError")
        self.heard.append(sent)
        answered = self.deliver(self.alter(sent))
        if self.lose_answers:
            self.lose_answers -= 1
            raise NoAnswer("ReadTimeout")
        return answered

    def deliver(self, sent: Sent) -> Answered:
        """What the platform of this address answers, by its own clock."""
        host = sent.url.split("/")[2].split(".")[0]
        there = self.platforms[host]
        with there.inside():
            answered = serve(Sent(sent.method, sent.url, dict(sent.headers), sent.content), at=there.now)
        return Answered(answered.status_code, dict(answered.headers), answered.content, sent)

    def posted(self) -> list[Sent]:
        return [sent for sent in self.heard if sent.method == "POST"]


@dataclass
class Pair:
    """A district and its city (or two cities), and the wire between them."""

    district: Platform
    city: Platform
    wire: Wire

    def send(self, sender: Platform, *, first: int | None = None) -> Sending:
        """A round of one of them with the other."""
        other = self.city if sender is self.district else self.district
        with sender.inside():
            return send(get_peer(other.code), self.wire, at=sender.now, first=first)

    def settle(self) -> None:
        """Rounds of both until neither has anything to say: at most six."""
        for _ in range(6):
            rounds = [self.send(self.district), self.send(self.city)]
            if all(one.why_not is None and not one.done + one.refused + one.waiting for one in rounds):
                return
        raise AssertionError([one.as_json() for one in rounds])

    def report(self, sender: Platform, day: date = TODAY) -> dict[str, Any]:
        other = self.city if sender is self.district else self.district
        with sender.inside():
            return reconcile(get_peer(other.code), day, self.wire, at=sender.now)

    def agree(self, day: date = TODAY) -> bool:
        """Whether both reports say so; shows what does not."""
        reports = [self.report(self.district, day), self.report(self.city, day)]
        found = [one["differences"] for one in reports]
        assert found == [[], []], found
        return all(one["agrees"] for one in reports)

    def later(self, **more: int) -> None:
        """Let time go by on both."""
        for one in (self.district, self.city):
            one.now += timedelta(**more)


def introduce(one: Platform, other: Platform, *, one_is: str, other_is: str) -> None:
    """Let both know each other, with a key of each, under a contract."""
    keys = {}
    for here in (one, other):
        keys[here.code] = here.do(_first_key)
    for here, there, role in ((one, other, other_is), (other, one, one_is)):
        here.do(lambda here=here, there=there, role=role: _befriend(there, role, keys[there.code]))


def _first_key() -> str:
    known: list[PeerKey] = own_keys()
    key = known[0] if known else new_key(valid_from=AT - timedelta(days=30))
    return str(key_as_json(key)["public_key"])


def _befriend(there: Platform, role: str, public_key: str) -> Peer:
    order = PeerOrder(
        code=there.code,
        role=role,
        url=there.url,
        contract="Agreement 2026-7",
        name_zh=f"{there.code}平台",
        name_en=f"Platform of {there.code}",
    )
    peer = add_peer(order, at=AT)
    add_key(peer, public_key, valid_from=AT - timedelta(days=30))
    enable(there.code, reason="Agreement 2026-7", at=AT)
    return peer


_open: dict[str, Any] = {}


def _connection(database: str) -> Any:
    if database not in _open:
        settings = {**connections["default"].settings_dict, "NAME": database}
        _open[database] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias="default")
    return _open[database]


def copy_database(source: str, target: str) -> None:
    """Make a database what another one is now, which has no connection while it lasts."""
    default = connections["default"]
    if default.settings_dict["NAME"] == source:
        default.close()
    settings = {**default.settings_dict, "NAME": "postgres"}
    wrapper = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias="default")
    try:
        with wrapper.cursor() as cursor:
            # A worker of another test may not have let go of it yet.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [source]
            )
            cursor.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(target), sql.Identifier(source)
                )
            )
    finally:
        wrapper.close()


def close_all() -> None:
    """Close every connection to a platform's database."""
    while _open:
        _open.popitem()[1].close()
