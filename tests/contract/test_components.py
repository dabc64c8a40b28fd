"""Properties of every component."""

import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc
from pydantic.alias_generators import to_camel

import catalogue
import mlplatform
from mlpctl.reference import attributes
from mlplatform.checks import arguments
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.component import PACKAGE, Component
from mlplatform.names import MAX_COMPONENT_NAME
from mlplatform.spec import Spec
from mlplatform.testing import Plan, declare

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

EXPORTS = {name: getattr(mlplatform, name) for name in mlplatform.__all__}
COMPONENTS = [each for each in EXPORTS.values() if isinstance(each, type) and issubclass(each, Component)]
every_component = pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.__name__)


def args_of(component: type[Component]) -> Any:
    return EXPORTS[f"{component.__name__}Args"]


@cache
def plan_of(component: type[Component]) -> Plan:
    """What a component declares with its required arguments."""
    return declare(cases.build(component))


@every_component
def test_it_can_be_created_with_its_required_arguments_and_has_its_token(component: type[Component]) -> None:
    plan = plan_of(component)
    assert [each.type for each in plan if each.name == "example" and not each.parent] == [
        f"{PACKAGE}:index:{component.__name__}"
    ]
    assert any(each.custom for each in plan)


@every_component
def test_its_constructor_takes_name_args_and_options(component: type[Component]) -> None:
    assert [*inspect.signature(component).parameters] == ["name", "args", "opts"]


@every_component
def test_every_child_has_it_as_parent_and_its_name_as_prefix(component: type[Component]) -> None:
    children = [each for each in plan_of(component) if each.custom]
    assert {each.parent for each in children} == {"example"}
    assert [each.name for each in children if not each.name.startswith("example-")] == []


@every_component
def test_names_of_children_are_lower_kebab(component: type[Component]) -> None:
    names = [each.name for each in plan_of(component)]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


@every_component
def test_two_components_of_a_type_do_not_collide(component: type[Component]) -> None:
    def program() -> None:
        cases.build(component, "one")()
        cases.build(component, "two")()

    urns = [each.urn for each in declare(program)]
    assert len({*urns}) == len(urns)


@every_component
def test_every_taggable_child_has_the_tags_the_stack_and_its_name(component: type[Component]) -> None:
    if "tags" not in args_of(component).__annotations__:
        assert all(not each.type.startswith("aws:") for each in plan_of(component))
        return
    plan = declare(cases.build(component, tags={"owner": "ml-team"}))
    taggable = [each for each in plan if each.custom and _takes_tags(each.type)]
    assert taggable
    for each in taggable:
        assert (
            each.inputs.get("tags", {}).items()
            >= {
                "owner": "ml-team",
                "Name": each.name,
                "mlplatform:name": each.name,
                "mlplatform:stack": "mlplatform/test",
            }.items()
        ), each.name


WITH_OWN_BOUNDARIES = {mlplatform.DeployIdentity}
"""Components whose roles are limited by boundaries of their own, which the caller must not replace."""


@every_component
def test_every_role_has_the_caller_s_boundary(component: type[Component]) -> None:
    if "permissions_boundary_arn" not in args_of(component).__annotations__:
        made = plan_of(component).of(aws.iam.Role)
        assert all(role.inputs["permissionsBoundary"] for role in made)
        assert bool(made) == (component in WITH_OWN_BOUNDARIES)
        return
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    roles = declare(cases.build(component, permissions_boundary_arn=boundary)).of(aws.iam.Role)
    assert {role.inputs.get("permissionsBoundary") for role in roles} <= {boundary}


@every_component
def test_every_kubernetes_object_has_the_stack_and_its_name(component: type[Component]) -> None:
    for each in plan_of(component):
        if each.type.startswith("kubernetes:"):
            assert each.inputs["metadata"]["annotations"] == {
                "mlplatform.io/name": each.name,
                "mlplatform.io/stack": "mlplatform/test",
            }, each.name


