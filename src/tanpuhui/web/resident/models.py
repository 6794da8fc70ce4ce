"""What these pages keep: when a user was last here, so that a home page can say what is new."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Visit(models.Model):
    """A user's present visit, and when the one before it ended. One row a user; it changes."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="visit"
    )
    seen_at = models.DateTimeField()
    before_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "web_visit"

    def __str__(self) -> str:
        return f"visit of {self.user_id}"
