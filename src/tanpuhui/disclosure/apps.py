"""The Django app of this stage."""

from django.apps import AppConfig


class DisclosureConfig(AppConfig):
    name = "tanpuhui.disclosure"
    label = "disclosure"
    verbose_name = "disclosure"
    mutable_tables: tuple[str, ...] = ()
    guarded_tables: tuple[str, ...] = ()
