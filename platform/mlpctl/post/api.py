"""A client of GitHub's and GitLab's REST APIs: retries, limits of rate, pages, and errors as sentences."""

import email.utils
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import urllib3

from mlpctl.errors import InputError, UserError
from mlpctl.text import shorten, visible

ATTEMPTS: Final = 6
"""Maximum number of attempts of a request."""

PATIENCE_S: Final = 300.0
"""Maximum time in seconds that all requests of a command wait for retries."""

LIMITED_S: Final = 60.0
"""Pause in seconds after a limit of rate without a time, doubled for each further one, as GitHub asks:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit"""

LONGEST_S: Final = 86_400.0
"""Longest pause in seconds that a response can ask for. Limits of rate end within an hour; a longer pause is a mistake
of a server or a proxy, and may be no date at all."""

_TIMEOUT: Final = urllib3.Timeout(connect=10, read=30)
_PER_PAGE: Final = 100
_MOST_PAGES: Final = 500
_MOST_MOVES: Final = 3
_FAILING: Final = frozenset({500, 502, 503, 504})
_MOVED: Final = frozenset({301, 302, 307, 308})
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NEXT: Final = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


@dataclass(frozen=True)
class Need:
    """What a request does and which permission it needs, for messages."""

    what: str
    """As in *cannot …*: `list the comments`."""

    permission: str
    """`pull-requests: write` on GitHub; a scope and a role on GitLab."""


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    """Without regard to case."""

    data: Any
    """The decoded JSON; None if the body is not JSON."""

    @property
    def message(self) -> str:
        """The server's own message, on one line."""
        found = self.data if isinstance(self.data, Mapping) else {}
        parts = [found.get("message") or found.get("error") or ""]
        errors = found.get("errors")
        for each in errors if isinstance(errors, list) else []:
            parts.append(each.get("message") or each.get("code") or "" if isinstance(each, Mapping) else each)
        texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
        return shorten(visible(": ".join(texts)), 300)


