r"""How names, references and addresses are written in AWS and Kubernetes, by their own documents.

Python matches them whole, since its `$` matches before a line break at the end too. They spell digits and letters out,
since `\d` and `\w` know those of every script.
"""

import json
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Final

KUBERNETES_NAME: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names"""

RESERVED_LABELS: Final = ("kubernetes.io", "k8s.io", "eks.amazonaws.com")
"""Prefixes of labels that EKS refuses on nodes: https://github.com/eksctl-io/eksctl/issues/4007"""

OUR_LABELS: Final = "mlplatform.io"

MAX_LABEL_KEY: Final = 82
"""Longest key of a node's label: the tag that tells it to Cluster Autoscaler begins with 46 characters, and tags have
128 at most, https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Tag.html"""

MAX_LABELS: Final = 40
"""Most labels of one's own: each is a tag of the scaling group, which has 50 at most, EKS's own among them."""

MAX_REPOSITORY: Final = 256
"""Longest name of a repository of ECR."""

_NAMESPACES: Final = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?")

# https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
_VARIABLE: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

# https://github.com/distribution/reference/blob/main/reference.go
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]+)?"
_PART: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"({_HOST}/)?{_PART}(/{_PART})*(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?P<digest>@sha256:[0-9a-f]{{64}})?"
)

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html; a path belongs to the ARN of an access entry:
# https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
PRINCIPAL: Final = r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$"
_SESSION: Final = re.compile(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([A-Za-z0-9_+=,.@-]+)/.*", re.DOTALL)


def namespaces(values: Iterable[str], field: str, *, wildcards: bool = False) -> None:
    """Check names of Kubernetes namespaces.

    Args:
        values: the names.
        field: the field that has them.
        wildcards: whether `*` may stand for any characters.

    Raises:
        ValueError: a line for each that is none.
    """
    words = f"names of namespaces: lower-case letters, digits and hyphens{', * for any' if wildcards else ''}"
    pattern = _NAMESPACES if wildcards else KUBERNETES_NAME
    _refuse(f"{field} has {_quoted(each)}; allowed: {words}" for each in values if not re.fullmatch(pattern, each))


def variables(values: Iterable[str]) -> None:
    """Check names of environment variables.

    Raises:
        ValueError: a line for each that is none.
    """
    words = "names of letters, digits and _ . -, with no digit first"
    _refuse(f"env has {_quoted(each)}; allowed: {words}" for each in values if not _VARIABLE.fullmatch(each))


def node_labels(labels: Mapping[str, str]) -> None:
    """Check labels for the nodes of a node group.

    Raises:
        ValueError: a line for each that is refused.
    """
    problems = [f"labels has {len(labels)} entries; allowed: at most {MAX_LABELS}"] if len(labels) > MAX_LABELS else []
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        reserved = [each for each in (*RESERVED_LABELS, OUR_LABELS) if f".{prefix}".endswith(f".{each}")]
        if reserved:
            problems.append(
                f"labels has {_quoted(key)}; allowed: keys outside of {reserved[0]}, "
                + ("which is the platform's own" if reserved == [OUR_LABELS] else "which EKS refuses on its nodes")
            )
        elif not _LABEL_NAME.fullmatch(name) or (slash and not _LABEL_PREFIX.fullmatch(prefix)):
            problems.append(
                f"labels has {_quoted(key)}; allowed: keys such as team or example.com/team: up to 63 letters, digits "
                "and - _ . that begin and end with a letter or digit, and a domain before them if any"
            )
        elif len(key) > MAX_LABEL_KEY:
            problems.append(f"labels has {_quoted(key)}; allowed: keys of at most {MAX_LABEL_KEY} characters")
        # Kubernetes takes an empty value, and EKS does not:
        # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
        if not _LABEL_NAME.fullmatch(value):
            problems.append(
                f"labels has {_quoted(value)} for {_quoted(key)}; allowed: up to 63 letters, digits and - _ . that "
                "begin and end with a letter or digit"
            )
    _refuse(problems)


def pinned_image(value: str) -> str:
    """`value` if it is a reference to an image by tag or digest; for use as a field validator.

    Raises:
        ValueError: saying what is allowed.
    """
    found = _IMAGE.fullmatch(value)
    if "://" in value:
        raise ValueError("allowed: an image without https:// before it, e.g. ghcr.io/example/model-server:v1.2.0")
    if found is None:
        raise ValueError(
            "allowed: a name in lower case and a tag, a digest of 64 digits, or both, e.g. vllm/vllm-openai:v0.23.0"
        )
    if not found["digest"] and found["tag"] in (None, ":latest"):
        raise ValueError(
            "allowed: an image with a tag other than latest, or with a digest, e.g. vllm/vllm-openai:v0.23.0"
        )
    return value


def principal(value: str) -> str:
    """`value` if it is the ARN of an IAM role or user; for use as a field validator.

    Raises:
        ValueError: saying what is allowed; of a session, which role it is one of.
    """
    if session := _SESSION.fullmatch(value):
        partition, account, role = session.groups()
        raise ValueError(
            f"allowed: the ARN of the IAM role that the session is one of, arn:{partition}:iam::{account}:role/{role} "
            f"where it has no path; `aws iam get-role --role-name {role}` tells it"
        )
    if not re.fullmatch(PRINCIPAL, value):
        raise ValueError(
            "allowed: the ARN of an IAM role or user, its path included, e.g. arn:aws:iam::123456789012:role/ml"
        )
    return value


def cluster(value: str) -> str:
    """`value` if it can be the name of an EKS cluster.

    Source: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html

    Raises:
        ValueError: saying what is allowed.
    """
    if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", value):
        raise ValueError("allowed: letters, digits, - and _, at most 100 characters")
    return value


def repository(value: str) -> str:
    """`value` if it can be the name of a repository of ECR, or the beginning of one up to a slash.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html

    Raises:
        ValueError: saying what is allowed.
    """
    part = r"[a-z0-9]+([._-][a-z0-9]+)*"
    if len(value) > MAX_REPOSITORY or not re.fullmatch(rf"({part}/)*{part}", value):
        raise ValueError(
            "allowed: lower-case letters and digits, with single - _ . / between them, at most "
            f"{MAX_REPOSITORY} characters"
        )
    return value


def network(value: str) -> IPv4Network:
    """The IPv4 network that `value` is, `ADDRESS/BITS`.

    Raises:
        ValueError: saying what is allowed.
    """
    try:
        found = IPv4Network(value, strict=False)
    except ValueError:
        kind = " (this is IPv6)" if _is_ipv6(value) else ""
        raise ValueError(f"allowed: an IPv4 network such as 10.0.0.0/16{kind}") from None
    if "/" not in value:
        raise ValueError(f"allowed: an address and a prefix, e.g. {value}/16")
    if not value.isascii() or not value.partition("/")[2].isdigit():
        raise ValueError(f"allowed: the prefix in bits, {found}")
    if str(found) != value:
        raise ValueError(f"allowed: the network's first address, {found}")
    return found


def _is_ipv6(value: str) -> bool:
    try:
        IPv6Network(value, strict=False)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    """Text in double quotes, on one line."""
    return json.dumps(text, ensure_ascii=False)


def _refuse(problems: Iterable[str]) -> None:
    if lines := "\n".join(problems):
        raise ValueError(lines)
