"""Django's settings, derived from `SIMCRATE_*` (see `environment.py`)."""

from __future__ import annotations

from simcrate.portal.environment import read_environment, secret_value

ENVIRONMENT = read_environment()
VAR_DIR = ENVIRONMENT.var_dir

DEBUG = ENVIRONMENT.debug
SECRET_KEY = secret_value(VAR_DIR, "django-key")
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
INSTALLED_APPS: list[str] = []
USE_TZ = True
TIME_ZONE = "UTC"
