"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class BankConfig(AppConfig):
    name = "tanpuhui.web.bank"
    label = "web_bank"
