"""A merge request on GitLab: https://docs.gitlab.com/api/rest/."""

from collections.abc import Container, Sequence
from typing import Any, Final
from urllib.parse import quote

from mlpctl import ci
from mlpctl.post.api import Answer, Api, ApiError, Need
from mlpctl.post.forge import Comment, Verdict
from mlpctl.post.labels import Label

VARIABLE: Final = "GITLAB_TOKEN"

_PERMISSION: Final = "scope `api`, role Developer"


def api(root: str, token: str) -> Api:
    """The REST API at a URL, e.g. `https://gitlab.com/api/v4`."""
    return Api("GitLab", root, token, VARIABLE, {"Accept": "application/json"}, _explain)


def _explain(answer: Answer, need: Need) -> str | None:
    """Which permission is missing. The end of the sentence; None if the status says enough."""
    if answer.status in (403, 404):
        lost = "it does not exist, or the token has no access to it" if answer.status == 404 else "the token may not"
        return f": {lost}. {VARIABLE} has to be a project access token with {need.permission}; CI_JOB_TOKEN cannot"
    return None


class MergeRequest:
    """A merge request of a project, given by its ID or path."""

    def __init__(self, api: Api, project: str, number: int, server: str) -> None:
        self._api, self._number = api, number
        self._project = f"projects/{quote(project, safe='')}"
        self._request = f"{self._project}/merge_requests/{number}"
        self._page = f"{server}/-/merge_requests/{number}" if server else ""

    def me(self) -> int:
        """The ID of the token's user."""
        found = ci.at(self._api.send("GET", "user", need=Need("look up the token's user", _PERMISSION)), "id")
        if not isinstance(found, int):
            raise ApiError("GitLab does not report the token's user, so its notes cannot be told from others'.")
        return found

    def comments(self) -> list[Comment]:
        """All notes, oldest first."""
        need = Need(f"list the notes of merge request {self._number}", _PERMISSION)
        path = f"{self._request}/notes?sort=asc&order_by=created_at"
        return [_note(each) for each in self._api.pages(path, need=need)]

    def create(self, body: str) -> str:
        """Create a note. Returns its URL."""
        need = Need(f"write a note on merge request {self._number}", _PERMISSION)
        data = self._api.send("POST", f"{self._request}/notes", {"body": body}, need=need, repeatable=False)
        return self._url(ci.at(data, "id"))

    def edit(self, comment: int, body: str) -> str:
        """Replace the text of a note. Returns its URL; empty if the note does not exist any more."""
        need = Need(f"edit its note on merge request {self._number}", _PERMISSION)
        try:
            self._api.send("PUT", f"{self._request}/notes/{comment}", {"body": body}, need=need)
        except ApiError as error:
            if error.status == 404:
                return ""
            raise
        return self._url(comment)

    def delete(self, comment: int) -> None:
        """Delete a note, which may not exist any more."""
        need = Need(f"delete its note on merge request {self._number}", _PERMISSION)
        try:
            self._api.send("DELETE", f"{self._request}/notes/{comment}", need=need)
        except ApiError as error:
            if error.status != 404:
                raise

    def labels(self) -> set[str]:
        """The names of its labels."""
        found = self._api.send("GET", self._request, need=Need(f"read merge request {self._number}", _PERMISSION))
        names = ci.at(found, "labels")
        return set(names) if isinstance(names, list) else set()

    def add(self, labels: Sequence[Label], exist: Container[str]) -> None:
        """Add labels, which are created in the project if they do not exist."""
        for label in (each for each in labels if each.name not in exist):
            made = {"name": label.name, "color": f"#{label.colour}", "description": label.description}
            try:
                self._api.send("POST", f"{self._project}/labels", made, need=Need("create labels", _PERMISSION))
            except ApiError as error:
                # It exists; a token that may not create labels may still use those that exist.
                if error.status not in (403, 409):
                    raise
        self._change({"add_labels": ",".join(label.name for label in labels)})

    def remove(self, label: Label) -> None:
        """Remove a label, which may be removed already."""
        self._change({"remove_labels": label.name})

    def show(self, verdict: Verdict, name: str, text: str, url: str) -> bool:
        """Nothing: the job that runs the review is the check of a merge request."""
        return False

    def _change(self, body: dict[str, str]) -> None:
        self._api.send("PUT", self._request, body, need=Need("label the merge request", _PERMISSION))

    def _url(self, note: Any) -> str:
        return f"{self._page}#note_{note}" if self._page else ""


def _note(data: Any) -> Comment:
    author = ci.at(data, "author", "id")
    return Comment(ci.at(data, "id") or 0, author if isinstance(author, int) else 0, ci.text_at(data, "body"))
