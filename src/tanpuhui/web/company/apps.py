"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class CompanyConfig(AppConfig):
    name = "tanpuhui.web.company"
    label = "web_company"
