"""Load: a library of methodology folders, every one of them read, built, proven and tried on its examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tanpuhui.kit import home
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.build import Findings, build
from tanpuhui.methodology.evaluate import evaluate
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.methodology.prove import prove
from tanpuhui.methodology.read import read_toml, shown_path, violations
from tanpuhui.methodology.refusals import ExampleWrong, FileMissing, NotInForce, Unknown


@dataclass(frozen=True)
class Library:
    """Methodologies by code and version."""

    methodologies: Mapping[tuple[str, int], Methodology]

    def all(self) -> list[Methodology]:
        """Every version of every methodology, by code and version."""
        return [self.methodologies[key] for key in sorted(self.methodologies)]

    def get(self, code: str, version: int | None = None) -> Methodology:
        """One methodology, the latest version when none is named; refused as ``methodology.unknown``."""
        versions = self.versions(code)
        if version is None:
            return versions[-1]
        for methodology in versions:
            if methodology.version == version:
                return methodology
        known = ", ".join(f"v{methodology.version}" for methodology in versions)
        raise Unknown(wanted=f"{code} v{version}", hint=f"There is {known}.", near=[])

    def in_force(self, code: str, day: date) -> Methodology:
        """The latest version in force on a local day; refused as ``methodology.not_in_force``."""
        versions = self.versions(code)
        for methodology in reversed(versions):
            if methodology.in_force(day):
                return methodology
        periods = "; ".join(f"v{methodology.version} {methodology.validity}" for methodology in versions)
        raise NotInForce(methodology=code, day=day, periods=periods)

    def versions(self, code: str) -> list[Methodology]:
        """The versions of a code, oldest first; refused with near codes when there is none."""
        found = [methodology for methodology in self.all() if methodology.code == code]
        if found:
            return found
        raise unknown(code, {known for known, _ in self.methodologies})


def unknown(code: str, known: set[str]) -> Unknown:
    """The refusal of a code that is not there, with the codes that are near it."""
    near = get_close_matches(code, sorted(known), n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "No code is near it."
    return Unknown(wanted=code, hint=hint, near=near)


def load_library(root: Path | None = None) -> Library:
    """Load every folder of a library (the installation's, without ``root``), or raise the first refusal."""
    found = [load_methodology(folder) for folder in folders(root)]
    return Library({(methodology.code, methodology.version): methodology for methodology in found})


def load_versions(code: str, root: Path | None = None) -> Library:
    """Load the versions of one code only; refused as ``methodology.unknown`` when there is none.

    Another folder that is broken is no reason not to explain this one.
    """
    found = [load_methodology(folder) for folder in folders_of(code, root)]
    return Library({(methodology.code, methodology.version): methodology for methodology in found})


def load_methodology(folder: Path) -> Methodology:
    """Load one folder, or raise the first refusal."""
    methodology, refusals = examine(folder)
    if refusals:
        raise refusals[0]
    assert methodology is not None
    return methodology


def folders(root: Path | None = None) -> list[Path]:
    """The folders ``<jurisdiction>/<code>/v<n>`` of a library, in order."""
    root = home.content("methodologies") if root is None else root
    found = [path for path in root.glob("*/*/v*") if path.is_dir() and path.name[1:].isdecimal()]
    return sorted(found, key=lambda path: (*path.parts[:-1], int(path.name[1:])))


def folders_of(code: str, root: Path | None = None) -> list[Path]:
    """The folders of one code; refused as ``methodology.unknown`` when there is none."""
    every = folders(root)
    wanted = [folder for folder in every if code_of(folder) == code]
    if not wanted:
        raise unknown(code, {code_of(folder) for folder in every})
    return wanted


def code_of(folder: Path) -> str:
    """``<jurisdiction>/<code>``, as the folder says it."""
    return "/".join(folder.parts[-3:-1])


def examine(folder: Path) -> tuple[Methodology | None, list[Refusal]]:
    """Load one folder and collect every refusal; the methodology is there when it could be built at all."""
    folder = folder.absolute()
    findings = Findings()
    methodology = findings.attempt(lambda: _build(folder, findings))
    findings.attempt(lambda: _check_readme(folder))
    examples = findings.attempt(lambda: _read_examples(folder, findings))
    if methodology is not None:
        findings.refusals += prove(methodology)
        if not findings.refusals and examples is not None:
            findings.refusals += _wrong_examples(methodology, examples)
    return methodology, findings.refusals


def _build(folder: Path, findings: Findings) -> Methodology | None:
    path = folder / "methodology.toml"
    raw = read_toml(path)
    found = violations("schema.json", raw, path)
    findings.refusals += found
    return None if found else build(folder, raw, findings)


def _read_examples(folder: Path, findings: Findings) -> list[dict[str, Any]]:
    path = folder / "examples.toml"
    raw = read_toml(path)
    found = violations("examples.schema.json", raw, path)
    findings.refusals += found
    return [] if found else raw["examples"]


def _check_readme(folder: Path) -> None:
    readme = folder / "README.md"
    if not readme.is_file() or not readme.read_text(encoding="utf-8", errors="replace").strip():
        raise FileMissing(file=shown_path(readme))


def _wrong_examples(methodology: Methodology, examples: list[dict[str, Any]]) -> Iterator[Refusal]:
    """Work out every example with the exact evaluator."""
    for example in examples:
        where = f"{shown_path(methodology.folder / 'examples.toml')}: {example['name']!r}"
        try:
            expected, found = _expected(example), _found(methodology, example)
        except (Refusal, ValueError) as error:
            yield ExampleWrong(where=where, expected="a result", found=f"a refusal: {error}")
            continue
        if expected != found:
            yield ExampleWrong(where=where, expected=expected, found=found)


def _expected(example: Mapping[str, Any]) -> str:
    if "excluded_by" in example:
        return f"excluded by {example['excluded_by']}"
    return (
        f"{example['expected_mg']} mg" if "expected_mg" in example else f"{example['expected_points']} points"
    )


def _found(methodology: Methodology, example: Mapping[str, Any]) -> str:
    day = date.fromisoformat(example["on"]) if "on" in example else methodology.valid_from
    explained = evaluate(methodology, example["activity"], day)
    if explained.excluded_by is not None:
        return f"excluded by {explained.excluded_by}"
    return f"{explained.avoided_mg} mg" if explained.points is None else f"{explained.points} points"
