"""Sending: a key of the demonstration's metro, and a file of its next day: anybody can be a provider at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from tanpuhui.cli.demo import files
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.cli.demo.plan import City
from tanpuhui.client.key import generate_key, write_key
from tanpuhui.evidence.provider_key import add_key

PROVIDER = "szt"
#: Rows of the file that is ready to be sent: enough to see, and taken at once.
MOST_ROWS = 400
_WALL = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Sending:
    """What a provider needs to send something: its code, its private key, a file."""

    provider: str
    key_file: Path
    file: Path

    def arguments(self, url: str) -> list[str]:
        """What comes after the program's name."""
        return [
            *("send", str(self.file), "--url", url, "--provider", self.provider),
            *("--key-file", str(self.key_file), "--follow"),
        ]


def get_ready(city: City, home: Path) -> Sending:
    """Make and register a key, and write the taps of the day after the last one."""
    key, at = generate_key(PROVIDER), Calendar(city.days).opened_at
    key_file = home / f"{PROVIDER}.pem"
    write_key(key, key_file)
    with transaction.atomic():
        add_key(PROVIDER, key.public_bytes, valid_from=at, at=at)
    return Sending(PROVIDER, key_file, _write_next_day(city, home / "to-send"))


def _write_next_day(city: City, folder: Path) -> Path:
    """The beginning of the metro's last day, a day later: the same people on the same way, again."""
    calendar = Calendar(city.days)
    last, following = calendar.day(city.days - 1), calendar.day(city.days)
    delivery = next(one for one in city.deliveries if one.provider == PROVIDER and one.name == str(last))
    rows = [_a_day_later(row.columns) for row in delivery.rows[:MOST_ROWS]]
    return files.write_rows(folder / f"{PROVIDER}_{following}.csv", rows)


def _a_day_later(columns: Any) -> dict[str, object]:
    return {name: _later(value) if name.endswith("_date") else value for name, value in columns.items()}


def _later(value: Any) -> str:
    moment = datetime.strptime(str(value), _WALL)  # noqa: DTZ007 - the clock on the wall, as the file has it
    return (moment + timedelta(days=1)).strftime(_WALL)
