r"""The syntax of names, references and addresses in AWS and Kubernetes, according to their documentation.

Python code uses `re.fullmatch`, because `$` also matches before a trailing line break. The patterns list digits and
letters explicitly, because `\d` and `\w` match those of every script.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from awsfacts import partitions
from mlplatform.validators import refuse, refused

KUBERNETES_NAME: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names"""

OBJECT_NAME: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
"""Name of a Kubernetes secret or service account, at most `MAX_OBJECT_NAME` characters:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names"""

MAX_OBJECT_NAME: Final = 253

MAX_KEY: Final = 253
"""Maximum length of a key of a Kubernetes secret:
https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data"""

MAX_ARGUMENT: Final = 131_071
"""Maximum size in bytes of an argument of a program, or of an environment variable with its name: 32 pages, less the
terminating zero byte. https://man7.org/linux/man-pages/man2/execve.2.html"""

RESERVED_LABELS: Final = ("kubernetes.io", "k8s.io", "eks.amazonaws.com")
"""Prefixes of labels that EKS rejects on nodes: https://github.com/eksctl-io/eksctl/issues/4007"""

OUR_LABELS: Final = "mlplatform.io"
MAX_LABEL_KEY: Final = 63
"""Maximum length of the key of a node's label, including its prefix; less than Kubernetes allows. `labelKey` of
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html, as in botocore 1.44.5 (2026-11-28)"""

MAX_LABELS: Final = 40
"""Maximum number of the author's labels. Each is a tag of the Auto Scaling group, which has at most 50, including those
of EKS."""

MAX_REPOSITORY: Final = 256
"""Maximum length of the name of an ECR repository."""

MAX_IMAGE_NAME: Final = 255
"""Maximum length of an image's name without registry, tag and digest. Same source as the parts of a reference."""

CREDENTIALS_PREFIX: Final = "ecr-pullthroughcache/"
"""Prefix of the names of secrets with which ECR signs in to another registry:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html"""

MAX_PORT: Final = 65_535

_HEX: Final = "([0-9a-f]{8}|[0-9a-f]{17})"
SUBNET_ID: Final = rf"subnet-{_HEX}"
GROUP_ID: Final = rf"sg-{_HEX}"
VPC_ID: Final = rf"^vpc-{_HEX}$"
"""IDs, short or long: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"""

METADATA_SERVICE: Final = "169.254.169.254/32"
"""The instance metadata service, which returns a node's own credentials. No model may call it."""

LINK_LOCAL: Final = IPv4Network("169.254.0.0/16")

