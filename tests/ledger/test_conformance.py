"""Both stores do what any store must: ours, and the rules written down in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.conformance import Conformance, Store, Trial
from ledger.postgres_store import PostgresTrial
from ledger.reference_store import ReferenceStore, ReferenceTrial


@pytest.fixture()
def oracle() -> Store:
    return ReferenceStore()


@pytest.fixture(scope="module")
def reference() -> Trial:
    return ReferenceTrial()


@pytest.fixture(scope="module")
def postgres(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trial]:
    """Ours; what its cases commit is gone afterwards."""
    from django.db import connection

    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("TANPUHUI_HOME", str(tmp_path_factory.mktemp("home")))
        trial = PostgresTrial()
        yield trial
        trial.on.close()
        connection.ops.execute_sql_flush([])
        connection.close()


class TestReference(Conformance):
    """The oracle itself."""

    @pytest.fixture()
    def trial(self, reference: Trial) -> Trial:
        return reference


@pytest.mark.django_db
class TestPostgres(Conformance):
    """The store that installations have. The verbs commit; seals are on Django's connection, and rolled back."""

    @pytest.fixture()
    def trial(self, postgres: Trial) -> Trial:
        return postgres
