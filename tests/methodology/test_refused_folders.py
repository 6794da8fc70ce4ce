"""Loading: what is wrong with a folder is refused with a stable code, the file, the key and the repair."""

from __future__ import annotations

from pathlib import Path

import pytest

from methodology.authoring import EXAMPLES, write_folder, write_formula
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import examine, load_library, load_methodology
from tanpuhui.methodology.read import key_of, shown_path

DISTANCE = {"distance_m": ("m", 0, 200_000, None)}
FACTOR = {"factor": ("gCO2e/km", "46.7")}
VALUE_2025 = """[[parameters.values]]
from = 2025-01-01
value = "40"
status = "illustrative"
source = "second"
review_by = 2025-06-30
"""


def refused(folder: Path) -> Refusal:
    """The first refusal of a folder, which loading raises."""
    with pytest.raises(Refusal) as raised:
        load_methodology(folder)
    return raised.value


def refused_formula(root: Path, formula: str, **parts: object) -> Refusal:
    options = {"fields": DISTANCE, "parameters": FACTOR, **parts}
    folder = write_formula(root, formula, **options)  # type: ignore[arg-type]
    _, refusals = examine(folder)
    others = [refusal for refusal in refusals if refusal.facts.get("file", "")[-13:] != "examples.toml"]
    return others[0] if others else refusals[0]


def test_a_sound_folder_loads(tmp_path: Path) -> None:
    methodology = load_methodology(write_folder(tmp_path))

    assert (methodology.code, methodology.version, methodology.kind) == ("test/ride", 1, "bike_trip")
    assert methodology.digest.startswith("sha256:")
    assert not methodology.sealed
    assert [str(period.valid_from) for period in methodology.periods] == ["2024-01-01", "2025-01-01"]
    assert dict(methodology.clipped_to) == {"distance_m": 60000}


