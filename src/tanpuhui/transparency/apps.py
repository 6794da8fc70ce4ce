"""The Django app of this stage."""

from django.apps import AppConfig


class TransparencyConfig(AppConfig):
    name = "tanpuhui.transparency"
    verbose_name = "transparency"
    #: What opens a leaf or a credential can be destroyed: the log stays whole, and nothing leads to the record.
    mutable_tables: tuple[str, ...] = ("transparency_opening", "transparency_credential_opening")
    guarded_tables: tuple[str, ...] = ()