@every_component
def test_plain_camel_case_values_declare_the_same_plan_as_the_spec(component: type[Component]) -> None:
    """Values from another language or a stack file have the same result as those from Python."""
    documented = attributes(args_of(component))
    specs = {arg: EXPORTS[each.type] for arg, each in documented.items() if each.type in EXPORTS}
    models = {arg: model.model_validate(cases.CASES[component][arg]) for arg, model in specs.items()}
    plain = {arg: model.model_dump(mode="json", by_alias=True) for arg, model in models.items()}
    assert plain
    assert declare(cases.build(component, **models)) == declare(cases.build(component, **plain))


@every_component
def test_another_language_declares_the_same_plan(component: type[Component]) -> None:
    """The host declares the same for camelCase JSON as Python does."""
    documented = attributes(args_of(component))
    given = {
        arg: EXPORTS[documented[arg].type].model_validate(value) if documented[arg].type in EXPORTS else value
        for arg, value in cases.CASES[component].items()
    }
    sent = {
        to_camel(arg): value.model_dump(mode="json", by_alias=True) if isinstance(value, Spec) else value
        for arg, value in given.items()
    }
    assert declare(host_makes(component, sent)) == declare(cases.build(component, **given))


@every_component
def test_another_language_can_pass_only_required_arguments_and_reads_every_output(component: type[Component]) -> None:
    make = host_makes(component, {to_camel(arg): value for arg, value in cases.CASES[component].items()})
    state: dict[str, Any] = {}
    plan = declare(lambda: state.update(make().state))
    assert plan == plan_of(component)
    schema = catalogue.schema()["resources"][f"{PACKAGE}:index:{component.__name__}"]
    assert {*state} == {*schema["properties"]}


@every_component
def test_each_missing_none_or_misspelled_argument_is_rejected_by_name(component: type[Component]) -> None:
    case, made = cases.CASES[component], args_of(component)
    make: Any = component
    for name in made.__annotations__:
        without = {key: value for key, value in case.items() if key != name}
        assert refused(component, {**without, f"{name}x": "x"})[f"{name}x"] == f"is unknown; did you mean `{name}`?"
        if name in made.__required_keys__:
            assert refused(component, without) == {name: "is missing"}
            assert refused(component, {**case, name: None}) == {name: "is missing"}
        else:
            assert declare(partial(make, "example", {**case, name: None})) == plan_of(component), (
                f"None is the same as no {name}"
            )


@every_component
def test_a_name_that_aws_or_kubernetes_rejects_is_rejected_by_the_component(component: type[Component]) -> None:
    for name in ("Llama-3.1", "Model_Weights", "x" * (MAX_COMPONENT_NAME + 1), "", "a-", "1a", "name\n"):
        with pytest.raises(ArgumentsError, match=rf"at most {MAX_COMPONENT_NAME} characters"):
            declare(cases.build(component, name))


ODD: tuple[Any, ...] = (
    *(5, -1, 1.5, float("nan"), True, "", " ", "x", b"x", "\0", [], [None], ["x", 5], [[]], {}, {"x": None}, {5: 1}),
    *({"x": {"y": 5}}, {"x": object()}, set(), (), object(), lambda: None, str, Path(), {None: 1}, [{1: 2}]),
    *(
        mlplatform.DataBucketSpec(),
        mlplatform.DataBucketSpec,
        mlplatform.KeyRingSpec(),
        pulumi.ResourceOptions(),
        ValueError("x"),
    ),
)
"""Values that no argument accepts, or that callers pass by mistake."""


@every_component
def test_a_call_that_does_not_fit_the_constructor_is_rejected_with_its_signature(component: type[Component]) -> None:
    make, args = cases.CASES[component], component.__name__
    wrong: Any = component
    for call in (
        lambda: wrong(),
        lambda: wrong(None),
        lambda: wrong("example"),
        lambda: wrong("example", **make),
        lambda: wrong("example", make, None, None),
        lambda: wrong("example", make, options=None),
        lambda: wrong(args=make),
    ):
        with pytest.raises(ArgumentsError, match=rf"^{args}.* can't be created:\n  the call is invalid \(") as error:
            declare(call)
        assert str(error.value).endswith(f"allowed: {args}(name, args, opts)")


