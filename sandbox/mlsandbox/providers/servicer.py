"""Pulumi's provider protocol over gRPC, for all providers that the sandbox attaches to the engine."""

import threading
from collections.abc import Iterable, Mapping
from concurrent import futures
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from mlsandbox.providers.protocol import (
    UNKNOWN,
    Difference,
    Failure,
    NotReadyError,
    Properties,
    Provider,
    ProviderError,
    Subject,
    compare,
    path_text,
)

MAX_MESSAGE_BYTES: Final = 400 * 1024 * 1024
"""The engine's limit for the size of a message: `pulumi/sdk/go/common/util/rpcutil`."""

_UNKNOWN_ON_THE_WIRE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """The plain values of a message. Whole numbers become `int`."""
    value = _plain(json_format.MessageToDict(struct))
    assert isinstance(value, dict)
    return value


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The message for plain values. Nulls are omitted, as in the SDKs."""
    struct = struct_pb2.Struct()
    struct.update({key: _wire(value) for key, value in properties.items() if value is not None})
    return struct


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == _UNKNOWN_ON_THE_WIRE else value


def _wire(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    return _UNKNOWN_ON_THE_WIRE if value is UNKNOWN else value


def _subject(request: Any) -> Subject:
    return Subject(
        urn=request.urn,
        type=request.type or request.urn.split("::")[2].split("$")[-1],
        name=request.name or request.urn.split("::", 3)[-1],
    )


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates between the engine's messages and a `Provider`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.port = 0
        """The port at which it is served; 0 before."""

        self._engines: dict[str, str] = {}
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._remember_engine(context, request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._remember_engine(context, request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the sandbox's {self._provider.name} provider has no schema; use that of the official plugin",
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        # The engine sends Cancel after every operation. It must not stop the server, which also serves other engines.
        self._provider.cancel(context.peer())
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        news = from_struct(request.news)
        return _checked(news, self._provider.check_config(news))

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        changes = list(compare(from_struct(request.olds), from_struct(request.news)))
        return _diff_response(Difference(changes))

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _reported(context):
            self._provider.configure(context.peer(), from_struct(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _reported(context):
            inputs, failures = self._provider.check(
                context.peer(),
                _subject(request),
                from_struct(request.olds),
                from_struct(request.news),
                request.randomSeed,
            )
        return _checked(inputs, failures)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        old_inputs, news = from_struct(request.old_inputs), from_struct(request.news)
        _keep_ignored(request.ignoreChanges, old_inputs, news)
        with _reported(context):
            difference = self._provider.diff(
                context.peer(), _subject(request), request.id, old_inputs, from_struct(request.olds), news
            )
        return _diff_response(difference)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = from_struct(request.properties)
        with _reported(context):
            id, outputs = self._provider.create(
                context.peer(), _subject(request), inputs, request.preview, request.timeout
            )
        return provider_pb2.CreateResponse(id=id, properties=to_struct(outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _reported(context):
            found = self._provider.read(
                context.peer(),
                _subject(request),
                request.id,
                from_struct(request.inputs),
                from_struct(request.properties),
            )
        if found is None:
            return provider_pb2.ReadResponse()
        id, inputs, outputs = found
        return provider_pb2.ReadResponse(id=id, inputs=to_struct(inputs), properties=to_struct(outputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        old_inputs, news = from_struct(request.old_inputs), from_struct(request.news)
        _keep_ignored(request.ignoreChanges, old_inputs, news)
        with _reported(context):
            outputs = self._provider.update(
                context.peer(),
                _subject(request),
                request.id,
                old_inputs,
                from_struct(request.olds),
                news,
                request.preview,
                request.timeout,
            )
        return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _reported(context):
            self._provider.delete(
                context.peer(),
                _subject(request),
                request.id,
                from_struct(request.old_inputs),
                from_struct(request.properties),
                request.timeout,
            )
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        with _reported(context):
            answer = self._provider.invoke(context.peer(), request.tok, from_struct(request.args), request.preview)
        if isinstance(answer, dict):
            return provider_pb2.InvokeResponse(**{"return": to_struct(answer)})  # type: ignore[arg-type]  # `return` is a keyword, so it can be passed only in this way
        return provider_pb2.InvokeResponse(failures=_failures(answer))

    def say(self, client: str, subject: Subject, message: str, *, warning: bool = False) -> None:
        """Show a message for the resource in the engine's progress display, if the engine is still running.

        A `warning` is also shown in the final output.
        """
        with self._lock:
            address = self._engines.get(client)
        if not address:
            return
        with grpc.insecure_channel(address) as channel:
            try:
                engine_pb2_grpc.EngineStub(channel).Log(
                    engine_pb2.LogRequest(
                        severity=engine_pb2.WARNING if warning else engine_pb2.INFO,
                        message=message,
                        urn=subject.urn,
                        ephemeral=not warning,
                    ),
                    timeout=2,
                )
            except grpc.RpcError:
                with self._lock:
                    self._engines.pop(client, None)

    def _remember_engine(self, context: grpc.ServicerContext, address: str) -> None:
        client = context.peer()
        with self._lock:
            self._engines[client] = address


def serve(provider: Provider, port: int) -> tuple[grpc.Server, Servicer]:
    """Serve `provider` on 127.0.0.1:`port` (0: any free port) until the returned server is stopped."""
    server = grpc.server(
        # As many as the engine's parallel operations on a large machine; a waiting operation occupies its thread.
        futures.ThreadPoolExecutor(max_workers=128, thread_name_prefix=f"{provider.name}-provider"),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    servicer = Servicer(provider)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    servicer.port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, servicer


class _reported:
    """Converts a `ProviderError` to the gRPC status that the engine shows, without a traceback."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotReadyError):
            self._abort_not_ready(error)
        if isinstance(error, ProviderError):
            self._context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def _abort_not_ready(self, error: NotReadyError) -> None:
        # Pulumi's copy of the message type; that of googleapis cannot be loaded in the same process.
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.id,
                properties=to_struct(error.outputs),
                inputs=to_struct(error.inputs),
                reasons=list(error.reasons),
            )
        )
        # gRPC's richer error model sends details in this trailer: https://grpc.io/docs/guides/error/
        self._context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        self._context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _checked(inputs: Properties, failures: Iterable[Failure]) -> Any:
    return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=_failures(failures))


def _failures(failures: Iterable[Failure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures]


def _diff_response(difference: Difference) -> Any:
    detailed = {
        path_text(change.path): provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Value(
                f"{change.kind.value}_REPLACE" if change.replaces else change.kind.value
            ),
            inputDiff=True,
        )
        for change in difference.changes
    }
    changes = provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=changes,
        diffs=sorted({str(change.path[0]) for change in difference.changes if change.path}),
        replaces=sorted(path_text(change.path) for change in difference.changes if change.replaces),
        deleteBeforeReplace=difference.delete_before_replace,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _keep_ignored(ignored: Iterable[str], old_inputs: Properties, news: Properties) -> None:
    """Restore the old values of top-level properties in `ignoreChanges`."""
    for path in ignored:
        if path in old_inputs:
            news[path] = old_inputs[path]
        else:
            news.pop(path, None)
