"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class MerchantConfig(AppConfig):
    name = "tanpuhui.web.merchant"
    label = "web_merchant"
