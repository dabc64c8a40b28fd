"""A server on loopback that answers as GitHub's and GitLab's REST APIs do, and remembers what it is told.

It has one repository, `org/platform`, or project `7`, with one pull request, number 5.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN: Final = "ghs_ThisTokenIsOnlyForTheFakeServer0001"
COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"

BOT: Final = {"id": 41898282, "login": "github-actions[bot]", "type": "Bot"}
SOMEBODY: Final = {"id": 1001, "login": "somebody", "type": "User"}

_SCHEMES: Final = ("Bearer ", "token ")
_PER_PAGE: Final = 30
_LARGEST_PAGE: Final = 100
_LONGEST_COMMENT: Final = 65_536


@dataclass
class Fault:
    """A response that is sent instead of the proper one."""

    method: str
    path: str
    """A regular expression that is searched for in the path."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acted: bool = False
    """Whether the request takes effect nevertheless, as behind a gateway that gives up waiting."""

    times: int = 1


@dataclass
class State:
    """What the server holds."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    """Labels of the pull request."""

    colours: dict[str, str] = field(default_factory=dict)
    """Labels of the repository."""

    statuses: list[dict[str, str]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    me: Mapping[str, Any] = field(default_factory=lambda: BOT)
    before: Callable[[str, str], None] = lambda method, path: None
    """Called before each request, e.g. to change something meanwhile."""

    root: str = ""
    next_id: int = 1

    def comment(self, body: str, author: Mapping[str, Any] = BOT) -> int:
        """Add a comment. Returns its ID."""
        self.next_id += 1
        url = f"https://github.com/org/platform/pull/5#issuecomment-{self.next_id}"
        made = {"id": self.next_id, "body": body, "user": dict(author), "author": dict(author), "html_url": url}
        self.comments.append(made)
        return self.next_id

    def fail(self, method: str, path: str, status: int, body: Any = None, **more: Any) -> None:
        """Send this response to the next matching request instead."""
        self.faults.append(Fault(method, path, status, body, **more))

    def sent(self, method: str, path: str = "") -> int:
        """The number of requests with this method whose path contains a text."""
        return sum(each[0] == method and path in each[1] for each in self.requests)


Answer = tuple[int, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: State

    def log_message(self, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        state, path = self.state, self.path
        given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state.before(self.command, path)
        state.requests.append((self.command, path))
        fault = next((each for each in state.faults if self._is(each)), None)
        if fault:
            fault.times -= 1
            if fault.acted:
                self._proper(given)
            self._send(fault.status, fault.body, fault.headers)
            return
        sent = self.headers.get("Authorization", "")
        if not any(sent == f"{scheme}{TOKEN}" for scheme in _SCHEMES):
            self._send(401, {"message": "Bad credentials"})
            return
        self._send(*self._proper(given))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def _is(self, fault: Fault) -> bool:
        return fault.times > 0 and fault.method == self.command and bool(re.search(fault.path, self.path))

    def _proper(self, given: bytes) -> Answer:
        body = json.loads(given) if given else {}
        path = urlsplit(self.path).path
        for method, pattern, act in ROUTES:
            match = re.fullmatch(pattern, path)
            if method == self.command and match:
                return act(self, body, *map(unquote, match.groups()))
        return 404, {"message": "Not Found"}

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        extra = dict(headers or {})
        if isinstance(body, list) and status == 200:
            query = parse_qs(urlsplit(self.path).query)
            size = min(int(query.get("per_page", [_PER_PAGE])[0]), _LARGEST_PAGE)
            page = int(query.get("page", [1])[0])
            if len(body) > page * size:
                address = f"{self.state.root}{urlsplit(self.path).path}?per_page={size}&page={page + 1}"
                extra["Link"] = f'<{address}>; rel="next", <{address}>; rel="last"'
            body = body[(page - 1) * size : page * size]
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **extra}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    # What both services do

    def _viewer(self, body: Any) -> Answer:
        me = self.state.me
        return 200, {"data": {"viewer": {"login": me["login"], "databaseId": me["id"]}}}

    def _user(self, body: Any) -> Answer:
        return 200, dict(self.state.me)

    def _list(self, body: Any) -> Answer:
        return 200, list(self.state.comments)

    def _create(self, body: Any) -> Answer:
        if len(body["body"]) > _LONGEST_COMMENT:
            return 422, {"message": "Validation Failed", "errors": [{"message": "body is too long"}]}
        made = self.state.comment(body["body"], self.state.me)
        return 201, next(each for each in self.state.comments if each["id"] == made)

    def _edit(self, body: Any, comment: str) -> Answer:
        for each in self.state.comments:
            if each["id"] == int(comment):
                each["body"] = body["body"]
                return 200, each
        return 404, {"message": "Not Found"}

    def _delete(self, body: Any, comment: str) -> Answer:
        left = [each for each in self.state.comments if each["id"] != int(comment)]
        found = len(left) < len(self.state.comments)
        self.state.comments[:] = left
        return (204, None) if found else (404, {"message": "Not Found"})

    # GitHub

    def _labels(self, body: Any) -> Answer:
        return 200, [{"name": name} for name in sorted(self.state.labels)]

    def _new_label(self, body: Any) -> Answer:
        if body["name"] in self.state.colours:
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}]}
        self.state.colours[body["name"]] = body["color"]
        return 201, body

    def _label(self, body: Any) -> Answer:
        self.state.labels.update(body["labels"])
        return self._labels(body)

    def _unlabel(self, body: Any, name: str) -> Answer:
        if name not in self.state.labels:
            return 404, {"message": "Label does not exist"}
        self.state.labels.discard(name)
        return self._labels(body)

    def _status(self, body: Any, commit: str) -> Answer:
        if len(body["description"]) > 140:
            return 422, {"message": "Validation Failed"}
        self.state.statuses.append({**body, "commit": commit})
        return 201, body

    def _pulls(self, body: Any) -> Answer:
        (head,) = parse_qs(urlsplit(self.path).query)["head"]
        return 200, [each for each in self.state.pulls if each["head"]["label"] == head]

    def _pull(self, body: Any) -> Answer:
        return 200, {"number": 5, "head": {"sha": COMMIT}}

    # GitLab

    def _request(self, body: Any) -> Answer:
        return 200, {"iid": 5, "labels": sorted(self.state.labels)}

    def _change(self, body: Any) -> Answer:
        self.state.labels |= {each for each in body.get("add_labels", "").split(",") if each}
        self.state.labels -= set(body.get("remove_labels", "").split(","))
        return self._request(body)

    def _gitlab_label(self, body: Any) -> Answer:
        if body["name"] in self.state.colours:
            return 409, {"message": "Label already exists"}
        self.state.colours[body["name"]] = body["color"]
        return 201, body


_REPOSITORY: Final = "/repos/org/platform"
_ISSUE: Final = f"{_REPOSITORY}/issues/5"
_PROJECT: Final = "/projects/7"
_REQUEST: Final = f"{_PROJECT}/merge_requests/5"

ROUTES: Final[list[tuple[str, str, Callable[..., Answer]]]] = [
    ("POST", "/graphql", _Handler._viewer),
    ("GET", f"{_ISSUE}/comments", _Handler._list),
    ("POST", f"{_ISSUE}/comments", _Handler._create),
    ("PATCH", rf"{_REPOSITORY}/issues/comments/(\d+)", _Handler._edit),
    ("DELETE", rf"{_REPOSITORY}/issues/comments/(\d+)", _Handler._delete),
    ("GET", f"{_ISSUE}/labels", _Handler._labels),
    ("POST", f"{_ISSUE}/labels", _Handler._label),
    ("DELETE", f"{_ISSUE}/labels/([^/]+)", _Handler._unlabel),
    ("POST", f"{_REPOSITORY}/labels", _Handler._new_label),
    ("POST", rf"{_REPOSITORY}/statuses/([0-9a-f]{{40}})", _Handler._status),
    ("GET", f"{_REPOSITORY}/pulls", _Handler._pulls),
    ("GET", f"{_REPOSITORY}/pulls/5", _Handler._pull),
    ("GET", "/user", _Handler._user),
    ("GET", f"{_REQUEST}/notes", _Handler._list),
    ("POST", f"{_REQUEST}/notes", _Handler._create),
    ("PUT", rf"{_REQUEST}/notes/(\d+)", _Handler._edit),
    ("DELETE", rf"{_REQUEST}/notes/(\d+)", _Handler._delete),
    ("GET", _REQUEST, _Handler._request),
    ("PUT", _REQUEST, _Handler._change),
    ("POST", f"{_PROJECT}/labels", _Handler._gitlab_label),
]


@contextmanager
def serving() -> Iterator[State]:
    """The server, on a free port of loopback during the context; what it holds."""
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
