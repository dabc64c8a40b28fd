"""Runs policy packs behind a proxy.

A Python policy pack reads the stack's config from its environment when it starts, but the engine sends the config only
to a running pack. Therefore the engine connects to a proxy. The proxy receives the config, and forwards all other calls
to the pack as bytes.
"""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import grpc
from pulumi.runtime.proto import analyzer_pb2

from mlsandbox.providers.servicer import MAX_MESSAGE_BYTES
from mlsandbox.tools.languagehost.processes import Ended, Output, Written

_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]
_WORKERS: Final = 64
_ANSWERS_S: Final = 5.0
_EMPTY: Final = b""
"""A serialized protobuf message without fields."""


class PolicyPackError(Exception):
    """The policy pack cannot respond; the message is written for the user."""


class PolicyPackProxy(grpc.GenericRpcHandler):
    """A gRPC server that the engine uses as the policy pack."""

    def __init__(self) -> None:
        self._stack: Future[analyzer_pb2.AnalyzerStackConfigureRequest | None] = Future()
        self._pack: Future[grpc.Channel] = Future()
        self._server = grpc.server(ThreadPoolExecutor(_WORKERS), handlers=[self], options=_OPTIONS)
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        """Port of the proxy on 127.0.0.1, for the engine."""
        self._server.start()

    def stack(self) -> analyzer_pb2.AnalyzerStackConfigureRequest | None:
        """Wait for the stack that the pack analyzes; None if there is no stack, e.g. when a pack is published.

        Raises `PolicyPackError` after a call of `fail`.
        """
        return self._stack.result()

    def attach(self, port: int) -> None:
        """Forward the engine's calls, including waiting ones, to the pack on `port` of 127.0.0.1."""
        _settle(self._pack, grpc.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS))

    def fail(self, reason: str) -> None:
        """Fail all waiting and later calls with `reason`."""
        for future in (self._stack, self._pack):
            with contextlib.suppress(InvalidStateError):
                future.set_exception(PolicyPackError(reason))

    def stop(self) -> None:
        """Close the connections to the engine and to the pack, after the engine has received its answers."""
        self.fail("the policy pack has ended")
        # Without a grace period gRPC cancels the calls that `fail` is just answering, and the engine loses the reason.
        self._server.stop(_ANSWERS_S).wait()
        if self._pack.exception() is None:
            self._pack.result().close()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """The handler of a method of `pulumirpc.Analyzer`, which forwards bytes."""
        method: str = handler_call_details.method

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            return self._answer(method, request, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    def _answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        name = method.rpartition("/")[2]
        if name in ("Handshake", "Cancel"):
            # Python packs implement neither and would log an error. The host stops the pack when the call ends.
            return _EMPTY
        configures = name == "ConfigureStack"
        _settle(self._stack, analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request) if configures else None)
        try:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._pack.result().unary_unary(method)
            return call(request)
        except PolicyPackError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except grpc.RpcError as error:
            if configures and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return _EMPTY
            # The engine reads the details of a policy's failure from the metadata.
            context.set_trailing_metadata(tuple((item.key, item.value) for item in error.trailing_metadata() or ()))
            context.abort(error.code(), error.details() or "")


def forward(output: Iterator[Output], proxy: PolicyPackProxy, folder: Path) -> Iterator[Output]:
    """Attach the proxy to the port in the first line of the pack's `output`, and yield the rest of the output.

    If the pack in `folder` ends or prints something else first, the proxy fails.
    """
    unread: bytes | None = b""
    for piece in output:
        if unread is None or (isinstance(piece, Written) and piece.stream == "stderr"):
            yield piece
        elif isinstance(piece, Ended):
            proxy.fail(
                f"the policy pack in {folder} ended with exit code {piece.code} before it created its PolicyPack"
            )
            yield piece
        else:
            unread += piece.data
            line, newline, rest = unread.partition(b"\n")
            if not newline:
                continue
            if not line.strip().isdigit():
                proxy.fail(
                    f"the policy pack in {folder} printed {line.decode(errors='replace')!r} before it created its "
                    "PolicyPack; it must not print to standard output before that"
                )
                return
            proxy.attach(int(line))
            unread = None
            if rest:
                yield Written("stdout", rest)


def stack_environment(stack: analyzer_pb2.AnalyzerStackConfigureRequest | None) -> dict[str, str]:
    """The environment variables from which `python -m pulumi.policy` reads the stack."""
    if stack is None:
        return {}
    variables = {
        "PULUMI_ORGANIZATION": stack.organization,
        "PULUMI_PROJECT": stack.project,
        "PULUMI_STACK": stack.stack,
        "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(stack.config)),
    }
    return {name: value for name, value in variables.items() if value}


def _settle(future: Future[Any], value: object) -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_result(value)
