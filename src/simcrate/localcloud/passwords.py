"""Passwords on links: scrypt with a salt of their own.

Parameters as recommended by OWASP's password storage page for 16 MiB: N = 2^14, r = 8, p = 5.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

N, R, P = 1 << 14, 8, 5
SALT_BYTES = 16
KEY_BYTES = 32
MEMORY_BYTES = 32 << 20  # what OpenSSL may use; scrypt needs 128·N·r = 16 MiB


def hash_password(password: str) -> str:
    """A string that `matches_password` takes; some 100 ms of work."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = _derive(password, salt=salt, n=N, r=R, p=P)
    return f"scrypt${N}${R}${P}${_text(salt)}${_text(key)}"


def matches_password(password: str, hashed: str) -> bool:
    """Whether this is the password; some 100 ms of work."""
    _, n, r, p, salt, key = hashed.split("$")
    derived = _derive(password, salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(derived, base64.b64decode(key))


def _derive(password: str, *, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=MEMORY_BYTES, dklen=KEY_BYTES
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
