"""The portal as uvicorn serves it."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from simcrate.portal.body_limit import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simcrate.portal.settings")
_django = get_asgi_application()
application = BodyLimit(
    _django,
    max_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    files_max_bytes=settings.ENVIRONMENT.submission_max_bytes,
)
