"""The Django app of this stage."""

from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "tanpuhui.community"
    #: Triggers see to it that these rows change once: when they end.
    mutable_tables: tuple[str, ...] = ("community_member", "community_participant", "community_nickname")
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
