"""The Django app of this stage."""

from django.apps import AppConfig


class PoolingConfig(AppConfig):
    name = "tanpuhui.pooling"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = ("vault.payee",)
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()

    def ready(self) -> None:
        from tanpuhui.money.claimant import register
        from tanpuhui.pooling.withdraw import Withdrawals

        register(Withdrawals())
