"""The Django app of this stage."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "tanpuhui.access"
    label = "access"
    verbose_name = "access"
    #: Triggers see to it that these rows change only in the one way that their verbs know.
    mutable_tables: tuple[str, ...] = (
        "vault.user",
        "vault.session",
        "access_organisation",
        "access_membership",
        "access_approval",
        "access_api_token",
        "vault.invitation",
    )
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
