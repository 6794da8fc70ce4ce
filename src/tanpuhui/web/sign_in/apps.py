"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "tanpuhui.web.sign_in"
    label = "web_sign_in"

    def ready(self) -> None:
        """Listen to what allauth tells."""
        from tanpuhui.web.sign_in import events, identity_service, second_factor

        assert all((events, identity_service, second_factor))
