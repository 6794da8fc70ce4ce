"""The Django app of this stage."""

from django.apps import AppConfig


class MoneyConfig(AppConfig):
    name = "tanpuhui.money"
    verbose_name = "money"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()

    def ready(self) -> None:
        from tanpuhui.money.claimant import register
        from tanpuhui.money.deposit import Deposits
        from tanpuhui.money.withdraw import Withdrawals

        register(Deposits())
        register(Withdrawals())
