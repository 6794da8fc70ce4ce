"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class OperatorConfig(AppConfig):
    name = "tanpuhui.web.operator"
    label = "web_operator"
