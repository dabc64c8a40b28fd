"""Tells keys from names, digests and paths by how random their characters are."""

import itertools
import math
import re
from collections import Counter
from typing import Final

_HEX: Final = re.compile(r"[0-9a-f]{32,512}|[0-9A-F]{32,512}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{32,1024}={0,2}")
_DIGESTS: Final = ("sha256-", "sha384-", "sha512-")


def looks_like_key(text: str) -> bool:
    """Whether a text is at least 32 random hexadecimal or base64 characters.

    A digest is, too: only the name tells them apart. A UUID is not, as the ID of a KMS key is one.
    """
    if _HEX.fullmatch(text):
        return len(set(text)) >= 8
    return _BASE64.fullmatch(text) is not None and looks_random(text)


def looks_random(token: str) -> bool:
    """Whether base64 characters look like a key, by Shannon entropy and changes of the character class.

    A hexadecimal digest, an ID or a UUID does not: it has no letters of both cases. detect-secrets reports texts with
    at least 4.5 of the 6 bits per base64 character (Yelp/detect-secrets, plugins/high_entropy_strings.py). Fewer than
    64 characters cannot reach 6 bits, so the limit here is the same share, 3/4, of what they can reach. Names in camel
    case also reach it. They are distinguished by adjacent characters of different classes (upper case, lower case,
    digit): 62 % in random text (1 - (26² + 26² + 10²) / 62²), at most a third in names; the limit is 42 %, without
    punctuation.
    """
    count = len(token)
    if count < 20 or token.startswith(_DIGESTS):
        return False
    runs = [each for each in re.findall(r"[A-Za-z0-9]+", token) if len(each) >= 6]
    text = "".join(runs)
    if len(text) < 20 or text == text.lower() or text == text.upper() or sum(map(str.isdigit, text)) < 2:
        return False
    changes = sum(_class(one) != _class(other) for run in runs for one, other in itertools.pairwise(run))
    if changes < 0.42 * (len(text) - len(runs)):
        return False
    bits = -sum(each / count * math.log2(each / count) for each in Counter(token).values())
    return bits >= 0.75 * math.log2(min(count, 64))


def _class(letter: str) -> int:
    return 0 if letter.isdigit() else 1 if letter.isupper() else 2
