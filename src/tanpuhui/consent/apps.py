"""The Django app of this stage."""

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "tanpuhui.consent"
    #: Residents may be closed, once (a trigger sees to that); every other table is append-only for the role.
    mutable_tables: tuple[str, ...] = ("consent_resident", "consent_restriction", "vault.home_district")
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
