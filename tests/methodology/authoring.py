"""Authoring: small methodology folders for tests, whole and then edited in one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOML = """\
schema = 1
code = "test/ride"
version = 1
title = { zh = "骑行", en = "Rides" }
summary = { zh = "骑行", en = "Rides" }
jurisdiction = "test"
kind = "bike_trip"
scope = "transport.bike"
book = "reduction"
status = "official"
document = { title = "Rides", issuer = "Test", issued_on = 2024-01-01, source = "worked for the tests" }
valid_from = 2024-01-01
valid_to = 2025-12-31

[[fields]]
name = "distance_m"
unit = "m"
min = 0
max = 200000
title = { zh = "距离", en = "Distance" }
[[fields]]
name = "persons"
unit = "person"
min = 0
max = 8
default = 1
title = { zh = "人数", en = "People" }
[[fields]]
name = "vehicle"
unit = "1"
values = { bike = 1, e_bike = 2, scooter = 5 }
default = 1
title = { zh = "车型", en = "Vehicle" }

[[parameters]]
name = "factor"
unit = "gCO2e/(person*km)"
title = { zh = "因子", en = "Factor" }
[[parameters.values]]
from = 2024-01-01
to = 2024-12-31
value = "46.7"
status = "published"
source = "first"
review_by = 2024-12-01
[[parameters.values]]
from = 2025-01-01
value = "40"
status = "illustrative"
source = "second"
review_by = 2025-06-30

[[applicability]]
id = "A1"
text = { zh = "有距离", en = "There is a distance" }
requires = "distance_m > 0"
[[applicability]]
id = "A2"
text = { zh = "自愿", en = "Joined of one's own accord" }
[[exclusions]]
id = "E1"
text = { zh = "滑板车除外", en = "No scooters" }
when = "vehicle == vehicle.scooter"

[[steps]]
name = "whole"
formula = "distance_m * factor"
unit = "gCO2e"
title = { zh = "全部", en = "Whole" }
[[steps]]
name = "avoided"
formula = "if(persons > 0, whole / persons, 0)"
unit = "kgCO2e"
title = { zh = "减排", en = "Avoided" }
[result]
step = "avoided"
unit = "mgCO2e"
nets = false

[[caps]]
per = "person-day"
limit_mg = 10000000
clause = "made up"
status = "illustrative"
[[caps]]
per = "activity"
field = "distance_m"
limit = 60000
clause = "made up"
status = "illustrative"
"""

EXAMPLES = """\
[[examples]]
name = "10 km"
source = "10 km x 46.7 g/km = 467 g"
status = "hand"
activity = { distance_m = 10000 }
expected_mg = 467000
[[examples]]
name = "a scooter"
source = "clause E1"
status = "hand"
activity = { distance_m = 10000, vehicle = "scooter" }
excluded_by = "E1"
"""


def write_folder(
    root: Path,
    *edits: tuple[str, str],
    examples: str = EXAMPLES,
    readme: str | None = "# Rides\n",
    place: str = "test/ride/v1",
) -> Path:
    """A folder of the methodology above with each edit made once; an edit that does not apply is a mistake."""
    text = TOML
    for old, new in edits:
        assert text.count(old) >= 1, f"nothing to edit: {old!r}"
        text = text.replace(old, new, 1)
    folder = root / "methodologies" / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "methodology.toml").write_text(text, encoding="utf-8")
    (folder / "examples.toml").write_text(examples, encoding="utf-8")
    if readme is not None:
        (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


def write_formula(
    root: Path,
    formula: str,
    *,
    fields: dict[str, tuple[str, int, int, int | None]],
    parameters: dict[str, tuple[str, str]],
    nets: bool = False,
    requires: str | None = None,
    caps: dict[str, int] | None = None,
    unit: str = "gCO2e",
) -> Path:
    """A folder with one formula over fields (unit, min, max, default) and parameters (unit, value)."""
    text = TOML[: TOML.index("[[fields]]")]
    for name, (of, low, high, default) in fields.items():
        text += f'[[fields]]\nname = "{name}"\nunit = "{of}"\nmin = {low}\nmax = {high}\n{_TITLE}'
        text += "" if default is None else f"default = {default}\n"
    for name, (of, value) in parameters.items():
        text += f'[[parameters]]\nname = "{name}"\nunit = "{of}"\n{_TITLE}[[parameters.values]]\n'
        text += f'from = 2024-01-01\nvalue = "{value}"\nstatus = "official"\nsource = "s"\nreview_by = 2025-01-01\n'
    if requires is not None:
        text += (
            f'[[applicability]]\nid = "A1"\ntext = {{ zh = "a", en = "a" }}\nrequires = {_quoted(requires)}\n'
        )
    text += f'[[steps]]\nname = "avoided"\nformula = {_quoted(formula)}\nunit = "{unit}"\n{_TITLE}'
    text += f'[result]\nstep = "avoided"\nunit = "mgCO2e"\nnets = {str(nets).lower()}\n'
    for name, limit in (caps or {}).items():
        text += f'[[caps]]\nper = "activity"\nfield = "{name}"\nlimit = {limit}\nclause = "c"\nstatus = "official"\n'
    folder = root / "methodologies" / "test" / "ride" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "methodology.toml").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text("# Formula\n", encoding="utf-8")
    return folder


_TITLE = 'title = { zh = "t", en = "t" }\n'


def _quoted(value: Any) -> str:
    return json.dumps(value)
