"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class VerifierConfig(AppConfig):
    name = "tanpuhui.web.verifier"
    label = "web_verifier"
