"""Decodes base64, also with gzip."""

import base64
import binascii
import re
import zlib
from typing import Final

UNZIPPED_BYTES: Final = 4 * 1024 * 1024
"""Maximum size of decompressed data; user data has at most 16 KiB before base64."""

ENCODED: Final = re.compile(
    r"(?P<public>-----BEGIN (?![A-Z0-9 ]{0,40}PRIVATE)[A-Z0-9 ]{1,60}-----[^-]*-----END)"
    r"|(?:[A-Za-z0-9+/]{40,128}\r?\n[ \t]{0,16})+[A-Za-z0-9+/]{1,128}={0,2}|[A-Za-z0-9+/_-]{16,}={0,2}"
)
"""A public key or certificate, base64 on several lines, base64 on one."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def decoded(token: str) -> str | None:
    """The decoded text; None if it is not base64 of a text."""
    letters = "".join(token.split()).rstrip("=")
    if len(letters) < 8 or len(letters) % 4 == 1:
        return None
    padded = letters + "=" * (-len(letters) % 4)
    try:
        raw = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(wbits=31).decompress(raw, UNZIPPED_BYTES)
        except zlib.error:
            return None
    coding = "utf-16-le" if len(raw) > 3 and len(raw) % 2 == 0 and not any(raw[1:16:2]) else "utf-8"
    try:
        text = raw.decode(coding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text
