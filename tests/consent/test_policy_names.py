"""Names of parties: one a language on pages; artefacts and notices keep the party's one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tanpuhui.consent.policy import OWN_FILE, PACKAGED, policy


@pytest.mark.parametrize(
    ("language", "name"), [("zh-hans", "演示银行"), ("zh", "演示银行"), ("en", "Demonstration bank")]
)
def test_a_party_has_one_name_a_language_and_its_artefact_name_stays(language: str, name: str) -> None:
    rules = policy()

    assert rules.name_of("bank", language) == name
    assert rules.parties["bank"].as_json()["name"] == "演示银行 Demonstration bank"
    assert "names" not in rules.parties["bank"].as_json()


def test_every_party_of_the_packaged_policy_has_both() -> None:
    rules = policy()

    assert [code for code in rules.parties if set(rules.names[code]) != {"zh", "en"}] == []


def test_a_policy_without_such_names_goes_by_the_one_it_has_and_an_unknown_code_by_itself(
    fresh_home: Path,
) -> None:
    lines = PACKAGED.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith("names ="))
    (fresh_home / OWN_FILE).write_text(kept, encoding="utf-8")

    assert policy().name_of("bank", "en") == "演示银行 Demonstration bank"
    assert policy().name_of("new_app", "en") == "new_app"
