"""A proxy between an engine and the sandbox's providers. It lets a test act when AWS has created a resource.

Requests are forwarded unchanged. The response to a creation that a test waits for is delayed: the resource exists in
the cloud, but the engine does not know it yet.
"""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2

CREATE = "/pulumirpc.ResourceProvider/Create"
CANCEL = "/pulumirpc.ResourceProvider/Cancel"


@dataclass
class Moment:
    """Right after the creation of a resource, or right before."""

    name: str
    """The resource's logical name."""

    before: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    """Until it is set, the engine waits for the response."""


class Between:
    """A server on a free port for each provider."""

    def __init__(self, aws: int, kubernetes: Path, environment: Mapping[str, str]) -> None:
        """Proxy the provider on the port `aws`, and the plugin `kubernetes`, which is started in `environment`."""
        self.moment: Moment | None = None
        self.held_back: frozenset[str] = frozenset()
        """Logical names of resources that are not created before `moment` is over."""

        self.made: Counter[str] = Counter()
        """How often each resource was created, by logical name."""

        self._making = 0
        self._quiet = threading.Condition()
        # Without the address of an engine, the plugin prints its port and waits for an engine to attach.
        self._plugin = subprocess.Popen([kubernetes], env=environment, stdout=subprocess.PIPE, text=True)
        assert self._plugin.stdout
        ports = {"aws": aws, "kubernetes": int(self._plugin.stdout.readline())}
        self._servers = {package: self._serve(port) for package, port in ports.items()}

    @property
    def variable(self) -> str:
        """The value of `PULUMI_DEBUG_PROVIDERS`."""
        return ",".join(f"{package}:{port}" for package, (_, port) in self._servers.items())

    def wait_until_quiet(self) -> None:
        """Wait until the providers have finished every creation. They continue after their engine was killed."""
        with self._quiet:
            assert self._quiet.wait_for(lambda: self._making == 0, timeout=60)

    def close(self) -> None:
        for server, _ in self._servers.values():
            server.stop(0)
        self._plugin.kill()
        self._plugin.wait()

    def _serve(self, upstream: int) -> tuple[grpc.Server, int]:
        server = grpc.server(ThreadPoolExecutor(64))
        server.add_generic_rpc_handlers((_Forward(upstream, self._on_create),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port

    def _on_create(self, request: bytes, forward: Callable[[], Any]) -> Any:
        create = provider_pb2.CreateRequest.FromString(request)
        moment, name = self.moment, create.urn.rsplit("::", 1)[-1]
        if create.preview or moment is None:
            return forward()
        if name in self.held_back or (name == moment.name and moment.before):
            if name == moment.name:
                moment.reached.set()
            moment.over.wait()
            return b""
        with self._quiet:
            self._making += 1
        try:
            answer = forward()
            self.made[name] += 1
        finally:
            with self._quiet:
                self._making -= 1
                self._quiet.notify_all()
        if name == moment.name:
            moment.reached.set()
            moment.over.wait()
        return answer


class _Forward(grpc.GenericRpcHandler):
    def __init__(self, upstream: int, on_create: Callable[[bytes, Callable[[], Any]], Any]) -> None:
        self._upstream, self._on_create = upstream, on_create
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        method = str(details.method)

        def unary(request: bytes, context: grpc.ServicerContext) -> Any:
            def forward() -> Any:
                call = self._channel(context.peer()).unary_unary(method)
                try:
                    return call(request, metadata=context.invocation_metadata(), wait_for_ready=True)
                except grpc.RpcError as error:
                    context.set_trailing_metadata(error.trailing_metadata() or ())
                    context.abort(error.code(), error.details())

            if method == CANCEL:
                # An engine sends this when it ends. The plugin would then stop waiting for resources for good.
                return b""
            return self._on_create(request, forward) if method == CREATE else forward()

        return grpc.unary_unary_rpc_method_handler(unary)

    def _channel(self, peer: str) -> grpc.Channel:
        """One connection per instance of the provider, because the provider distinguishes instances by connection."""
        with self._lock:
            if peer not in self._channels:
                options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
                self._channels[peer] = grpc.insecure_channel(f"127.0.0.1:{self._upstream}", options)
            return self._channels[peer]