@every_component
def test_invalid_names_arguments_and_options_are_rejected(component: type[Component]) -> None:
    wrong, case = cast(Any, component), cases.CASES[component]
    for name in (None, 5, b"example", [], object(), component):
        with pytest.raises(ArgumentsError, match=rf"^{component.__name__} can't be created:\n  name is "):
            declare(lambda name=name: wrong(name, case))
    for args in (None, 5, "x", [], [("region", "x")], object(), mlplatform.DataBucketSpec(), pulumi.ResourceOptions()):
        with pytest.raises(ArgumentsError, match=r"^\w+ example can't be created:\n  args is of type \w+; allowed: "):
            declare(lambda args=args: wrong("example", args))
    for opts in (5, "x", [], {"protect": True}, object(), pulumi.InvokeOptions(), pulumi.ResourceOptions):
        with pytest.raises(ArgumentsError, match=r"^\w+ example can't be created:\n  opts is .*; allowed: pulumi\.Res"):
            declare(lambda opts=opts: wrong("example", case, opts))


@every_component
@pytest.mark.engine  # seconds: every argument of every component with thirty values
def test_no_argument_causes_a_python_error(component: type[Component]) -> None:
    """Each value is accepted, or rejected with the argument's name."""
    make: Any = component
    for argument in args_of(component).__annotations__:
        for odd in ODD:
            try:
                declare(partial(make, "example", {**cases.CASES[component], argument: odd}))
            except ArgumentsError as error:
                paths = {each.path.split(".")[0].split("[")[0] for each in error.problems}
                assert argument in paths or paths <= {"partition", "region", "image"}, (argument, odd, error)


@every_component
def test_tags_may_be_outputs(component: type[Component]) -> None:
    if "tags" not in args_of(component).__annotations__:
        return
    plain = declare(cases.build(component, tags={"commit": "abc"}))
    assert declare(lambda: cases.build(component, tags={"commit": pulumi.Output.from_input("abc")})()) == plain

    def whole() -> None:
        cases.build(component, tags=pulumi.Output.from_input({"commit": "abc"}))()

    if component in (mlplatform.EksCluster, mlplatform.GpuNodePool):
        with pytest.raises(ArgumentsError, match="tags is an output; allowed: a mapping, whose values may be outputs"):
            declare(whole)
    else:
        assert declare(whole) == plain


@every_component
def test_every_declared_output_is_registered(component: type[Component]) -> None:
    declared = {name for name in inspect.get_annotations(component) if not name.startswith("_")}
    assert declared
    assert {*plan_of(component).outputs["example"]} == declared


@every_component
def test_every_arg_and_output_is_documented(component: type[Component]) -> None:
    for kind in (component, args_of(component)):
        fields = {name for name in inspect.get_annotations(kind) if not name.startswith("_")}
        assert fields == {*attributes(kind)}, kind.__name__


def test_an_argument_that_differs_from_the_shared_one_has_its_own_text() -> None:
    assert "start later" in attributes(mlplatform.GpuNodePoolArgs)["tags"].docs
    assert "a boundary that the component creates" in (
        attributes(mlplatform.WorkloadIdentityArgs)["permissions_boundary_arn"].docs
    )


@every_component
def test_an_output_without_a_value_is_rejected_by_its_argument_s_name(component: type[Component]) -> None:
    """An output that another stack does not export is None. A key or a boundary must not be silently omitted."""
    make: Any = component
    flowing = [name for name, hint in args_of(component).__annotations__.items() if arguments.flows(hint)]
    assert flowing
    for name in flowing:

        def program(name: str = name) -> None:
            make("example", {**cases.CASES[component], name: pulumi.Output.from_input(None)})

        with pytest.raises(ArgumentsError, match=rf"\n  {name} is an output without a value"):
            declare(program)


@every_component
def test_if_the_caller_retains_it_all_children_are_retained(component: type[Component]) -> None:
    plan = declare(lambda: component("example", cases.CASES[component], pulumi.ResourceOptions(retain_on_delete=True)))
    assert [each.name for each in plan if not each.retained] == []


def test_the_caller_s_retention_overrides_the_spec() -> None:
    args = {**cases.CASES[mlplatform.DataBucket], "bucket": {"retain": False}}
    plan = declare(lambda: mlplatform.DataBucket("example", args, pulumi.ResourceOptions(retain_on_delete=True)))
    assert plan.one(aws.s3.Bucket).retained


