"""EKS on moto's server, with moto's code for routing, parsing and serialization and botocore's model."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from flask import Flask
from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import convert_to_flask_response, get_service_model
from moto.moto_server.werkzeug_app import HTTP_METHODS, BackendRequest

from mlsandbox.endpoint.eks import access, addons, clusters, health, nodegroups, pod_identity, tags, updates
from mlsandbox.endpoint.eks.backend import LOCK, SERVICE, Call, ControlPlane, Operation, eks_backends
from mlsandbox.endpoint.eks.errors import InvalidParameter, NotServed, UnmodelledError
from mlsandbox.endpoint.injection import LATER
from mlsandbox.endpoint.validation import check

OPERATIONS: Mapping[str, Operation] = {
    **clusters.OPERATIONS,
    **nodegroups.OPERATIONS,
    **addons.OPERATIONS,
    **access.OPERATIONS,
    **pod_identity.OPERATIONS,
    **updates.OPERATIONS,
    **tags.OPERATIONS,
}
"""The EKS operations that the sandbox serves, by AWS's names."""


class EksService:
    """Handles the requests that moto's dispatcher routes to EKS."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.changed = threading.Event()
        """Set after every operation that may have changed something, for the node reconciler."""

    def app(self) -> Flask:
        """The WSGI application for moto's dispatcher, which has one per service."""
        app = Flask(SERVICE)
        app.request_class = BackendRequest
        # ARNs in paths contain encoded slashes, and two can be adjacent.
        app.url_map.merge_slashes = False
        # Flask would respond to an exception with an HTML page; the outer server returns an error for AWS's clients.
        app.config["PROPAGATE_EXCEPTIONS"] = True
        view = convert_to_flask_response(self.handle)
        app.add_url_rule("/", endpoint="root", methods=HTTP_METHODS, view_func=view)
        app.add_url_rule("/<path:path>", endpoint="all", methods=HTTP_METHODS, view_func=view)
        return app

    def handle(self, request: Request, url: str, headers: Any) -> TYPE_RESPONSE:
        """Handle an HTTP request."""
        return _Response(self).answer(request, url, headers)


class _Response(BaseResponse):
    def __init__(self, service: EksService) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True
        self._service = service

    def answer(self, request: Request, url: str, headers: Any) -> TYPE_RESPONSE:
        self.setup_class(request, url, headers)
        try:
            result = ActionResult(self._perform())
        except UnmodelledError as problem:
            error_headers = {"Content-Type": "application/json", "x-amzn-ErrorType": problem.code}
            return problem.status, error_headers, json.dumps({"message": problem.message})
        except ServiceException as problem:
            result = ActionResult(problem)
        status, answer_headers, body = self.serialized(result)
        return status, *self._enrich_response(answer_headers, body)

    def _get_action(self) -> str:
        # moto would first search for an `Action` in the query and the body, which EKS's protocol does not have.
        return self._get_action_from_method_and_request_uri(self.normalized_request)

    def _perform(self) -> dict[str, Any]:
        action = self._get_action()
        if action not in OPERATIONS:
            raise NotServed(f"The sandbox does not serve the operation {action or self.path} of EKS.")
        model = get_service_model(SERVICE).operation_model(action)
        request = {name: value for name, value in self.params.items() if value is not None}
        check(model, request, InvalidParameter)
        backend = eks_backends[self.current_account][self.region]
        with LOCK:
            answer = OPERATIONS[action](Call(backend, self._service.control_plane, self.access_key), request)
            if fault := self.normalized_request.environ.get(LATER):
                answer = health.fail(backend, action, answer, fault)
        if model.http["method"] != "GET":
            self._service.changed.set()
        return answer
