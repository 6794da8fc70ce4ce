"""Django settings, from the environment (:mod:`tanpuhui.project.environment`) and this installation's home.

``TANPUHUI_ENV`` is ``local`` (the command line, the demonstration, a developer's machine) or ``production``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tanpuhui.access.limits import RESIDENT
from tanpuhui.kit.home import home, secret_key
from tanpuhui.project import environment
from tanpuhui.project.database import APP_ROLE, django_database, url

_env = environment.read()
_packages = Path(__file__).resolve().parents[1]

SECRET_KEY = _env.secret or secret_key("django").hex()
DEBUG = False
ALLOWED_HOSTS: list[str] = list(_env.hosts) or ["localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "tanpuhui.project.urls"
WSGI_APPLICATION = "tanpuhui.project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- applications -------------------------------------------------------------------------------------------------

#: The stages and pages of this platform; pages come before the libraries, whose templates they replace.
OUR_APPS = [
    "tanpuhui.access",
    "tanpuhui.consent",
    "tanpuhui.evidence",
    "tanpuhui.ledger",
    "tanpuhui.rights",
    "tanpuhui.transparency",
    "tanpuhui.integrity",
    "tanpuhui.close",
    "tanpuhui.programme",
    "tanpuhui.verification",
    "tanpuhui.registry",
    "tanpuhui.money",
    "tanpuhui.points",
    "tanpuhui.disclosure",
    "tanpuhui.community",
    "tanpuhui.offsetting",
    "tanpuhui.market",
    "tanpuhui.pooling",
    "tanpuhui.federation",
    "tanpuhui.web.shared",
    "tanpuhui.web.sign_in",
    "tanpuhui.web.public",
    "tanpuhui.web.resident",
    "tanpuhui.web.counter",
    "tanpuhui.web.provider",
    "tanpuhui.web.operator",
    "tanpuhui.web.company",
    "tanpuhui.web.merchant",
    "tanpuhui.web.bank",
    "tanpuhui.web.verifier",
    "tanpuhui.console",
]
INSTALLED_APPS = [
    "pgtrigger",
    *OUR_APPS,
    "unfold.apps.BasicAppConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
#: Tables of libraries that the application's role must be able to change; our own are named by their stages.
MUTABLE_TABLES = [
    "django_cache",
    "account_emailaddress",
    "account_emailconfirmation",
    "mfa_authenticator",
    "socialaccount_socialaccount",
    "socialaccount_socialtoken",
]
MIDDLEWARE = [
    "tanpuhui.web.shared.traced.Traced",
    "tanpuhui.web.shared.request_id.RequestId",
    "tanpuhui.web.shared.metrics.Measured",
    # What sets headers is around everything that answers: pages, files, interfaces, errors.
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "tanpuhui.web.shared.headers.Headers",
    "tanpuhui.api.middleware.Problems",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "tanpuhui.web.shared.readable.Readable",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tanpuhui.web.shared.session_age.SessionAge",
    "tanpuhui.web.shared.language.UserLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tanpuhui.web.shared.pace.Pace",
    "tanpuhui.web.shared.refused.Refused",
]
PGTRIGGER_MIGRATIONS = True

# -- database, cache, sessions ------------------------------------------------------------------------------------

_address = url()
#: ``default`` acts as the application's role in everything; ``owner`` is for migrations alone.
DATABASES = {
    "default": django_database(_address, role=APP_ROLE) | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True},
    "owner": django_database(_address) | {"TEST": {"MIRROR": "default"}},
}
#: Who asks for figures of /metrics shows this; without it there is no such page.
METRICS_TOKEN = _env.metrics_token or ""
#: Views open their transactions themselves, where they do something.
ATOMIC_REQUESTS = False
CACHES: dict[str, dict[str, Any]] = {
    #: Shared by all workers: limits on attempts are counted here.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    },
    #: Each worker's own: figures of public pages, and how many forms came from whom, for a minute.
    "worker": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "worker",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}
#: Earlier secrets, with which what was signed before a change is still believed.
SECRET_KEY_FALLBACKS = list(_env.earlier_secrets)
SESSION_ENGINE = "tanpuhui.access.session"
#: At most; the limits of without use and at all are in tanpuhui.access.session, shorter for organisations.
SESSION_COOKIE_AGE = int(RESIDENT.unused.total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True

# -- languages ----------------------------------------------------------------------------------------------------

USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
FORMAT_MODULE_PATH = ["tanpuhui.web.shared.formats"]
LOCALE_PATHS = [str(_packages / "locale")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True

# -- pages --------------------------------------------------------------------------------------------------------

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tanpuhui.web.shared.context.page",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "tanpuhui.web.shared.templatetags.page",
            ],
        },
    }
]
FORM_RENDERER = "tanpuhui.web.shared.forms.Renderer"
STATIC_URL = "/static/"
#: ``tanpuhui serve`` gathers the files here, with their digests in their names, before it starts.
STATIC_ROOT = str(home() / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# -- signing in ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["tanpuhui.access.hasher.Argon2"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = []
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home_of_user"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "tanpuhui.web.sign_in.adapter.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
#: Before somebody changes how they sign in, they have shown who they are within this many seconds.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
#: Answers are the same for addresses that are known and for those that are not.
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 2
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _env.is_production else "http"
#: Per address of the network, and per e-mail address or user: both slow somebody who tries.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "request_login_code": "20/m/ip,3/m/key,10/h/key",
    "confirm_email": "1/10s/key,10/h/key",
    "manage_email": "10/m/user",
    "reauthenticate": "10/m/user",
    # Ours: guessing an identifier at a provider, a code of a group, or a document or letter at a counter.
    "link_identifier": "20/h/ip,5/h/user",
    "join_group": "30/h/ip,10/h/user",
    "open_visit": "120/h/ip,60/h/user",
    "letter": "10/h/ip,60/h/key",
}
MFA_ADAPTER = "tanpuhui.web.sign_in.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
#: A code of an app is good for its half minute alone, and once.
MFA_TOTP_PERIOD, MFA_TOTP_TOLERANCE = 30, 0
MFA_RATE_LIMITS = {"webauthn_login": "10/m/ip"}
MFA_TOTP_ISSUER = "Tanpuhui 碳普惠"
MFA_RECOVERY_CODES_SHOW_ONCE = True
#: A passkey works on http://localhost too, where browsers allow it.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _env.is_production
MFA_FORMS = {
    "add_webauthn": "tanpuhui.web.sign_in.forms.AddPasskey",
    "signup_webauthn": "tanpuhui.web.sign_in.forms.FirstPasskey",
    "edit_webauthn": "tanpuhui.web.sign_in.forms.RenamePasskey",
    "login_webauthn": "tanpuhui.web.sign_in.forms.SignInByPasskey",
    "authenticate_webauthn": "tanpuhui.web.sign_in.forms.ShowPasskey",
    "reauthenticate_webauthn": "tanpuhui.web.sign_in.forms.ShowPasskeyAgain",
}
ALLAUTH_TRUSTED_PROXY_COUNT = _env.behind_proxies
SOCIALACCOUNT_ADAPTER = "tanpuhui.web.sign_in.adapter.IdentityServiceAdapter"
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_QUERY_EMAIL = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "provider_class": "tanpuhui.web.sign_in.identity_service.ServiceProvider",
        "SCOPE": ["openid"],
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [],
    }
}
#: Whom the server itself speaks to over HTTP; nobody else.
OUTBOUND_ORIGINS: tuple[str, ...] = ()
#: Its RSA keys have at least this many bits; elliptic ones have enough.
IDENTITY_SERVICE_RSA_BITS = _env.identity_service.rsa_bits if _env.identity_service else 3_072
if _env.identity_service:
    OUTBOUND_ORIGINS = _env.identity_service.origins
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "city",
            "name": _env.identity_service.name,
            "client_id": _env.identity_service.client_id,
            "secret": _env.identity_service.secret,
            # What is signed says who it is; nothing more is asked for.
            "settings": {"server_url": _env.identity_service.issuer, "fetch_userinfo": False},
        }
    ]
#: Signing in without proof, for the demonstration; production refuses to start with it.
DEMO = _env.is_demo
#: Whoever acts for an organisation needs a passkey or an authenticator app.
SECOND_FACTOR_FOR_ORGANISATIONS = not _env.is_demo
#: Residents too, where the city says so (TANPUHUI_SECOND_FACTOR=everyone).
SECOND_FACTOR_FOR_RESIDENTS = _env.second_factor_for_everyone

# -- what is public -----------------------------------------------------------------------------------------------

SECURITY_CONTACT = _env.security_contact
OPEN_DATA_LICENCE = _env.licence

# -- the operator's console ----------------------------------------------------------------------------------------

#: What the server begins when somebody asks for long work; empty where ``tanpuhui work`` runs as a service of its own.
WORK_COMMAND = (
    []
    if _env.has_worker
    else [sys.executable, "-c", "from tanpuhui.project.command import run; run()", "work", "--until-empty"]
)

# -- messages to banks ---------------------------------------------------------------------------------------------

#: Networks that are not public, to which messages may go all the same; others never.
CALLBACK_NETWORKS = _env.callback_networks

# -- headers ------------------------------------------------------------------------------------------------------

_form_action = ["'self'", *([_env.identity_service.origin] if _env.identity_service else [])]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": _form_action,
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "tanpuhui.web.shared.errors.csrf_failure"
if _env.behind_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if _env.is_production:
    SECURE_SSL_REDIRECT = True
    #: A program that calls without TLS is told so, and not led on: it would not notice what it gives away.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^api/"]
    SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_NAME = "__Host-session"
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_NAME = "__Host-csrf"
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_NAME = "__Host-language"
    LANGUAGE_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [f"https://{host.removeprefix('.')}" for host in _env.hosts]
else:
    SESSION_COOKIE_NAME = "tanpuhui_session"
    CSRF_COOKIE_NAME = "tanpuhui_csrf"
    LANGUAGE_COOKIE_NAME = "tanpuhui_language"

# -- limits of a request ------------------------------------------------------------------------------------------

#: How quickly somebody may send forms, besides the limits of signing in: a user, and an address of the network.
FORMS_A_MINUTE = {"user": 120, "address": 240}
#: Pages take small forms; files are streamed by the interface for providers, which has limits of its own.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
#: Files that pages take, on their way to the disk; larger ones go through the interface for providers.
PAGE_UPLOAD_MAX_SIZE = _env.page_upload_bytes
FILE_UPLOAD_HANDLERS = [
    "tanpuhui.web.shared.upload.Quota",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# -- e-mail -------------------------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = _env.mail.sender
if _env.mail.host:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _env.mail.host, _env.mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _env.mail.user, _env.mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _env.mail.tls, _env.mail.ssl
    EMAIL_TIMEOUT = 10
else:
    EMAIL_BACKEND = "tanpuhui.web.sign_in.outbox.Outbox"

# -- log ----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "tanpuhui.web.shared.log.WithRequestId"}},
    "formatters": {
        "plain": {"()": "tanpuhui.web.shared.log.Plain"},
        "json": {"()": "tanpuhui.web.shared.log.Json"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if _env.is_production else "plain",
            "filters": ["request_id"],
        }
    },
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "tanpuhui": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "allauth": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