class ApiError(UserError):
    """A request failed; the text is for the user."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status
        """Status of the response; 0 without one."""


class UnsureError(ApiError):
    """A request failed, and the server may or may not have acted on it."""


@dataclass
class Api:
    """A REST API that is called with a token.

    Args:
        service: Its name in messages, e.g. `GitHub`.
        root: Its URL.
        token: The token, which no message contains.
        variable: The environment variable of the token, for messages.
        headers: Headers of every request.
        explain: Sentences for refusals, by status.
        patience_s: How long all requests together wait for retries.
    """

    service: str
    root: str
    token: str = field(repr=False)
    variable: str
    headers: Mapping[str, str]
    explain: Callable[[Answer, Need], str | None]
    patience_s: float = PATIENCE_S
    waited_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.root = f"{self.root.rstrip('/')}/"
        parts = urlsplit(self.root)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.username or parts.password:
            raise InputError(f"The URL of {self.service}'s API has to begin with https:// and a host.")
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise InputError(f"{self.variable} is no token: it contains a space, a line break or another character.")
        self._pool = _pool(parts.scheme, parts.hostname)

    def send(self, method: str, path: str, body: Any = None, *, need: Need, repeatable: bool = True) -> Any:
        """Send a request, again after temporary failures. Returns the decoded response.

        Args:
            method: The HTTP method.
            path: The path below the root, or a complete URL of the same server.
            body: The body, which is sent as JSON.
            need: What it does and needs.
            repeatable: Whether sending it twice has the same effect as once.

        Raises:
            UnsureError: A request that is not repeatable may have had an effect.
            ApiError: The request failed.
        """
        return self._send(method, path, body, need=need, repeatable=repeatable).data

    def pages(self, path: str, *, need: Need) -> Iterator[Any]:
        """Iterate over the entries of a list, over all of its pages.

        Raises:
            ApiError: A request failed.
        """
        url = f"{path}{'&' if '?' in path else '?'}per_page={_PER_PAGE}"
        for _ in range(_MOST_PAGES):
            answer = self._send("GET", url, need=need)
            if not isinstance(answer.data, list):
                raise ApiError(f"{self.service} cannot {need.what}: the response is not a list.")
            yield from answer.data
            match = _NEXT.search(answer.headers.get("Link", ""))
            if match is None:
                return
            url = match[1]

    def _send(self, method: str, path: str, body: Any = None, *, need: Need, repeatable: bool = True) -> Answer:
        url = self._url(path)
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._once(method, url, body)
            if 200 <= answer.status < 300:
                return answer
            limited = is_limited(answer)
            temporary = limited or answer.status in _FAILING or answer.status == 0
            if not temporary:
                break
            if not limited and not repeatable:
                raise UnsureError(self._text(answer, need), answer.status)
            pause_s = self._pause(answer, attempt, limited=limited)
            if attempt == ATTEMPTS or self.waited_s + pause_s > self.patience_s:
                break
            self.waited_s += pause_s
            time.sleep(pause_s)
        raise ApiError(self._text(answer, need), answer.status)

    def _once(self, method: str, url: str, body: Any) -> Answer:
        headers = {**self.headers, "Authorization": f"Bearer {self.token}", "User-Agent": "mlpctl"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        for _ in range(_MOST_MOVES + 1):
            try:
                found = self._pool.request(
                    method, url, body=content, headers=headers, timeout=_TIMEOUT, retries=False, redirect=False
                )
            except urllib3.exceptions.HTTPError as error:
                return Answer(0, {}, {"message": f"{type(error).__name__}: {self._redacted(str(error))}"})
            if found.status not in _MOVED or "Location" not in found.headers:
                break
            url = self._url(found.headers["Location"], url)
        try:
            data = json.loads(found.data) if found.data else None
        except (ValueError, RecursionError):
            data = None
        return Answer(found.status, found.headers, data)

    def _url(self, path: str, base: str = "") -> str:
        """A URL of the same server: no other may receive the token. A path is below the root, or relative to `base`."""
        try:
            url = urljoin(base, path) if base else urljoin(self.root, path.lstrip("/"))
            own, host = urlsplit(url)[:2] == urlsplit(self.root)[:2], urlsplit(url).hostname
        except ValueError:
            raise ApiError(f"{self.service} refers to an address that is no URL.") from None
        if not own:
            raise ApiError(f"{self.service} refers to another server, {host}, which gets no token.")
        return url

    def _pause(self, answer: Answer, attempt: int, *, limited: bool) -> float:
        if (given := _retry_after(answer, time.time())) is not None:
            return given
        if not limited:
            return float(2 ** (attempt - 1))
        reset = answer.headers.get("x-ratelimit-reset") or answer.headers.get("RateLimit-Reset") or ""
        if answer.headers.get("x-ratelimit-remaining", "0") == "0" and reset.isdecimal():
            return min(LONGEST_S, max(1.0, float(reset) - time.time() + 1))
        return LIMITED_S * float(2 ** (attempt - 1))

    def _text(self, answer: Answer, need: Need) -> str:
        said = self._redacted(answer.message)
        reason = f" ({answer.status}{f' {said}' if said else ''})" if answer.status else f" ({said})"
        start = f"{self.service} cannot {need.what}{reason}"
        if is_limited(answer):
            pause_s = self._pause(answer, 1, limited=True)
            time_utc = time.strftime("%H:%M UTC", time.gmtime(time.time() + pause_s))
            when = "tomorrow" if pause_s >= LONGEST_S else f"after {time_utc}"
            return f"{start}: the limit of its rate is exceeded. Run the job again {when}."
        if answer.status in _FAILING or not answer.status:
            return f"{start}: the server failed or could not be reached. Run the job again."
        if answer.status == 401:
            return f"{start}: the token is wrong, expired or revoked. Set {self.variable}."
        return f"{start}{self.explain(answer, need) or ''}."

    def _redacted(self, text: str) -> str:
        return text.replace(self.token, "***") if self.token else text


def is_limited(answer: Answer) -> bool:
    """Whether a response says that too many requests were sent: a primary or a secondary limit."""
    if answer.status == 429:
        return True
    if answer.status != 403:
        return False
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    return spent or "Retry-After" in answer.headers or "rate limit" in answer.message.lower()


def _retry_after(answer: Answer, now: float) -> float | None:
    """The pause in seconds that a response asks for, as seconds or as a date; None without one."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(LONGEST_S, float(text))
    try:
        return min(LONGEST_S, max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now))
    except (TypeError, ValueError, OverflowError):
        return None


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    """Connections to a server, through the proxy of the environment if there is one."""
    proxy = urllib.request.getproxies().get(scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()
