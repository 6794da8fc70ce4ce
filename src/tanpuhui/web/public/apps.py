"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    name = "tanpuhui.web.public"
    label = "web_public"
