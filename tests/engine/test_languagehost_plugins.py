"""Policy packs and component plugins that the engine runs with the sandbox's language host."""

import json
import sys
from pathlib import Path

import pytest

from engine.projects import bin_folder, project

__all__ = ["bin_folder", "project"]  # fixtures

pytestmark = pytest.mark.engine


@pytest.fixture
def pack(project) -> Path:
    project.write("pack/PulumiPolicy.yaml", "{runtime: python, version: 0.1.0}")
    project.write(
        "pack/__main__.py",
        """
        import pulumi
        from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

        names = [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()]
        limit = pulumi.Config("trial").require_int("limit")

        def few(args, report):
            if len(args.resources) > limit:
                report(f"{'/'.join(names)} may have {limit} resources, not {len(args.resources)}")

        PolicyPack("sizes", [StackValidationPolicy("few", "Stacks are small.", few, EnforcementLevel.MANDATORY)])
        """,
    )
    return project.folder / "pack"


def test_a_policy_pack_that_reads_the_stacks_config_blocks_an_update(project, pack):
    project.pulumi("config", "set", "limit", "0")
    done = project.pulumi("up", "--yes", "--policy-pack", str(pack), fails=True)
    assert "organization/trial/dev may have 0 resources, not 1" in done.stdout
    assert "[mandatory]" in done.stdout
    assert project.pulumi("stack", "export").stdout.count('"urn"') == 0

    project.pulumi("config", "set", "limit", "1")
    project.pulumi("up", "--yes", "--policy-pack", str(pack))
    assert project.pulumi("stack", "export").stdout.count('"urn"') == 1


def test_a_policy_pack_that_fails_to_start_is_reported(project, pack):
    (pack / "__main__.py").write_text("import no_such_module\n")
    done = project.pulumi("preview", "--policy-pack", str(pack), fails=True)
    output = done.stdout + done.stderr
    assert f"the policy pack in {pack} ended with exit code 1" in output
    assert "No module named 'no_such_module'" in output


@pytest.fixture
def plugin(project) -> Path:
    project.write("plugin/PulumiPlugin.yaml", "runtime: python")
    project.write(
        "plugin/__main__.py",
        '''
        from typing import TypedDict

        import pulumi
        from pulumi.provider.experimental import component_provider_host

        class GreetingArgs(TypedDict):
            name: pulumi.Input[str]
            """Who is greeted."""

        class Greeting(pulumi.ComponentResource):
            """A greeting."""

            text: pulumi.Output[str]

            def __init__(self, name: str, args: GreetingArgs, opts: pulumi.ResourceOptions | None = None):
                super().__init__("greet:index:Greeting", name, {}, opts)
                self.text = pulumi.Output.concat("hello ", args["name"])
                self.register_outputs({"text": self.text})

        component_provider_host(name="greet", components=[Greeting])
        ''',
    )
    return project.folder / "plugin"


def test_the_schema_of_a_component_plugin_is_available(project, plugin):
    schema = json.loads(project.pulumi("package", "get-schema", str(plugin)).stdout)
    greeting = schema["resources"]["greet:index:Greeting"]
    assert greeting["isComponent"] is True
    assert greeting["inputProperties"] == {"name": {"type": "string", "description": "Who is greeted."}}


def test_a_program_uses_a_component_of_a_plugin(project, plugin):
    project.write(
        "Pulumi.yaml",
        "{name: trial, runtime: python, main: app, plugins: {providers: [{name: greet, path: plugin}]}}",
    )
    project.write(
        "app/__main__.py",
        """
        import pulumi

        class Greeting(pulumi.ComponentResource):
            text: pulumi.Output[str]

            def __init__(self, name, who):
                super().__init__("greet:index:Greeting", name, {"name": who, "text": None}, remote=True)

        pulumi.export("text", Greeting("greeting", "you").text)
        """,
    )
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.outputs()["text"] == "hello you"


def test_pulumi_about_lists_the_python_version_and_packages(project):
    about = json.loads(project.pulumi("about", "--json").stdout)
    assert about["runtime"] == {"language": "python", "executable": sys.executable, "version": sys.version.split()[0]}
    assert "mlplatform" in [package["name"] for package in about["dependencies"]]


def test_sdk_generation_requires_the_official_language_host(project, plugin):
    done = project.pulumi("package", "add", str(plugin), fails=True)
    assert "use the official pulumi-language-python" in done.stdout + done.stderr
