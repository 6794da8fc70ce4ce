"""Compare: what changed from one version to the next, and nothing else."""

from __future__ import annotations

from pathlib import Path

from close.versions import METRO, Edit, metro_v2
from tanpuhui.methodology.compare import compare, compare_texts
from tanpuhui.methodology.load import load_methodology, load_versions


def test_a_changed_factor_a_new_clause_and_another_cap_are_named_and_nothing_else(tmp_path: Path) -> None:
    first = load_versions(METRO).get(METRO, 1)
    folder = metro_v2(
        tmp_path,
        Edit('value = "46.7"', 'value = "40"'),
        Edit("limit_mg = 10000000", "limit_mg = 5000000"),
        Edit("[[steps]]", '[[applicability]]\nid = "A5"\ntext = { zh = "新", en = "New." }\n[[steps]]'),
    )
    (folder / "README.md").write_text(
        (first.folder / "README.md").read_text(encoding="utf-8") + "\nOne line more.\n", encoding="utf-8"
    )

    found = compare(first, load_methodology(folder))

    assert [each.section for each in found] == ["factors", "clauses", "caps"]
    assert found[0].then is not None
    assert found[0].now is not None
    assert found[0].then.startswith("46.7 ")
    assert found[0].now.startswith("40 ")
    assert (found[1].name, found[1].then, found[1].now) == ("A5", None, "New.")
    assert (found[2].then, found[2].now) == ("10000000 mg", "5000000 mg")
    assert "+One line more." in compare_texts(first, load_methodology(folder))


def test_a_version_does_not_differ_from_itself() -> None:
    first = load_versions(METRO).get(METRO, 1)

    assert compare(first, first) == []
    assert compare_texts(first, first) == []
