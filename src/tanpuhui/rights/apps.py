"""The Django app of this stage."""

from django.apps import AppConfig


class RightsConfig(AppConfig):
    name = "tanpuhui.rights"
    #: Triggers see to it that a letter and a visit change once: when they end.
    mutable_tables: tuple[str, ...] = ("vault.letter", "rights_visit")
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
