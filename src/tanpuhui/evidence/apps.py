"""The Django app of this stage."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    name = "tanpuhui.evidence"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = (
        "evidence_idrun",
        "evidence_inboxwaiting",
        "evidence_requestcount",
        "evidence_usednonce",
    )
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()
