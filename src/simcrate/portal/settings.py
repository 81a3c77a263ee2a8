"""Django's settings, derived from `SIMCRATE_*` (see `environment.py`).

Importing this module reads the environment and `var/secrets`; it writes nothing and makes nothing.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.templatetags.static import static

from simcrate.portal.database import database_entry
from simcrate.portal.environment import read_environment, secret_value
from simcrate.portal.mail import parse_smtp_url

ENVIRONMENT = read_environment()
VAR_DIR = ENVIRONMENT.var_dir

DEBUG = ENVIRONMENT.debug
SECRET_KEY = secret_value(VAR_DIR, "django-key")
ALLOWED_HOSTS = [*ENVIRONMENT.allowed_hosts, urlsplit(ENVIRONMENT.public_url).hostname or ""]
ROOT_URLCONF = "simcrate.portal.urls"
ASGI_APPLICATION = "simcrate.portal.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "simcrate.portal.formats"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",  # before the admin that it themes
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "simcrate.portal",  # before allauth: its templates win
    "allauth",
    "allauth.account",
    "django_htmx",
    "ninja",
    "simcrate.portal.accounts",
    "simcrate.portal.limits",
    "simcrate.portal.storages",
    "simcrate.portal.simulators",
    "simcrate.portal.workers",
    "simcrate.portal.simulations",
    "simcrate.portal.deliveries",
    "simcrate.portal.queue",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "simcrate.portal.static_files.StaticFilesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simcrate.portal.security.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "simcrate.portal.security.page_facts",
            ],
        },
    }
]
DATABASES = {"default": database_entry(ENVIRONMENT.database_url, VAR_DIR)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # it holds rate limits: few would be forgotten early
    }
}

# static files: served by the portal itself, straight from the packages, without a collect step
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 600

# who may do what from where
HTTPS = ENVIRONMENT.public_url.startswith("https://")
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.public_url]
CSRF_FAILURE_VIEW = "simcrate.portal.errors.forbidden_form"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 86400
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = ENVIRONMENT.submission_max_bytes + 2**20  # files, and the form around
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "simulations"
ACCOUNT_ADAPTER = "simcrate.portal.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if ENVIRONMENT.registration == "open" else "optional"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "SimCrate: "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 5

# mail
MAIL_SERVER = parse_smtp_url(ENVIRONMENT.smtp_url) if ENVIRONMENT.smtp_url else None
OUTBOX_DIR = VAR_DIR / "outbox"
if MAIL_SERVER:
    EMAIL_HOST = MAIL_SERVER.host
    EMAIL_PORT = MAIL_SERVER.port
    EMAIL_HOST_USER = MAIL_SERVER.user
    EMAIL_HOST_PASSWORD = MAIL_SERVER.password.reveal()
    EMAIL_USE_SSL = MAIL_SERVER.tls
    EMAIL_USE_TLS = MAIL_SERVER.starttls
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "simcrate.portal.mail.OutboxBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.mail_from

UNFOLD = {
    "SITE_TITLE": "SimCrate",
    "SITE_HEADER": "SimCrate administration",
    "SITE_URL": "/",
    "SITE_SYMBOL": "deployed_code",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _: static("simcrate/crate.svg"),
        }
    ],
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            "50": "240 253 250", "100": "204 251 241", "200": "153 246 228", "300": "94 234 212",
            "400": "45 212 191", "500": "20 184 166", "600": "13 148 136", "700": "15 118 110",
            "800": "17 94 89", "900": "19 78 74", "950": "4 47 46",
        },
    },
}  # fmt: skip

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "simcrate.portal.security.PortalFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "filters": {"joining": {"()": "simcrate.worker.joining.JoiningFilter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["joining"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "httpx": {"level": "WARNING"},  # at INFO it writes URLs, and those can hold capabilities
    },
}
