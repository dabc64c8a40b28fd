"""A pull request on GitHub: https://docs.github.com/en/rest."""

from collections.abc import Callable, Container, Sequence
from typing import Any, Final
from urllib.parse import quote

from mlpctl import ci
from mlpctl.post.api import Answer, Api, ApiError, Need
from mlpctl.post.forge import Comment, Verdict
from mlpctl.post.labels import Label
from mlpctl.text import shorten

VARIABLE: Final = "GITHUB_TOKEN"

_WRITE: Final = "pull-requests: write"
_STATUS_TEXT: Final = 140
"""Maximum length of a status, in characters: https://docs.github.com/en/rest/commits/statuses."""

_STATES: Final = {Verdict.PASSED: "success", Verdict.FAILED: "failure", Verdict.INCOMPLETE: "error"}
_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def api(root: str, token: str) -> Api:
    """The REST API at a URL, e.g. `https://api.github.com`."""
    return Api("GitHub", root, token, VARIABLE, _HEADERS, _explain)


def _explain(answer: Answer, need: Need) -> str | None:
    """Which permission is missing. The end of the sentence; None if the status says enough."""
    permission = f"The job needs `permissions: {need.permission}`"
    if answer.status == 403:
        if "locked" in answer.message.lower():
            return ": the conversation is locked"
        return (
            f". {permission}. Runs for forks and for Dependabot have a token that only reads; docs/pull-requests.md "
            "describes a workflow that posts their reviews"
        )
    if answer.status == 404:
        return f": it does not exist, or the token has no access to it. {permission}"
    return None


class PullRequest:
    """A pull request of a repository `OWNER/NAME`, and its reviewed commit."""

    def __init__(self, api: Api, repository: str, number: int, commit: str) -> None:
        self._api, self._number, self._commit = api, number, commit
        self._repository = f"repos/{quote(repository)}"
        self._issue = f"{self._repository}/issues/{number}"

    def me(self) -> int:
        """The ID of the token's user or app: `GET /user` answers only users, GraphQL's `viewer` answers apps too."""
        need = Need("look up the token's user", "contents: read")
        # The server for Enterprise serves REST below /api/v3 and GraphQL at /api/graphql.
        path = "../graphql" if self._api.root.endswith("/v3/") else "graphql"
        data = self._api.send("POST", path, {"query": "{ viewer { login databaseId } }"}, need=need)
        found = ci.at(data, "data", "viewer", "databaseId")
        if not isinstance(found, int):
            raise ApiError("GitHub does not report the token's user, so its comments cannot be told from others'.")
        return found

    def comments(self) -> list[Comment]:
        """All comments, oldest first."""
        need = Need(f"list the comments of pull request {self._number}", "pull-requests: read")
        return [_comment(each) for each in self._api.pages(f"{self._issue}/comments", need=need)]

    def create(self, body: str) -> str:
        """Create a comment. Returns its URL."""
        need = Need(f"comment on pull request {self._number}", _WRITE)
        data = self._api.send("POST", f"{self._issue}/comments", {"body": body}, need=need, repeatable=False)
        return ci.text_at(data, "html_url")

    def edit(self, comment: int, body: str) -> str:
        """Replace the text of a comment. Returns its URL; empty if the comment does not exist any more."""
        need = Need(f"edit its comment on pull request {self._number}", _WRITE)
        try:
            data = self._api.send("PATCH", self._comment(comment), {"body": body}, need=need)
        except ApiError as error:
            if error.status in (404, 410):
                return ""
            raise
        return ci.text_at(data, "html_url")

    def delete(self, comment: int) -> None:
        """Delete a comment, which may not exist any more."""
        need = Need(f"delete its comment on pull request {self._number}", _WRITE)
        _ignoring(404, lambda: self._api.send("DELETE", self._comment(comment), need=need))

    def labels(self) -> set[str]:
        """The names of its labels."""
        need = Need(f"list the labels of pull request {self._number}", "pull-requests: read")
        return {str(ci.at(each, "name")) for each in self._api.pages(f"{self._issue}/labels", need=need)}

    def add(self, labels: Sequence[Label], exist: Container[str]) -> None:
        """Add labels, which are created in the repository if they do not exist."""
        need = Need("create labels", _WRITE)
        for label in (each for each in labels if each.name not in exist):
            made = {"name": label.name, "color": label.colour, "description": label.description}
            # GitHub answers 422 if the label exists; its colour and description may be the team's own.
            self._ensure(made, need)
        names = {"labels": [label.name for label in labels]}
        self._api.send("POST", f"{self._issue}/labels", names, need=Need("label the pull request", _WRITE))

    def remove(self, label: Label) -> None:
        """Remove a label, which may be removed already."""
        path = f"{self._issue}/labels/{quote(label.name, safe='')}"
        need = Need("remove labels from the pull request", _WRITE)
        _ignoring(404, lambda: self._api.send("DELETE", path, need=need))

    def show(self, verdict: Verdict, name: str, text: str, url: str) -> bool:
        """Set the status of the commit; the latest status of a name counts."""
        body = {"state": _STATES[verdict], "context": name, "description": shorten(text, _STATUS_TEXT)}
        if url:
            body["target_url"] = url
        need = Need("set the status of the commit", "statuses: write")
        self._api.send("POST", f"{self._repository}/statuses/{quote(self._commit)}", body, need=need)
        return True

    def _comment(self, comment: int) -> str:
        return f"{self._repository}/issues/comments/{comment}"

    def _ensure(self, label: dict[str, str], need: Need) -> None:
        _ignoring(422, lambda: self._api.send("POST", f"{self._repository}/labels", label, need=need))


def head(api: Api, repository: str, number: int) -> str:
    """The latest commit of a pull request."""
    need = Need(f"read pull request {number}", "pull-requests: read")
    return ci.text_at(api.send("GET", f"repos/{quote(repository)}/pulls/{number}", need=need), "head", "sha")


def numbers(api: Api, repository: str, owner: str, branch: str, commit: str) -> list[int]:
    """The open pull requests from a branch of an owner's fork whose latest commit is this one."""
    need = Need("look up the pull request of the run", "pull-requests: read")
    path = f"repos/{quote(repository)}/pulls?state=open&head={quote(f'{owner}:{branch}', safe='')}"
    found = [each for each in api.pages(path, need=need) if ci.at(each, "head", "sha") == commit]
    return [number for each in found if isinstance(number := ci.at(each, "number"), int)]


def _comment(data: Any) -> Comment:
    author = ci.at(data, "user", "id")
    return Comment(ci.at(data, "id") or 0, author if isinstance(author, int) else 0, ci.text_at(data, "body"))


def _ignoring(status: int, request: Callable[[], Any]) -> None:
    try:
        request()
    except ApiError as error:
        if error.status != status:
            raise
