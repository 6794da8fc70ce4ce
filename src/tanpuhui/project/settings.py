"""Django settings. The database is put in by :mod:`tanpuhui.project.database` before Django starts."""

from __future__ import annotations

from tanpuhui.kit.home import secret_key
from tanpuhui.project.database import APP_ROLE, django_database, url

SECRET_KEY = secret_key("django").hex()
DEBUG = False
ALLOWED_HOSTS: list[str] = []
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
MIDDLEWARE: list[str] = []
PGTRIGGER_MIGRATIONS = True

_address = url()
#: ``default`` acts as the application's role in everything; ``owner`` is for migrations alone.
DATABASES = {
    "default": django_database(_address, role=APP_ROLE),
    "owner": django_database(_address) | {"TEST": {"MIRROR": "default"}},
}
