"""Django settings. The database is put in by :mod:`tanpuhui.project.database` before Django starts."""

from __future__ import annotations

import os

from tanpuhui.kit.home import secret_key
from tanpuhui.project.database import APP_ROLE, django_database, url

SECRET_KEY = secret_key("django").hex()
DEBUG = False
#: The names under which the platform is reached, by comma.
ALLOWED_HOSTS = os.environ.get("TANPUHUI_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "tanpuhui.project.urls"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
LANGUAGE_CODE = "zh-hans"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "pgtrigger",
    "tanpuhui.consent",
    "tanpuhui.evidence",
    "tanpuhui.ledger",
    "tanpuhui.close",
    "tanpuhui.registry",
]
MIDDLEWARE = ["tanpuhui.api.middleware.Problems"]
PGTRIGGER_MIGRATIONS = True

_address = url()
#: ``default`` acts as the application's role in everything; ``owner`` is for migrations alone.
DATABASES = {
    "default": django_database(_address, role=APP_ROLE) | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True},
    "owner": django_database(_address) | {"TEST": {"MIRROR": "default"}},
}