@pytest.mark.parametrize(
    ("edit", "code", "part"),
    [
        (('code = "test/ride"', 'code = "test/walk"'), "folder_mismatch", "test/walk/v1"),
        (("version = 1", "version = 2"), "folder_mismatch", "test/ride/v2"),
        (('jurisdiction = "test"', 'jurisdiction = "other"'), "folder_mismatch", "jurisdiction"),
        (("schema = 1", "schema = 2"), "schema", "schema"),
        (('kind = "bike_trip"\n', ""), "schema", "kind"),
        (("nets = false", "nets = false\nround = true"), "schema", "result"),
        (('status = "published"\n', ""), "schema", "parameters[0].values[0]: 'status'"),
        (('source = "first"\n', ""), "schema", "parameters[0].values[0]: 'source'"),
        (('source = "first"', 'source = " "'), "schema", "parameters[0].values[0].source"),
        (('status = "published"', 'status = "certain"'), "schema", "parameters[0].values[0].status"),
        (('value = "46.7"', "value = 46.7"), "schema", "parameters[0].values[0].value"),
        (("max = 200000", "max = 2e5"), "schema", "fields[0]"),
        (("max = 200000", "max = 9223372036854775808"), "schema", "fields[0]"),
        (("max = 200000\n", ""), "schema", "fields[0]"),
        (("persons > 0", "persons > "), "formula_syntax", "steps.avoided.formula"),
        (('value = "46.7"', 'value = "4.67e1"'), "decimal", "parameters.factor.values[0].value"),
        (('value = "46.7"', 'value = "46,7"'), "decimal", "46,7"),
        (
            ("from = 2024-01-01\nto", "from = 2024-01-02\nto"),
            "validity_gap",
            "no value from 2024-01-01 to 2024-01-01",
        ),
        (("to = 2024-12-31", "to = 2024-12-30"), "validity_gap", "from 2024-12-31 to 2024-12-31"),
        (("to = 2024-12-31", "to = 2025-01-01"), "validity_overlap", "from 2025-01-01 on"),
        (("to = 2024-12-31\n", ""), "validity_overlap", "from 2025-01-01 on"),
        ((VALUE_2025, ""), "validity_gap", "from 2025-01-01 to 2025-12-31"),
        (("to = 2024-12-31", "to = 2023-12-31"), "date", "parameters.factor.values[0].to"),
        (("valid_from = 2024-01-01", 'valid_from = "2024-02-30"'), "date", "2024-02-30"),
        (("valid_to = 2025-12-31", "valid_to = 2023-12-31"), "date", "valid_to"),
        (("issued_on = 2024-01-01", 'issued_on = "2024-13-01"'), "date", "document.issued_on"),
        (('name = "persons"', 'name = "distance_m"'), "name_twice", "distance_m"),
        (('name = "whole"', 'name = "factor"'), "name_twice", "factor"),
        (('id = "E1"', 'id = "A1"'), "name_twice", "A1"),
        (("e_bike = 2", "e_bike = 1"), "name_twice", "fields.vehicle"),
        (('name = "persons"', 'name = "min"'), "name_reserved", "min"),
        (('unit = "person"', 'unit = "people"'), "unit_unknown", "people"),
        (('unit = "1"\nvalues', 'unit = "m"\nvalues'), "units", "fields.vehicle.unit"),
        (("default = 1", "default = 9"), "bounds", "fields.persons"),
        (("min = 0\nmax = 200000", "min = 5\nmax = 4"), "bounds", "fields.distance_m"),
        (("scooter = 5 }\ndefault = 1", "scooter = 5 }\ndefault = 3"), "bounds", "fields.vehicle"),
        (("distance_m * factor", "distance_m * facter"), "name_unknown", "Did you mean factor?"),
        (("vehicle.scooter", "vehicle.skate"), "name_unknown", "exclusions.E1.when"),
        (("distance_m > 0", "whole > 0"), "name_unknown", "applicability.A1.requires"),
        (("whole / persons", "whole / avoided"), "step_order", "steps.avoided.formula"),
        (("distance_m * factor", "avoided * 2"), "step_order", "Move the step avoided up"),
        (("distance_m * factor", "whole + 0"), "step_order", "circle"),
        (('"distance_m > 0"', '"distance_m"'), "not_a_condition", "applicability.A1"),
        (('"distance_m * factor"', '"distance_m > 0"'), "not_a_number", "steps.whole"),
        (('"distance_m > 0"', '"distance_m > 5"'), "units", "applicability.A1"),
        (("distance_m * factor", "distance_m + factor"), "units", "steps.whole.formula"),
        (('unit = "gCO2e"', 'unit = "g"'), "units", "steps.whole.unit"),
        (('step = "avoided"', 'step = "avoidd"'), "name_unknown", "Did you mean avoided?"),
        (('unit = "kgCO2e"', 'unit = "kg"'), "units", "steps.avoided.unit"),
        (('book = "reduction"', 'book = "points"'), "units", "result.unit"),
        (('unit = "mgCO2e"', 'unit = "point"'), "units", "result.unit"),
        (("limit_mg = 10000000", "limit_points = 5"), "cap_book", "limit_mg"),
        (('field = "distance_m"', 'field = "distance"'), "name_unknown", "distance_m"),
        (('field = "distance_m"', 'field = "persons"'), "bounds", "limit 60000"),
        (('field = "distance_m"\nlimit = 60000', 'field = "persons"\nlimit = 4'), "cap_not_safe", "persons"),
        (("if(persons > 0, whole / persons, 0)", "whole / persons"), "division_by_zero", "persons can be 0"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is(
    tmp_path: Path, edit: tuple[str, str], code: str, part: str
) -> None:
    refusal = refused(write_folder(tmp_path, edit))

    assert refusal.code == f"methodology.{code}"
    assert part in str(refusal)
    assert "methodologies/test/ride/v1/methodology.toml" in str(refusal) or code == "seal_broken"
    assert str(refusal).rstrip().endswith((".", "?"))


def test_every_refusal_of_a_folder_is_collected(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        ('unit = "person"', 'unit = "people"'),
        ('value = "46.7"', 'value = "?"'),
        ("issued_on = 2024-01-01", 'issued_on = "2024-13-01"'),
        readme=None,
    )

    _, refusals = examine(folder)

    assert {refusal.code for refusal in refusals} == {
        "methodology.unit_unknown",
        "methodology.decimal",
        "methodology.date",
        "methodology.file_missing",
    }


@pytest.mark.parametrize("file", ["methodology.toml", "README.md", "examples.toml"])
def test_a_missing_file_is_refused(tmp_path: Path, file: str) -> None:
    folder = write_folder(tmp_path)
    (folder / file).unlink()

    refusal = refused(folder)

    assert refusal.code == "methodology.file_missing"
    assert refusal.facts["file"] == f"methodologies/test/ride/v1/{file}"


@pytest.mark.parametrize("content", [b"code = ", b"\xff\xfe", b"a = 1\na = 2", b"[" * 5000])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write_folder(tmp_path)
    (folder / "methodology.toml").write_bytes(content)

    assert refused(folder).code == "methodology.toml_broken"


def test_a_file_of_a_megabyte_and_more_is_refused_unread(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "methodology.toml").write_bytes(b"#" * 1_000_001)

    assert refused(folder).code == "methodology.toml_broken"


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("expected_mg = 467000", "expected_mg = 467001", "expected 467001 mg, worked out 467000 mg"),
        ('excluded_by = "E1"', "expected_mg = 467000", "worked out excluded by E1"),
        ("distance_m = 10000 }", "distance_m = 0 }", "worked out excluded by A1"),
        ("distance_m = 10000 }", "distance_km = 10 }", "a refusal"),
        ('status = "hand"', 'status = "hand"\non = 2027-01-01', "a refusal"),
        ('status = "hand"', 'status = "hand"\non = 2025-01-01', "worked out 400000 mg"),
    ],
)
def test_an_example_that_does_not_come_out_is_refused(tmp_path: Path, old: str, new: str, part: str) -> None:
    refusal = refused(write_folder(tmp_path, examples=EXAMPLES.replace(old, new, 1)))

    assert refusal.code == "methodology.example_wrong"
    assert part in str(refusal)
    assert "'10 km'" in str(refusal) or "'a scooter'" in str(refusal)


@pytest.mark.parametrize(
    "examples",
    ["", "examples = []", EXAMPLES.replace('source = "clause E1"\n', ""), EXAMPLES + "expected_mg = 1"],
)
def test_examples_without_source_or_with_two_expectations_are_refused(tmp_path: Path, examples: str) -> None:
    assert refused(write_folder(tmp_path, examples=examples)).code == "methodology.schema"


# Divisions, sizes and directions


@pytest.mark.parametrize(
    "formula",
    [
        "distance_m * factor / n",
        "distance_m * factor / (n - 3)",
        "if(n >= 0, distance_m * factor / n, 0)",
        "if(n > 0, 0, distance_m * factor / n)",
        "if(n > 0 or m > 0, distance_m * factor / n, 0)",
        "distance_m * factor / (n * m)",
        "if(1 / n > 0, distance_m * factor, 0)",
        "distance_m * factor / max(n, m)",
        "if(n != 3, distance_m * factor / (n - 3), 0)",
    ],
)
def test_a_divisor_that_may_be_zero_is_refused(tmp_path: Path, formula: str) -> None:
    fields = {**DISTANCE, "n": ("1", 0, 10, None), "m": ("1", 0, 10, None)}

    refusal = refused_formula(tmp_path, formula, fields=fields)

    assert refusal.code == "methodology.division_by_zero"
    assert "steps.avoided.formula" in str(refusal)


@pytest.mark.parametrize(
    "formula",
    [
        "if(n > 0, distance_m * factor / n, 0)",
        "if(n == 0, 0, distance_m * factor / n)",
        "if(n != 0, distance_m * factor / n, 0)",
        "if(not (n <= 0), distance_m * factor / n, 0)",
        "if(n > 0 and m > 0, distance_m * factor / (n * m), 0)",
        "if(n <= 0 or m <= 0, 0, distance_m * factor / (n * m))",
        "if(n > 0 and 1 / n < 1, distance_m * factor, 0)",
        "if(n == 0 or 1 / n < 1, distance_m * factor, 0)",
        "if(n > m, distance_m * factor / (n - m), 0)",
        "if(n < m, distance_m * factor / (n - m), 0)",
        "if(n - m > 0.5, distance_m * factor / (n - m), 0)",
        "distance_m * factor / max(n, 1)",
        "distance_m * factor / (n + 1)",
        "distance_m * factor / (n - 11)",
        "distance_m * factor / if(n > 2, n, 2)",
        "if(0 < n, distance_m * factor / n, 0)",
    ],
)
def test_a_guarded_divisor_is_understood(tmp_path: Path, formula: str) -> None:
    fields = {**DISTANCE, "n": ("1", 0, 10, None), "m": ("1", 0, 10, None)}
    methodology, refusals = examine(write_formula(tmp_path, formula, fields=fields, parameters=FACTOR))

    assert methodology is not None
    assert [refusal.code for refusal in refusals] == ["methodology.file_missing"]  # examples.toml


def test_a_factor_of_zero_in_a_later_period_is_refused_as_a_divisor(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        ('formula = "distance_m * factor"', 'formula = "distance_m * factor * (factor / factor)"'),
        ('value = "40"', 'value = "0"'),
    )

    refusal = refused(folder)

    assert refusal.code == "methodology.division_by_zero"
    assert "from 2025-01-01 on" in str(refusal)


def test_a_result_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    one_more = {"n": ("1", 0, 2**63 // 1000 + 1, None)}

    refusal = refused_formula(tmp_path, "n * factor", fields=one_more, parameters={"factor": ("gCO2e", "1")})

    assert refusal.code == "methodology.result_too_large"


def test_a_result_of_exactly_64_bits_is_accepted(tmp_path: Path) -> None:
    fits = {"n": ("1", -(2**63), 2**63 - 1, None)}

    refusal = refused_formula(
        tmp_path, "n * factor", fields=fits, parameters={"factor": ("mgCO2e", "1")}, nets=True
    )

    assert refusal.code == "methodology.file_missing"  # only the examples are missing


def test_a_number_on_the_way_beyond_38_digits_is_refused(tmp_path: Path) -> None:
    wide = dict.fromkeys(("a", "b", "c"), ("1", 1, 2**62, None))

    refusal = refused_formula(
        tmp_path,
        "min(a * b * c / (a * b + c), 1) * factor",
        fields=wide,
        parameters={"factor": ("gCO2e", "1")},
    )

    assert refusal.code == "methodology.number_too_large"


def test_a_negative_result_beyond_64_bits_is_refused_only_where_it_stands(tmp_path: Path) -> None:
    fields = {"n": ("1", 0, 2**62, None)}
    parameters = {"factor": ("gCO2e", "1")}

    assert refused_formula(tmp_path, "-n * factor", fields=fields, parameters=parameters).code.endswith(
        "missing"
    )
    stands = refused_formula(tmp_path, "-n * factor", fields=fields, parameters=parameters, nets=True)
    assert stands.code == "methodology.result_too_large"


def test_conditions_nested_without_end_are_refused_quickly(tmp_path: Path) -> None:
    formula = "n"
    for _ in range(30):
        formula = f"if({formula}>1,n,2)"

    refusal = refused_formula(
        tmp_path, f"factor*{formula}", fields={"n": ("1", 0, 3, None)}, parameters={"factor": ("gCO2e", "1")}
    )

    assert refusal.code == "methodology.formula_tangled"


def test_a_formula_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    steps = "".join(
        f'[[steps]]\nname = "s{n + 1}"\nformula = "s{n} + min(s{n}, factor * distance_m)"\nunit = "gCO2e"\n'
        'title = { zh = "t", en = "t" }\n'
        for n in range(20)
    )
    folder = write_folder(
        tmp_path,
        ('name = "whole"', 'name = "s0"'),
        ('[[steps]]\nname = "avoided"', steps + '[[steps]]\nname = "avoided"'),
        ("whole / persons", "s20 / persons"),
    )

    assert refused(folder).code == "methodology.number_too_large"


@pytest.mark.parametrize(
    "formula",
    [
        "distance_m * factor",
        "distance_m * factor - other_m * factor",
        "max(0, distance_m * factor - n * fixed)",
        "if(distance_m > other_m, distance_m * factor, 0)",
        "if(distance_m > 0, if(n > 0, distance_m * factor / n, 0), 0)",
        "if(n > 3, distance_m * factor, 2 * distance_m * factor)",
        "min(distance_m, other_m) * factor",
        "-(other_m - distance_m) * factor",
        "if(distance_m >= other_m, 2, 1) * fixed",
        "if(distance_m < other_m, 1, 2) * fixed",
        "if(not (distance_m < other_m) and distance_m > 0, fixed, 0)",
        "fixed - fixed * other_m / (other_m + distance_m + other_m + bit)",
        "n * fixed",
    ],
)
def test_a_cap_on_a_field_with_which_the_result_never_falls_is_accepted(tmp_path: Path, formula: str) -> None:
    assert _capped(tmp_path, formula).code == "methodology.file_missing"


@pytest.mark.parametrize(
    "formula",
    [
        "fixed * n - distance_m * factor",
        "if(distance_m > other_m, 0, distance_m * factor)",
        "if(distance_m == other_m, fixed, 0)",
        "if(distance_m > other_m, distance_m * factor, 2 * distance_m * factor)",
        "distance_m * factor * (n - 5)",
        "fixed * other_m / (distance_m + bit)",
        "distance_m * factor - distance_m * factor * n / 4",
    ],
)
def test_a_cap_on_a_field_with_which_the_result_may_fall_is_refused(tmp_path: Path, formula: str) -> None:
    refusal = _capped(tmp_path, formula)

    assert refusal.code == "methodology.cap_not_safe"
    assert refusal.facts["field"] == "distance_m"


def _capped(root: Path, formula: str) -> Refusal:
    fields = {**DISTANCE, "other_m": ("m", 0, 50_000, 0), "n": ("1", 0, 9, 1)}
    parameters = {**FACTOR, "fixed": ("gCO2e", "5"), "bit": ("m", "1")}
    return refused_formula(root, formula, fields=fields, parameters=parameters, caps={"distance_m": 1000})


# Libraries


def test_a_library_refuses_its_first_broken_folder(tmp_path: Path) -> None:
    write_folder(tmp_path, ("version = 1", "version = 3"))

    with pytest.raises(Refusal) as refused_library:
        load_library(tmp_path / "methodologies")

    assert refused_library.value.code == "methodology.folder_mismatch"


def test_keys_and_paths_are_written_as_people_write_them() -> None:
    assert key_of(["caps", 1, "per"]) == "caps[1].per"
    assert (
        shown_path(Path("/a/b/methodologies/x/y/v1/methodology.toml"))
        == "methodologies/x/y/v1/methodology.toml"
    )