def test_a_child_leaves_retention_unset_so_that_it_inherits_the_parent_s() -> None:
    component = mlplatform.DataBucket.__new__(mlplatform.DataBucket)
    declare(lambda: component.__init__("example", {**cases.CASES[mlplatform.DataBucket], "bucket": {"retain": False}}))
    assert component.child(retain_on_delete=False).retain_on_delete is None


@every_component
def test_if_the_caller_protects_it_all_children_are_protected(component: type[Component]) -> None:
    plan = declare(lambda: component("example", cases.CASES[component], pulumi.ResourceOptions(protect=True)))
    assert [each.name for each in plan if not each.protected] == []


PROTECTED: Mapping[type[Component], set[str]] = {
    mlplatform.KeyRing: {"Key", "Alias"},
    mlplatform.Network: {"Eip", "LogGroup"},
    mlplatform.DataBucket: {
        *("Bucket", "BucketPublicAccessBlock", "BucketOwnershipControls", "BucketServerSideEncryptionConfiguration"),
        *("BucketVersioning", "BucketLifecycleConfiguration", "BucketPolicy"),
    },
    mlplatform.StateBackend: {
        *("Key", "Alias", "Bucket", "BucketPublicAccessBlock", "BucketOwnershipControls", "BucketVersioning"),
        *("BucketServerSideEncryptionConfiguration", "BucketLifecycleConfiguration", "BucketObjectLockConfiguration"),
        "BucketPolicy",
    },
    mlplatform.SharedFilesystem: {"FileSystem", "FileSystemPolicy", "BackupPolicy"},
    mlplatform.EksCluster: {"Cluster", "LogGroup", "NodeGroup"},
    mlplatform.GpuNodePool: {"NodeGroup"},
    mlplatform.ImageRegistry: {"Repository"},
    mlplatform.InferenceService: {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
    mlplatform.WorkloadIdentity: set(),
    mlplatform.DeployIdentity: set(),
    mlplatform.PrivateRunner: {"LogGroup"},
    mlplatform.ClusterGuardrails: set(),
    mlplatform.TeamWorkspace: set(),
}
"""Types of children that cannot be recreated, or only slowly."""


@every_component
def test_protect_protects_the_children_that_cannot_be_recreated(component: type[Component]) -> None:
    def protected(**more: Any) -> set[str]:
        return {each.type.rsplit(":", 1)[-1] for each in declare(cases.build(component, **more)) if each.protected}

    assert protected() == set()
    if not PROTECTED[component]:
        assert "protect" not in args_of(component).__annotations__
        return
    assert protected(protect=False) == set()
    assert protected(protect=True) == PROTECTED[component]


def test_other_options_of_the_caller_apply_only_to_the_component() -> None:
    """To apply them to a child, use a transform, as described in docs/reuse.md."""

    def program() -> None:
        args = cases.CASES[mlplatform.KeyRing]
        mlplatform.KeyRing("example", args, pulumi.ResourceOptions(ignore_changes=["nothing"]))

    assert [each.name for each in declare(program) if each.custom and each.ignored] == []


def refused(component: type[Component], args: Mapping[str, Any]) -> dict[str, str]:
    """The problems that a component reports for arguments."""
    make: Any = component
    with pytest.raises(ArgumentsError) as error:
        declare(lambda: make("example", args))
    return {each.path: each.reason for each in error.value.problems}


def host_makes(component: type[Component], inputs: Mapping[str, Any]) -> Callable[[], Any]:
    """A program in which the host creates a component from JSON. As with the engine, every number is a float."""
    message = json_format.ParseDict(inputs, struct_pb2.Struct())
    return lambda: catalogue.provider().construct(
        "example", f"{PACKAGE}:index:{component.__name__}", rpc.deserialize_properties(message, keep_unknowns=True)
    )


def _takes_tags(token: str) -> bool:
    import pulumi_aws

    module, _, kind = token.removeprefix("aws:").partition(":")
    if not token.startswith("aws:"):
        return False
    sdk = getattr(getattr(pulumi_aws, module.split("/")[0]), kind)
    return "tags" in inspect.signature(sdk._internal_init).parameters
