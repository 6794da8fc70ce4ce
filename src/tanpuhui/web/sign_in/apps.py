"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "tanpuhui.web.sign_in"
    label = "web_sign_in"
