"""As the other pages write them: 24 hours, and which time it is."""

from __future__ import annotations

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i T"
