"""The Django app of this stage."""

from django.apps import AppConfig


class PointsConfig(AppConfig):
    name = "tanpuhui.points"
    verbose_name = "points"
    #: Nothing of the second book is ever edited by the application's role.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read; functions of the database write them.
    guarded_tables: tuple[str, ...] = (
        "points_stripe",
        "points_use",
        "points_redemption",
        "points_closing",
        "points_outbox",
    )

    def ready(self) -> None:
        from tanpuhui.money.claimant import register
        from tanpuhui.points.budget import Fundings
        from tanpuhui.points.pay import Settlements

        register(Settlements())
        register(Fundings())
