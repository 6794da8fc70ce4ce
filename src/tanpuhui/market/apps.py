"""The Django app of this stage."""

from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "tanpuhui.market"
    verbose_name = "market"
    #: Nothing of the market is ever edited by the application's role.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = ()

    def ready(self) -> None:
        from tanpuhui.market.trade import Payments, lock_lots_of
        from tanpuhui.money.claimant import register

        register(Payments(), before=lock_lots_of)
