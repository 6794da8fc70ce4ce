"""Installation: where its files are, how accounts are divided, and whose rules apply."""

from __future__ import annotations

import json
import os
from functools import cache

from tanpuhui.close.places import Places
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import lake
from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction

DEFAULT_BUCKETS = 16
BUCKETS = "TANPUHUI_BUCKETS"
JURISDICTION = "TANPUHUI_JURISDICTION"


#: A bucket is a folder in each day, and a file in each batch.
MOST_BUCKETS = 4096


class BadBuckets(Refusal):
    code = "cli.bad_buckets"
    message = (
        "{variable} is {given!r}, and not a whole number from 1 to {most}. "
        "Correct it: it is fixed for good when the installation is first used."
    )


def places() -> Places:
    """The lake, and the number of buckets that was fixed when the installation first took a file."""
    folder = lake()
    layout = folder / "layout.json"
    if not layout.exists():
        write_bytes(layout, json.dumps({"buckets": _wanted_buckets()}).encode())
    return Places(folder, json.loads(layout.read_bytes())["buckets"])


def _wanted_buckets() -> int:
    given = os.environ.get(BUCKETS, str(DEFAULT_BUCKETS))
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST_BUCKETS):
        raise BadBuckets(variable=BUCKETS, given=given, most=MOST_BUCKETS)
    return int(given)


def zone() -> str:
    """The time zone of this installation's jurisdiction; read once in a process."""
    return _zone_of(os.environ.get(JURISDICTION, "demo"))


@cache
def _zone_of(name: str) -> str:
    return load_jurisdiction(name).zone


def jurisdiction() -> Jurisdiction:
    """The jurisdiction of this installation: ``TANPUHUI_JURISDICTION``, or the demonstration's."""
    return load_jurisdiction(os.environ.get(JURISDICTION, "demo"))
