"""Django's settings, derived from `SIMCRATE_*` (see `environment.py`)."""

from __future__ import annotations

from simcrate.portal.environment import read_environment, secret_value

ENVIRONMENT = read_environment()
VAR_DIR = ENVIRONMENT.var_dir

DEBUG = ENVIRONMENT.debug
SECRET_KEY = secret_value(VAR_DIR, "django-key")
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "simcrate.portal.accounts",
    "simcrate.portal.storages",
    "simcrate.portal.simulations",
    "simcrate.portal.deliveries",
]
AUTH_USER_MODEL = "accounts.User"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "db.sqlite3",
        "OPTIONS": {
            # immediate: a transaction that will write waits its turn at its start, not in its middle
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}
