"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class SharedConfig(AppConfig):
    name = "tanpuhui.web.shared"
    label = "web_shared"
