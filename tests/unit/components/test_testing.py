"""`declare` returns the registrations that the engine would receive, after all transforms."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from mlplatform import DataBucket
from mlplatform.testing import declare

KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"


def bucket(name: str = "weights", **options: Any) -> Any:
    make: Any = DataBucket
    return make(name, {"bucket": {}, "data_key_arn": KEY}, pulumi.ResourceOptions(**options))


def tag(key: str, value: str = "x") -> Any:
    """A transform that adds a tag to buckets, after the existing ones."""

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:s3/bucket:Bucket":
            return None
        order = f"{args.props['tags'].get('order', '')}{key}"
        return pulumi.ResourceTransformResult(
            {**args.props, "tags": {**args.props["tags"], key: value, "order": order}}, args.opts
        )

    return transform


def tags(program: Any) -> Any:
    return declare(program).one(aws.s3.Bucket).inputs["tags"]


def test_a_transform_of_a_component_applies_to_its_children() -> None:
    assert tags(lambda: bucket(transforms=[tag("a")]))["a"] == "x"


def test_a_stack_transform_applies_to_resources_registered_after_it() -> None:
    def program() -> None:
        bucket("before")
        pulumi.runtime.register_resource_transform(tag("a"))
        bucket("after")

    found = {each.name: each.inputs["tags"].get("a") for each in declare(program).of(aws.s3.Bucket)}
    assert found == {"before-bucket": None, "after-bucket": "x"}


def test_own_transforms_run_before_those_of_parents_and_of_the_stack() -> None:
    def program() -> None:
        pulumi.runtime.register_resource_transform(tag("d"))
        outer = pulumi.ComponentResource("test:Outer", "outer", None, pulumi.ResourceOptions(transforms=[tag("c")]))
        inner = pulumi.ComponentResource(
            "test:Inner", "inner", None, pulumi.ResourceOptions(parent=outer, transforms=[tag("b")])
        )
        aws.s3.Bucket("bucket", tags={}, opts=pulumi.ResourceOptions(parent=inner, transforms=[tag("a")]))

    assert tags(program)["order"] == "abcd"


def test_a_transform_does_not_apply_to_the_next_program() -> None:
    def program() -> None:
        pulumi.runtime.register_resource_transform(tag("a"))
        pulumi.runtime.register_stack_transformation(
            lambda args: (
                pulumi.ResourceTransformationResult({**args.props, "force_destroy": True}, args.opts)
                if args.type_ == "aws:s3/bucket:Bucket"
                else None
            )
        )
        bucket()

    changed = declare(program).one(aws.s3.Bucket).inputs
    assert (changed["tags"]["a"], changed["forceDestroy"]) == ("x", True)
    plain = declare(bucket).one(aws.s3.Bucket).inputs
    assert "a" not in plain["tags"]
    assert plain["forceDestroy"] is False


def test_a_transform_changes_options() -> None:
    def careful(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        more = pulumi.ResourceOptions(
            protect=True,
            retain_on_delete=True,
            ignore_changes=["tags"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(update="99m"),
        )
        return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, more))

    def program() -> None:
        other = aws.Provider("other", region="us-east-1")
        bucket(transforms=[careful], provider=other)

    made = declare(program).one(aws.s3.Bucket)
    assert (made.protected, made.retained, made.deletes_first) == (True, True, True)
    assert {*made.ignored} >= {"tags", "versioning"}
    assert made.timeouts == {"update": "99m"}
    assert "::other::" in made.provider


def test_a_transform_that_returns_none_changes_nothing() -> None:
    plain = declare(lambda: bucket(protect=True))
    for answer in (None, "same"):

        def same(args: Any, answer: Any = answer) -> Any:
            return answer and pulumi.ResourceTransformResult(args.props, args.opts)

        assert declare(lambda same=same: bucket(protect=True, transforms=[same])) == plain


def test_a_transform_may_be_asynchronous_and_return_outputs() -> None:
    async def later(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:s3/bucket:Bucket":
            return None
        owner = pulumi.Output.from_input("ml").apply(lambda name: f"team-{name}")
        return pulumi.ResourceTransformResult({**args.props, "tags": {"owner": owner}}, args.opts)

    assert tags(lambda: bucket(transforms=[later])) == {"owner": "team-ml"}


def test_an_error_of_a_transform_ends_the_program() -> None:
    def wrong(_: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("no bucket here")

    with pytest.raises(Exception, match="no bucket here"):
        declare(lambda: bucket(transforms=[wrong]))
    assert declare(bucket)


def test_an_invoke_transform_changes_the_arguments_of_a_lookup() -> None:
    def elsewhere(args: pulumi.InvokeTransformArgs) -> pulumi.InvokeTransformResult:
        return pulumi.InvokeTransformResult({**args.args, "name": "other"}, args.opts)

    def program() -> None:
        pulumi.runtime.register_invoke_transform(elsewhere)
        pulumi.export("role", aws.iam.get_role(name="ml").name)

    plan = declare(program)
    assert plan.exports == {"role": "other"}
    assert plan.asked[0].args == {"name": "other"}
