"""The Django app of these pages; they store nothing."""

from django.apps import AppConfig


class SharedConfig(AppConfig):
    name = "tanpuhui.web.shared"
    label = "web_shared"

    def ready(self) -> None:
        """Listen to who signs in: a session begins with that."""
        from tanpuhui.web.shared import session_age

        assert session_age
