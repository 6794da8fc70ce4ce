"""The Django app of this stage."""

from django.apps import AppConfig


class CloseConfig(AppConfig):
    name = "tanpuhui.close"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read: whoever erases is the owner.
    guarded_tables: tuple[str, ...] = ("close_erasure", "close_erased_file", "close_erased_credit")