NOT_ROUTED: Final = (*(IPv4Network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")), LINK_LOCAL)
"""Addresses that are not routed between networks:
https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml"""

_NAMESPACES: Final = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?")

# https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
_VARIABLE: Final = re.compile(r"(?!\.\.|\.\Z)[-._a-zA-Z][-._a-zA-Z0-9]*")

# https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data; as `IsConfigMapKey` of apimachinery
_KEY: Final = re.compile(r"(?!\.\.|\.\Z)[-._a-zA-Z0-9]+")

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

# https://github.com/distribution/reference/blob/main/reference.go
HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
_PART: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST: Final = r"sha256:[0-9a-f]{64}"
REPOSITORY: Final = rf"{_PART}(/{_PART})*"
_IMAGE: Final = re.compile(
    rf"((?P<host>{HOST})(:(?P<port>[0-9]+))?/)?(?P<name>{REPOSITORY})(?P<tag>:{TAG})?(?P<digest>@{DIGEST})?"
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(r"[a-z0-9]([a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+){3}")
BUCKET_BEGINS: Final = ("amzn-s3-demo-", "sthree-", "xn--")
_BUCKET_ENDS: Final = ("-s3alias", "--ol-s3", "--table-s3", "--x-s3", ".mrap")

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html; a path belongs to the ARN of an access entry:
# https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
PRINCIPAL: Final = r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/([!-)+->@-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$"
ROLE_PATH: Final = r"([A-Za-z0-9_+=,.@-]+/)+"  # without the leading slash
_SERVICE_LINKED: Final = re.compile(r"arn:[^:]*:iam::[0-9]{12}:role/aws-service-role/")
_SESSION: Final = re.compile(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([A-Za-z0-9_+=,.@-]+)/.*", re.DOTALL)


def namespaces(values: Iterable[str], field: str, *, wildcards: bool = False) -> None:
    """Check names of Kubernetes namespaces.

    Args:
        values: the names.
        field: the field that contains them.
        wildcards: whether `*` is allowed as a wildcard.

    Raises:
        ValueError: one line per invalid name.
    """
    words = f"names of namespaces: lower-case letters, digits and hyphens{', and * as a wildcard' if wildcards else ''}"
    pattern = _NAMESPACES if wildcards else KUBERNETES_NAME
    refuse(f"{field} has {quoted(each)}; allowed: {words}" for each in values if not re.fullmatch(pattern, each))


def variables(values: Iterable[str], field: str) -> None:
    """Check the names of the environment variables in `field`.

    Raises:
        ValueError: one line per invalid name.
    """
    refuse(f"{field} {each}" for each in not_variables(values))


def not_variables(values: Iterable[str]) -> list[str]:
    """Problems of names of environment variables: one line per invalid name."""
    words = "names of letters, digits and _ . -, that do not begin with a digit or .."
    return [f"has {quoted(each)}; allowed: {words}" for each in values if not _VARIABLE.fullmatch(each)]


def secret_key(value: str) -> bool:
    """Whether `value` can be a key of a Kubernetes secret."""
    return len(value) <= MAX_KEY and bool(_KEY.fullmatch(value))


def given_to_a_program(texts: Mapping[str, str]) -> None:
    """Check the arguments and environment variables of a program; keys are their paths.

    Raises:
        ValueError: one line per text that Linux cannot pass to a program.
    """
    refuse(not_given_to_a_program(texts))


def not_given_to_a_program(texts: Mapping[str, str]) -> list[str]:
    """Problems of the arguments and variables of a program: one line per text that Linux cannot pass to it."""
    problems = []
    for place, text in texts.items():
        if "\0" in text:
            problems.append(f"{place} has a zero byte; allowed: text without zero bytes, which end a string in Linux")
        elif len(text.encode("utf-8", "surrogatepass")) > MAX_ARGUMENT:
            problems.append(f"{place} is {len(text)} characters long; allowed: {MAX_ARGUMENT} bytes, Linux's limit")
    return problems


def bucket(value: str) -> bool:
    """Whether `value` can be the name of an S3 bucket."""
    return (
        bool(_BUCKET.fullmatch(value))
        and not _ADDRESS.fullmatch(value)
        and not value.startswith(BUCKET_BEGINS)
        and not value.endswith(_BUCKET_ENDS)
    )


def begins_reserved_bucket(name: str) -> bool:
    """Whether S3 reserves the names of buckets that begin with `name` and a hyphen."""
    return f"{name}-".startswith(BUCKET_BEGINS)


def group_name_problem(name: str) -> str | None:
    """What is allowed instead of a name with which a security group's own name begins; None for a valid one.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    """
    allowed = "names that do not begin with sg-, which EC2 reserves for IDs of security groups"
    return allowed if f"{name}-".startswith("sg-") else None


def label_value(value: str) -> bool:
    """Whether `value` can be the value of a label, other than an empty one."""
    return bool(_LABEL_NAME.fullmatch(value))


def node_labels(labels: Mapping[str, str]) -> None:
    """Check labels for the nodes of a node group.

    Raises:
        ValueError: one line per problem.
    """
    problems = [f"labels has {len(labels)} entries; allowed: at most {MAX_LABELS}"] if len(labels) > MAX_LABELS else []
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        reserved = [each for each in (*RESERVED_LABELS, OUR_LABELS) if f".{prefix}".endswith(f".{each}")]
        if reserved:
            problems.append(
                f"labels has {quoted(key)}; allowed: keys outside of {reserved[0]}, "
                + ("which the platform reserves" if reserved == [OUR_LABELS] else "which EKS rejects on its nodes")
            )
        elif not _LABEL_NAME.fullmatch(name) or (slash and not _LABEL_PREFIX.fullmatch(prefix)):
            problems.append(
                f"labels has {quoted(key)}; allowed: keys such as team or example.com/team: up to 63 letters, digits "
                "and - _ . that begin and end with a letter or digit, optionally with a domain as prefix"
            )
        elif len(key) > MAX_LABEL_KEY:
            problems.append(f"labels has {quoted(key)}; allowed: keys of at most {MAX_LABEL_KEY} characters")
        # Kubernetes allows an empty value, but EKS does not:
        # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html
        if not _LABEL_NAME.fullmatch(value):
            problems.append(
                f"labels has {quoted(value)} for {quoted(key)}; allowed: up to 63 letters, digits and - _ . that "
                "begin and end with a letter or digit"
            )
    refuse(problems)


def pinned_image(value: str) -> str:
    """`value` if it is a reference to an image by tag or digest; for use as a field validator.

    Raises:
        ValueError: states what is allowed.
    """
    found = _IMAGE.fullmatch(value)
    if "://" in value:
        raise ValueError("allowed: an image without a scheme (https://), e.g. ghcr.io/example/model-server:v1.2.0")
    if found is None:
        raise ValueError(
            "allowed: a name in lower case and a tag, a digest of 64 digits, or both, e.g. vllm/vllm-openai:v0.23.0"
        )
    if int(found["port"] or 1) not in range(1, MAX_PORT + 1):
        raise ValueError(f"allowed: a registry whose port is 1 to {MAX_PORT}, e.g. localhost:5000/model-server:v1.2.0")
    host = found["host"] or ""
    # Any host name with an upper-case letter counts as a registry, even one that nodes cannot resolve.
    if host != host.lower() and "." not in host and not found["port"]:
        raise ValueError(f"allowed: a name in lower case, e.g. {host.lower()}/…, or a registry's host name before it")
    if wrong := partitions.registry_problem(host):
        raise ValueError(f"allowed: {wrong}")
    if len(found["name"]) > MAX_IMAGE_NAME:
        raise ValueError(f"allowed: a name of at most {MAX_IMAGE_NAME} characters")
    if not found["digest"] and found["tag"] in (None, ":latest"):
        raise ValueError(
            "allowed: an image with a tag other than latest, or with a digest, e.g. vllm/vllm-openai:v0.23.0"
        )
    return value


def registry(value: str) -> str:
    """`value` if it is the host name of a registry, optionally with a port.

    Raises:
        ValueError: saying what is allowed.
    """
    if not re.fullmatch(rf"{HOST}(:[0-9]{{1,5}})?", value) or not re.search(r"[.:]", value):
        raise ValueError(
            "allowed: a registry's host name alone, without https:// and path, e.g. "
            "123456789012.dkr.ecr.us-east-1.amazonaws.com"
        )
    if wrong := partitions.registry_problem(value):
        raise ValueError(f"allowed: {wrong}")
    return value


def repository_url(value: str) -> str:
    """`value` if it is the URL of an ECR repository: a registry and a name.

    Raises:
        ValueError: saying what is allowed.
    """
    found = _IMAGE.fullmatch(value)
    if found is None or not found["host"] or found["tag"] or found["digest"]:
        raise ValueError(
            "allowed: a registry and a repository's name, without https://, tag and digest, e.g. "
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/serving"
        )
    registry(value.removesuffix(f"/{found['name']}"))
    return value


def principal(value: str) -> str:
    """`value` if it is the ARN of an IAM role or user; for use as a field validator.

    Raises:
        ValueError: states what is allowed; for a session, its role.
    """
    if session := _SESSION.fullmatch(value):
        partition, account, role = session.groups()
        raise ValueError(
            f"allowed: the ARN of the session's IAM role, arn:{partition}:iam::{account}:role/{role} if it has no "
            f"path; `aws iam get-role --role-name {role}` shows it"
        )
    if _SERVICE_LINKED.match(value):
        raise ValueError(
            "allowed: a role or user of your own; EKS does not accept service-linked roles (aws-service-role/…)"
        )
    if not re.fullmatch(PRINCIPAL, value):
        raise ValueError(
            "allowed: the ARN of an IAM role or user, including its path, e.g. arn:aws:iam::123456789012:role/ml"
        )
    return value


def cluster(value: str) -> str:
    """`value` if it can be the name of an EKS cluster.

    Source: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html

    Raises:
        ValueError: states what is allowed.
    """
    if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", value):
        raise ValueError("allowed: letters, digits, - and _, at most 100 characters")
    return value


def repository(value: str) -> str:
    """`value` if it can be the name of an ECR repository, or the beginning of one up to a slash.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html

    Raises:
        ValueError: states what is allowed.
    """
    if len(value) > MAX_REPOSITORY or not re.fullmatch(REPOSITORY, value):
        raise ValueError(
            "allowed: lower-case letters and digits, separated by one of . _ __ / or by hyphens, at most "
            f"{MAX_REPOSITORY} characters"
        )
    return value


def network(value: str) -> IPv4Network:
    """Parse an IPv4 network, `ADDRESS/BITS`.

    Raises:
        ValueError: states what is allowed.
    """
    try:
        found = IPv4Network(value, strict=False)
    except ValueError:
        kind = " (this is IPv6)" if _is_ipv6(value) else ""
        raise ValueError(f"allowed: an IPv4 network such as 10.0.0.0/16{kind}") from None
    if "/" not in value:
        raise ValueError(f"allowed: an address and a prefix length, e.g. {value}/16")
    if not value.isascii() or not value.partition("/")[2].isdigit():
        raise ValueError(f"allowed: the prefix length in bits, {found}")
    if str(found) != value:
        raise ValueError(f"allowed: {found}, without host bits")
    return found


def each_once(values: Sequence[str]) -> Sequence[str]:
    """`values` if none occurs twice. Outputs are not checked.

    Raises:
        ValueError: lists the duplicates, as a phrase that follows `has`.
    """
    if twice := sorted({each for each in values if isinstance(each, str) and values.count(each) > 1}):
        raise ValueError(f"{', '.join(twice)} twice; allowed: each once")
    return values


def networks(values: Sequence[str]) -> Sequence[str]:
    """`values` if each is an IPv4 network.

    Raises:
        ValueError: one line per invalid value, a phrase that follows `has`.
    """
    refuse(f"{value}; {error}" for value, error in refused(values, network))
    return values


def _is_ipv6(value: str) -> bool:
    try:
        IPv6Network(value, strict=False)
    except ValueError:
        return False
    return True


def quoted(text: str) -> str:
    """Text in double quotes, on one line, with escapes."""
    return json.dumps(text, ensure_ascii=False)
