"""The Django app of this stage."""

from django.apps import AppConfig


class ProgrammeConfig(AppConfig):
    name = "tanpuhui.programme"
    verbose_name = "programme"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
