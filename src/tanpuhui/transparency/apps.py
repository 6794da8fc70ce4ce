"""The Django app of this stage."""

from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    name = "tanpuhui.transparency"
    verbose_name = "transparency"
    #: What opens a leaf can be destroyed: the log stays whole, and nothing leads from the leaf to the record any more.
    mutable_tables: tuple[str, ...] = ("transparency_opening",)
    guarded_tables: tuple[str, ...] = ()
