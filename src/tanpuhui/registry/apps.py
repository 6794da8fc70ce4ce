"""The Django app of this stage."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "tanpuhui.registry"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    #: A trigger sees to it that a block changes once: when it closes.
    mutable_tables: tuple[str, ...] = ("registry_block",)
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
