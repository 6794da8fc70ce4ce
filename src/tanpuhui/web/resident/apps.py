"""The Django app of these pages; all they keep is when a user was last here."""

from django.apps import AppConfig


class ResidentConfig(AppConfig):
    name = "tanpuhui.web.resident"
    label = "web_resident"
    mutable_tables: tuple[str, ...] = ("web_visit",)
