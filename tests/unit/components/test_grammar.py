"""The syntax of names in AWS and Kubernetes: valid names are accepted, invalid ones rejected with a reason."""

import pytest
from botocore.loaders import Loader

from mlplatform import grammar
from mlplatform.compute.gpu_node_pool.spec import POOL_LABEL, autoscaler_hints


@pytest.mark.parametrize(
    "image",
    [
        "vllm/vllm-openai:v0.11.0",
        "model-server:v1",
        "localhost:5000/a/b:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/ml/prod/serving:v1.2.0-rc.1",
        "public.ecr.aws/a__b/c.d-e:latest-cuda@sha256:" + "0123456789abcdef" * 4,
        "ghcr.io/example/x@sha256:" + "0" * 64,
    ],
)
def test_a_valid_image_reference_is_accepted(image: str) -> None:
    assert grammar.pinned_image(image) == image


@pytest.mark.parametrize(
    "image",
    [
        *(
            "a/b",
            "a/b:latest",
            "a/b@sha256:" + "0" * 63,
            "https://a/b:1",
            "a/B:1",
            "a b:1",
            "a/b:1\n",
            "",
            ":1",
            "a//b:1",
        ),
        *("Vllm/x:v1", "VLLM/vllm-openai:v1"),
        *("a/b:-x", "bob:secret@ghcr.io/x/y:v1", "a/b:" + "x" * 129),
    ],
)
def test_invalid_and_unpinned_images_are_rejected(image: str) -> None:
    with pytest.raises(ValueError, match=r"^allowed: (an image|a name in lower case)"):
        grammar.pinned_image(image)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:role/ml",
        "arn:aws-us-gov:iam::123456789012:user/division/people/Ann",
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
    ],
)
def test_a_principal_may_have_a_path(arn: str) -> None:
    """An access entry requires the path, unlike aws-auth."""
    assert grammar.principal(arn) == arn


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::1234567890\u0661\u0662:role/ml",
        "ml",
    ],
)
def test_other_arns_are_rejected_as_principals(arn: str) -> None:
    with pytest.raises(ValueError, match=r"^allowed: the ARN of an IAM role or user"):
        grammar.principal(arn)


def test_the_message_for_a_session_contains_its_role() -> None:
    with pytest.raises(ValueError, match=r"arn:aws-cn:iam::123456789012:role/Admin if it has no path"):
        grammar.principal("arn:aws-cn:sts::123456789012:assumed-role/Admin/me@example.com")


def test_valid_labels_are_accepted() -> None:
    grammar.node_labels(
        {"team": "ml", "example.com/cost.centre_1": "1", "k8s.example.com/x": "A.b-c_9", "notk8s.io/x": "y"}
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"empty": ""}, 'has "" for "empty"'),
        ({f"k{number}": "" for number in range(grammar.MAX_LABELS + 1)}, "has 41 entries; allowed: at most 40"),
        ({"example.com/" + "x" * 52: "y"}, "at most 63 characters"),
        ({"x": "y" * 64}, "up to 63 letters"),
        ({"x" * 64: "y"}, "up to 63 letters"),
        ({"kubernetes.io/x": ""}, "which EKS rejects"),
        ({"node.k8s.io/x": ""}, "which EKS rejects"),
        ({POOL_LABEL: "other"}, "which the platform reserves"),
    ],
)
def test_labels_that_kubernetes_or_eks_reject_are_rejected(labels: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grammar.node_labels(labels)


def test_the_longest_label_fits_eks_and_the_tags_of_the_scaling_group() -> None:
    from mlplatform import GpuNodePoolSpec
    from mlplatform.compute.gpu_node_pool.spec import gpu_nodes

    longest = Loader().load_service_model("eks", "service-2")["shapes"]["labelKey"]["max"]
    key = "x" * 31 + "/" + "y" * (longest - 32)
    pool = GpuNodePoolSpec.model_validate({"instanceTypes": ["g6.xlarge"], "labels": {key: "z"}})
    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Tag.html
    assert max(map(len, autoscaler_hints(gpu_nodes("pool", pool, {})))) <= 128
    with pytest.raises(ValueError, match=f"at most {longest} characters"):
        grammar.node_labels({key + "y": "z"})


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.0.0.0/255.255.0.0", "the prefix length in bits, 10.0.0.0/16"),
        ("10.0.0.0/0.0.255.255", "the prefix length in bits, 10.0.0.0/16"),
        ("10.0.0.1/16", "10.0.0.0/16, without host bits"),
        ("10.0.0.0", "an address and a prefix length, e.g. 10.0.0.0/16"),
        ("fd00::/48", "this is IPv6"),
        ("10.0.0.0/16\n", "the prefix length in bits|an IPv4 network"),
        ("\u0661\u0660.0.0.0/16", "an IPv4 network"),
    ],
)
def test_a_network_needs_a_prefix_length_in_bits(written: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^allowed: .*({message})"):
        grammar.network(written)
    assert str(grammar.network("10.0.0.0/16")) == "10.0.0.0/16"


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_a_service_linked_role_is_rejected_as_a_principal(partition: str) -> None:
    path = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    with pytest.raises(ValueError, match="EKS does not accept service-linked roles"):
        grammar.principal(f"arn:{partition}:iam::123456789012:{path}")
