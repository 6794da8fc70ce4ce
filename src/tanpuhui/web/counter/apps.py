"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class CounterConfig(AppConfig):
    name = "tanpuhui.web.counter"
    label = "web_counter"
