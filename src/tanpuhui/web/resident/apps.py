"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class ResidentConfig(AppConfig):
    name = "tanpuhui.web.resident"
    label = "web_resident"
