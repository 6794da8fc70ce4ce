"""Identity service: of all that it says about somebody, only its opaque subject is ever stored."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db.models.signals import pre_save
from django.dispatch import receiver


@receiver(pre_save, sender=SocialAccount)
def keep_the_subject_alone(instance: SocialAccount, **_: Any) -> None:
    """allauth would keep the whole answer, names and telephone numbers included, and bring it up to date."""
    instance.extra_data = {}
