"""The engine's `LanguageRuntime` protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto."""

import contextlib
import os
import subprocess
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from mlsandbox.tools.languagehost import dependencies, program
from mlsandbox.tools.languagehost.interpreter import Interpreter, RuntimeOptionError, RuntimeOptions
from mlsandbox.tools.languagehost.policy import PolicyPackError, PolicyPackProxy, forward, stack_environment
from mlsandbox.tools.languagehost.processes import Ended, Output, ProcessGroup, ProcessGroups, Written

OFFICIAL: Final = "use the official pulumi-language-python: put it on the PATH before this one"
NO_DEBUGGER: Final = f"this language host does not support debuggers; {OFFICIAL}"


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs, plugins and policy packs for the engine."""

    def __init__(self, engine: str) -> None:
        """`engine` is the address of the engine's `Engine` service."""
        self._engine = engine
        self._groups = ProcessGroups()

    def stop(self) -> None:
        """Stop all running programs and plugins."""
        self._groups.stop()

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Store the engine's address. An engine that attaches to a running host sends it only here."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the Pulumi SDK whose protocol this host implements."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """None: the engine would download the packages, even if a provider for them is attached."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        """None, as for packages."""
        return language_pb2.GetRequiredPluginsResponse()

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        """No prompts for `pulumi new`: without options a program uses the host's own interpreter."""
        return language_pb2.RuntimeOptionsResponse()

    def Template(
        self, request: language_pb2.TemplateRequest, context: grpc.ServicerContext
    ) -> language_pb2.TemplateResponse:
        """No changes to a new project."""
        return language_pb2.TemplateResponse()

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter that runs the program."""
        _, interpreter = _runtime(request.info, context)
        try:
            version = dependencies.python_version(interpreter)
        except (OSError, subprocess.SubprocessError) as error:
            _refuse(context, f"{interpreter.executable} does not run: {error}")
        return language_pb2.AboutResponse(executable=str(interpreter.executable), version=version)

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """The packages that are installed for the program's interpreter."""
        _, interpreter = _runtime(request.info, context)
        try:
            packages = dependencies.installed(interpreter, transitive=request.transitiveDependencies)
        except (OSError, subprocess.SubprocessError) as error:
            _refuse(context, f"{interpreter.executable} does not list its packages: {error}")
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in packages.items()]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Install the packages into the virtual environment of the runtime options, if there is one."""
        options = _options(request.info, context)
        folder = Path(request.info.program_directory)
        environment = dict(os.environ)
        if options.virtualenv is not None:
            environment["UV_PROJECT_ENVIRONMENT"] = str(options.virtualenv)
        for command in dependencies.install_commands(options, folder):
            with self._start(command, folder, environment, context, piped=True) as group:
                for piece in group.output():
                    if isinstance(piece, Written):
                        yield language_pb2.InstallDependenciesResponse(
                            stdout=piece.data if piece.stream == "stdout" else b"",
                            stderr=piece.data if piece.stream == "stderr" else b"",
                        )
                    elif piece.code:
                        _refuse(context, f"`{' '.join(command)}` in {folder} ended with exit code {piece.code}")

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run a Pulumi program to its end. It inherits our output, which the engine shows line by line."""
        if request.attach_debugger:
            _refuse(context, NO_DEBUGGER)
        options, interpreter = _runtime(request.info, context)
        environment = interpreter.activate(os.environ) | program.environment(request)
        if options.typechecker is not None:
            folder = Path(request.info.program_directory)
            check = interpreter.command("-m", options.typechecker, str(folder))
            with self._start(check, folder, environment, context) as group:
                if group.wait():
                    return language_pb2.RunResponse(error=f"{options.typechecker} reports errors in {folder}")
        with program.lifeline() as end:
            command = interpreter.command(*program.arguments(request, self._engine, end))
            with self._start(command, Path(request.pwd), environment, context, inherited=(end,)) as group:
                code = group.wait()
                return program.response(code, cancelled=group.stopped)

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a component plugin or a policy pack until it ends, or until the engine ends the call."""
        if request.attach_debugger:
            _refuse(context, NO_DEBUGGER)
        _, interpreter = _runtime(request.info, context)
        environment = interpreter.activate(dict(entry.split("=", 1) for entry in request.env))
        folder = Path(request.info.program_directory)
        if request.kind == "analyzer":
            command = interpreter.command("-u", "-m", "pulumi.policy", *request.args, str(folder))
            yield from self._run_policy_pack(command, folder, environment, context)
            return
        command = interpreter.command(*_plugin(folder, context), *request.args)
        with self._start(command, Path(request.pwd), environment, context, piped=True) as group:
            yield from map(_plugin_response, group.output())

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Stop all processes. The engine calls this when the user interrupts it, and before it stops the host."""
        self._groups.stop()
        return empty_pb2.Empty()

    def GenerateProgram(self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext) -> NoReturn:
        """Not supported: the generator is part of the official language host."""
        _unimplemented(context, "does not generate Python programs")

    def GenerateProject(self, request: language_pb2.GenerateProjectRequest, context: grpc.ServicerContext) -> NoReturn:
        """Not supported: the generator is part of the official language host."""
        _unimplemented(context, "does not generate Python projects")

    def GeneratePackage(self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext) -> NoReturn:
        """Not supported: the generator is part of the official language host."""
        _unimplemented(context, "does not generate Python SDKs")

    def Pack(self, request: language_pb2.PackRequest, context: grpc.ServicerContext) -> NoReturn:
        """Not supported: only generated SDKs are packed."""
        _unimplemented(context, "does not pack Python SDKs")

    def Link(self, request: language_pb2.LinkRequest, context: grpc.ServicerContext) -> NoReturn:
        """Not supported: only generated SDKs are linked."""
        _unimplemented(context, "does not link Python SDKs")

    def _run_policy_pack(
        self, command: list[str], folder: Path, environment: dict[str, str], context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        proxy = PolicyPackProxy()
        try:
            context.add_callback(lambda: proxy.fail("the engine stopped the policy pack"))
            yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
            try:
                environment |= stack_environment(proxy.stack())
            except PolicyPackError:
                return
            with self._start(command, folder, environment, context, piped=True) as group:
                yield from map(_plugin_response, forward(group.output(), proxy, folder))
        finally:
            proxy.stop()

    @contextlib.contextmanager
    def _start(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        context: grpc.ServicerContext,
        *,
        piped: bool = False,
        inherited: Sequence[int] = (),
    ) -> Iterator[ProcessGroup]:
        """Run `command` during the `with` block, until the engine ends the call at the latest."""
        try:
            group = ProcessGroup(command, folder=folder, environment=environment, piped=piped, inherited=inherited)
        except OSError as error:
            _refuse(context, f"{command[0]} does not start in {folder}: {error.strerror}")
        with self._groups.running(group):
            # In a thread: stopping takes a while, and the callback blocks the server's only polling thread.
            if not context.add_callback(threading.Thread(target=group.stop, daemon=True).start):
                group.stop()
            yield group


def _options(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> RuntimeOptions:
    try:
        return RuntimeOptions.parse(dict(info.options), Path(info.root_directory))
    except RuntimeOptionError as error:
        _refuse(context, f"{info.root_directory}: {error}")


def _runtime(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> tuple[RuntimeOptions, Interpreter]:
    options = _options(info, context)
    try:
        return options, options.interpreter()
    except RuntimeOptionError as error:
        _refuse(context, f"{info.root_directory}: {error}")


def _plugin(folder: Path, context: grpc.ServicerContext) -> list[str]:
    """Python's command-line arguments to run the plugin in `folder`: the folder, or the name of its package."""
    if (folder / "__main__.py").is_file():
        return [str(folder)]
    try:
        name = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        _refuse(
            context, f"{folder} is not a plugin: it has neither a __main__.py nor a pyproject.toml with a project name"
        )
    return ["-m", "pulumi.run.plugin", name]


def _plugin_response(piece: Output) -> language_pb2.RunPluginResponse:
    if isinstance(piece, Ended):
        return language_pb2.RunPluginResponse(exitcode=piece.code)
    if piece.stream == "stdout":
        return language_pb2.RunPluginResponse(stdout=piece.data)
    return language_pb2.RunPluginResponse(stderr=piece.data)


def _refuse(context: grpc.ServicerContext, reason: str) -> NoReturn:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
    raise AssertionError("abort raises")


def _unimplemented(context: grpc.ServicerContext, what: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this language host {what}; {OFFICIAL}")
    raise AssertionError("abort raises")
