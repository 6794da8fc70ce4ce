"""The Django app of this stage."""

from django.apps import AppConfig


class IntegrityConfig(AppConfig):
    name = "tanpuhui.integrity"
    label = "integrity"
    verbose_name = "integrity"
    #: What a person wrote can be removed with the person; a trigger keeps it from being changed.
    mutable_tables: tuple[str, ...] = ("vault.appeal_words",)
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
