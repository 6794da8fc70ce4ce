"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class ProviderConfig(AppConfig):
    name = "tanpuhui.web.provider"
    label = "web_provider"
