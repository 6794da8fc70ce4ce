"""The application's role: append-only by default."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection

pytestmark = pytest.mark.django_db


def test_the_application_role_cannot_change_a_table_that_is_not_listed_as_mutable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE tanpuhui_app")

        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("DELETE FROM django_migrations")
