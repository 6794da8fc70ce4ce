"""The Django app of the operator's console; it stores jobs alone."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "tanpuhui.console"
    label = "console"
    verbose_name = "console"
    #: A trigger sees to it that a job keeps what it is and ends once.
    mutable_tables: tuple[str, ...] = ("console_job",)
    guarded_tables: tuple[str, ...] = ()
