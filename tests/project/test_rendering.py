"""Migrations that render models once make the same database as Django's own way, by its dump."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db.migrations.state import ProjectState

import prepared
from tanpuhui.project.rendering import rendered_once

MIGRATED = """
import os, subprocess, django
from django.core.management import call_command
from tanpuhui.project import database
from tanpuhui.project.embedded import programs
database.ensure_roles(database.url())
os.environ["DJANGO_SETTINGS_MODULE"] = "tanpuhui.project.settings"
django.setup()
{migrate}
dump = [programs() / "pg_dump", "--schema-only", "--no-owner", "--no-privileges", database.url()]
subprocess.run(dump, check=True)
"""


@pytest.mark.slow
def test_the_schema_is_the_same_to_the_letter(tmp_path: Path) -> None:
    """Ours is what every installation of these tests begins with: ``database.prepare`` made it."""
    tmp_path.chmod(0o711)
    for name in ("usual", "ours"):
        (tmp_path / name).mkdir(mode=0o711)
    prepared.adopt(tmp_path / "ours")

    usual = dump_after('call_command("migrate", database="owner", verbosity=0)', tmp_path / "usual")
    ours = dump_after("assert database.missing_migrations() == 0", tmp_path / "ours")

    assert usual.count("CREATE TRIGGER") > 100
    assert usual == ours


def test_djangos_own_way_is_back_afterwards_also_when_a_migration_fails() -> None:
    before = dict(vars(ProjectState))

    with pytest.raises(ZeroDivisionError), rendered_once():
        assert vars(ProjectState)["add_model"] is not before["add_model"]
        raise ZeroDivisionError

    assert dict(vars(ProjectState)) == before


def dump_after(migrate: str, folder: Path) -> str:
    """The schema of a home's database after its migrations, without the marks that differ by run."""
    given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", MIGRATED.format(migrate=migrate)],
        env=given | {"TANPUHUI_HOME": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)
