"""Places: where this installation's files are, how accounts are divided, and whose rules apply."""

from __future__ import annotations

import json
import os

from tanpuhui.close.places import Places
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.home import lake
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction

DEFAULT_BUCKETS = 16
BUCKETS = "TANPUHUI_BUCKETS"
JURISDICTION = "TANPUHUI_JURISDICTION"


def places() -> Places:
    """The lake, and the number of buckets that was fixed when the installation first took a file."""
    folder = lake()
    layout = folder / "layout.json"
    if not layout.exists():
        buckets = int(os.environ.get(BUCKETS, DEFAULT_BUCKETS))
        write_bytes(layout, json.dumps({"buckets": buckets}).encode())
    return Places(folder, json.loads(layout.read_bytes())["buckets"])


def jurisdiction() -> Jurisdiction:
    """The jurisdiction of this installation: ``TANPUHUI_JURISDICTION``, or the demonstration's."""
    return load_jurisdiction(os.environ.get(JURISDICTION, "demo"))
