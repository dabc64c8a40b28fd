"""Hypothesis strategies for stack files, from the model's schema. New fields are covered automatically."""

import copy
import string
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from awsfacts import eks_versions, node_images
from mlpctl.config import ConfigError, Loaded, Platform, profiles
from mlpctl.config.shape import Shape
from mlpctl.config.stack_file import check
from mlpctl.config.yaml_file import YamlError, parse
from mlpctl.keys import PLATFORM, REGION
from mlplatform.foundation.network.endpoint_services import NODES_NEED
from mlplatform.logs import RETENTION_DAYS
from mlplatform.testing import ACCOUNT_ID

Values = st.SearchStrategy[Any]
Place = tuple[str | int, ...]

THE_REGION: Final = "eu-central-1"

words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8).map(lambda text: f"x{text}")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
"""Arguments and variables that a program can have."""

KNOWN: Final[Mapping[str, Values]] = {
    "owner": st.sampled_from(["x", "Team ML", "é", "a/b@example.com"]),
    "tags": st.dictionaries(
        st.sampled_from(["team", "Cost Center", "é", "x" * 128]),
        st.sampled_from(["", "x", "é", "a=b", "x" * 256, 7]),
        max_size=3,
    ),
    "buckets": words | st.sampled_from(["a--b", "xn", "sthree", "x" * 20, "logs", "x-audit"]),
    "sharedFilesystems": st.sampled_from(["a", "b"]),
    "accessPoints": st.sampled_from(["a", "b"]),
    "accessPoints.*.path": st.sampled_from(["/a", "/teams/a.b", "/a/b/c/d"]),
    "accessPoints.*.namespaces": st.lists(st.sampled_from(["default", "batch"]), max_size=2, unique=True),
    "sharedFilesystems.*.infrequentAccessDays": st.sampled_from([None, 1, 30]),
    "sharedFilesystems.*.archiveDays": st.sampled_from([None, 90, 365]),
    "volumes": st.just("weights"),
    "volumes.*.filesystem": st.just("a"),
    "volumes.*.accessPoint": st.just("a"),
    "volumes.*.path": st.sampled_from(["/models", "/srv/a.b"]),
    "env": st.dictionaries(
        st.sampled_from(["A", "a-b.c", ".a", "_", "x" * 300]), texts | st.integers(0, 10**18), max_size=3
    ),
    "commandArgs": st.lists(texts | st.sampled_from(["", "--model=/m", "$$(A)", "$(HOME)"]), max_size=3),
    "secretEnv": st.sampled_from(["S", "s-1.x", "_", "x" * 253]),
    "labels": st.dictionaries(
        st.sampled_from(["team", "A_b.c", "example.com/team", "x" * 63]),
        st.sampled_from(["x", "A_b.c", "x" * 63, 7]),
        max_size=3,
    ),
    "allowedRegistries": st.lists(
        st.sampled_from(["public.ecr.aws", "docker.io/vllm", "localhost:5000/a"]), max_size=2, unique=True
    ),
    "exemptNamespaces": st.lists(st.sampled_from(["agents", "1"]), max_size=2, unique=True),
    "existingNamespaces": st.just([]),
    "priorityClasses": st.lists(st.sampled_from(["batch", "a.b-c"]), max_size=2, unique=True),
    "guardrails.namespaces": st.sampled_from(["guarded", "team-a"]),
    "teams": st.sampled_from(["lab", "ops"]),
    "teams.*.namespaces": st.sampled_from(["lab", "ops-a", "ops-b"]),
    "teams.*.editors": st.just([]),
    "teams.*.viewers": st.just([]),
    "serviceAccounts": st.sampled_from(["trainer", "eval"]),
    "serviceAccounts.*.namespace": st.none(),
    "groups": st.lists(st.sampled_from(["lab", "a.b_c-D"]), max_size=2, unique=True),
    "containerCpu": st.sampled_from(["1m", "0.001", "2"]),
    "healthPath": st.sampled_from(["/", "/health", "/a%20b?x=1", "/a//b", "/" + "x" * 1000]),
    "cpu": st.sampled_from(["1m", "0.001", "2", "1.5"]),
    "serviceAccount": st.sampled_from(["sa", "a.b-c", "1"]),
    "calls": st.just([]),
    "callers": st.lists(st.sampled_from(["web", "1", "kube-system"]), max_size=2, unique=True),
    "queues": st.dictionaries(
        st.sampled_from(["q", "x" * 80, "a_b-C", "x" * 75 + ".fifo"]), st.sampled_from(["send", "consume"]), max_size=3
    ),
    "cidr": st.sampled_from(["10.0.0.0/16", "10.1.0.0/20", "172.16.0.0/24", "192.168.4.0/22"]),
    "zones": st.lists(st.sampled_from([THE_REGION + zone for zone in "abc"]), min_size=2, max_size=3, unique=True),
    "flowLogDays": st.sampled_from(RETENTION_DAYS),
    "logDays": st.sampled_from(RETENTION_DAYS),
    "interfaceEndpoints": st.just([*NODES_NEED]) | st.lists(st.sampled_from([*NODES_NEED]), unique=True),
    "allowedAccounts": st.sampled_from([[], [ACCOUNT_ID], ["210987654321", ACCOUNT_ID]]),
    "privateAccessCidrs": st.lists(
        st.sampled_from(["10.0.0.0/8", "192.168.0.0/20", "172.16.9.1/32"]), min_size=1, max_size=2, unique=True
    ),
    "privateAccessSecurityGroups": st.lists(st.sampled_from(["sg-12345678"]), max_size=1),
    "podCidr": st.none() | st.sampled_from(["100.64.0.0/16", "100.127.0.0/20", "10.9.0.0/16"]),
    "existing.vpcId": st.just("vpc-0a1b2c3d4e5f60718"),
    "existing.privateSubnets": st.just({THE_REGION + zone: f"subnet-{zone * 8}" for zone in "ab"}),
    "existing.publicSubnets": st.just({}) | st.just({f"{THE_REGION}a": "subnet-cccccccc"}),
    "existing.podSubnets": st.just({}) | st.just({THE_REGION + zone: f"subnet-{zone * 7}1" for zone in "ab"}),
    "otherAccounts": st.lists(st.sampled_from(["123456789012", "210987654321"]), unique=True),
    "readableBuckets": st.lists(st.sampled_from(["public-datasets", "open.data"]), unique=True),
    "publicAccessCidrs": st.lists(
        st.sampled_from(["203.0.112.0/24", "198.51.99.7/32", "11.0.0.0/8", "16.0.0.0/8"]), max_size=2
    ),
    "access.*.principalArn": st.none()
    | st.sampled_from(
        [f"arn:aws:iam::{ACCOUNT_ID}:{each}" for each in ("role/ops", "user/bob", "role/a/AWSReservedSSO_x_0")]
    ),
    "access.*.role": st.none() | st.sampled_from(["deployers", "AWSReservedSSO_x_1"]),
    "gpuPools.*.instanceTypes": st.lists(
        st.sampled_from(["g6.2xlarge", "p5.48xlarge", "g6e.xlarge"]), min_size=1, max_size=2, unique=True
    ),
    "instanceTypes": st.lists(st.sampled_from(["m7i.large", "c7i.xlarge"]), min_size=1, max_size=2, unique=True),
    "expirePrefixes": st.lists(st.sampled_from(["tmp/", "runs/tmp/"]), max_size=2, unique=True),
    "image": st.sampled_from(
        [
            *("vllm/vllm-openai:v0.11.0", "localhost:5000/a/b:1", "a@sha256:" + "0" * 64, "GHCR.io/a__b/c--d:V1"),
            *("x" * 255 + ":" + "v" * 128, "a:latest@sha256:" + "0" * 64, "team/token:v1"),
        ]
    ),
    "imageFrom": st.none(),
    "inference.*.model": st.none(),
    "secretEnv.*": st.sampled_from(
        [
            *({"secret": "token"}, {"secret": "token", "key": 'a "b"'}, {"secret": "team/other", "key": "k"}),
            *({"kubernetesSecret": "made-elsewhere", "key": "token"}, {"kubernetesSecret": "a.b", "key": ".a_B"}),
        ]
    ),
    "egress": st.lists(
        st.sampled_from(["0.0.0.0/0", "0.0.0.0/1", "169.254.0.0/16", "203.0.113.0/24", "203.0.113.7/32"]),
        max_size=2,
        unique=True,
    ),
    "egressRules": st.lists(
        st.sampled_from([{"cidr": "10.0.8.0/24", "ports": [6379]}, {"cidr": "0.0.0.0/0", "ports": [22, 5432]}]),
        max_size=2,
        unique_by=lambda rule: str(rule["cidr"]),
    ),
    "secrets": st.lists(st.sampled_from(["token", "team/other", "x" * 512]), max_size=2, unique=True),
    "pullSecrets": st.lists(st.sampled_from(["registry", "a.b"]), max_size=2, unique=True),
    "drainSeconds": st.sampled_from([5, 75, 3600]),
    "gpus": st.sampled_from([1, 2]),
    "minReplicas": st.just(1),
    "maxReplicas": st.sampled_from([1, 2]),
    "gpuPools.*.minNodes": st.sampled_from([0, 1]),
    "gpuPools.*.nodes": st.sampled_from([1, 60]),
    "gpuPools.*.maxNodes": st.sampled_from([60, 450]),
    "pool": st.sampled_from(["a", "b"]),
    "gpuPools": st.sampled_from(["a", "b"]),
    "addonVersions": st.dictionaries(
        st.just("vpc-cni"), st.sampled_from(eks_versions.addon_versions("vpc-cni", "1.36"))
    ),
    "cluster.version": st.sampled_from(eks_versions.offered()),
    "amiRelease": st.sampled_from(node_images.releases("1.36")),
    "diskThroughput": st.sampled_from([125, 750]),
}
"""Values that the model's rules allow, where the schema is not sufficient, by the end of the dotted path. For a mapping
with free names, these are the names."""


ALWAYS: Final = ("cluster.privateAccessCidrs", "inference.*.image")
"""Ends of the paths of optional keys that every generated file contains: without them, no file is valid."""


@lru_cache(maxsize=1)
def valid_ish() -> Values:
    """Platforms as plain values. Each field is valid alone; most combinations are invalid."""
    return _values(Shape.of(Platform), "")


def models() -> Values:
    """Platforms with one model on a large enough pool. Each field of the model has any value that is valid alone."""
    shape = Shape.of(Platform).at(("inference", "x"))
    assert shape
    room = {"pool": "a", "gpus": 1, "minReplicas": 1, "maxReplicas": 2, "sparePods": 1}
    return _values(shape, ".inference.*").map(
        lambda model: {
            "profile": "dev",
            "owner": "x",
            "network": {"zones": [f"{THE_REGION}a", f"{THE_REGION}b"]},
            "cluster": {"privateAccessCidrs": ["192.168.0.0/20"]},
            "gpuPools": {"a": {"instanceTypes": ["p5.48xlarge"], "nodes": 8, "maxNodes": 8}},
            "sharedFilesystems": {"a": {"accessPoints": {"a": {}}}},
            "inference": {"x": {**model, **room}},
            "workloads": {"x": {"secrets": ["token", "team/other"]}},
        }
    )


def field(*path: str) -> Values:
    """Values of one field, each valid alone; `*` stands for a name."""
    shape = Shape.of(Platform).at(path)
    assert shape, path
    return _values(shape, f".{'.'.join(path)}")


def _values(shape: Shape, path: str) -> Values:
    found = _known(path)
    node = shape.node
    if found is not None and (shape.keys or shape.optional):
        return found
    if shape.keys:
        # Every section exists, although it may be empty. Otherwise, most platforms would have neither pools nor models.
        required = {*node.get("required", ())} if path else {*shape.keys}
        required |= {key for key in shape.keys if f"{path}.{key}".endswith(ALWAYS)}
        fields = {key: _values(child, f"{path}.{key}") for key in shape.keys if (child := shape.child(key))}
        return st.fixed_dictionaries(
            {key: each for key, each in fields.items() if key in required},
            optional={key: each for key, each in fields.items() if key not in required},
        )
    below = shape.child("*") if node.get("type") == "object" else None
    if below is not None and (below.keys or found is None):
        return st.dictionaries(words if found is None else found, _values(below, f"{path}.*"), max_size=2)
    return (st.none() | _scalars(shape, path, found)) if shape.optional else _scalars(shape, path, found)


def _scalars(shape: Shape, path: str, found: Values | None) -> Values:
    node = shape.node
    if found is not None:
        return found
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "const" in node:
        return st.just(node["const"])
    if node.get("type") == "array":
        entry = shape.child(0)
        size = node.get("minItems", 0)
        return st.lists(_values(entry, f"{path}.0") if entry else words, min_size=size, max_size=size + 1)
    if node.get("type") in ("integer", "number"):
        low, high = node.get("minimum", 0), node.get("maximum", 1000)
        return st.sampled_from([low, high]) | st.integers(low, high)
    if node.get("type") == "boolean":
        return st.booleans()
    if "pattern" in node:
        examples = st.sampled_from(node["examples"]) if "examples" in node else st.nothing()
        return examples | st.from_regex(node["pattern"], fullmatch=True, alphabet=string.printable[:94])
    return words


def _known(path: str) -> Values | None:
    ends = [end for end in KNOWN if f"{path}".endswith(f".{end}")]
    return KNOWN[max(ends, key=len)] if ends else None


def repaired(data: Any) -> Loaded[Platform] | None:
    """Remove from a platform what the errors name until it is valid; None if that fails."""
    data = copy.deepcopy(data)
    for _ in range(6):
        try:
            return read(written(stack_file(data)))
        except ConfigError as error:
            for problem in error.problems:
                _remove_nearest(data, problem.path)
    return None


def _remove_nearest(data: Any, path: Place) -> None:
    """Remove the nearest optional key at or above a place."""
    shape = Shape.of(Platform)
    for size in range(len(path), 0, -1):
        parent, key = shape.at(path[: size - 1]), path[size - 1]
        if parent is None or not isinstance(key, str) or key in parent.node.get("required", ()):
            continue
        holder = _at(data, path[: size - 1])
        if isinstance(holder, dict) and key in holder:
            del holder[key]
            return


def _at(data: Any, path: Place) -> Any:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def stack_file(platform: Any) -> dict[str, Any]:
    return {"config": {REGION: THE_REGION, PLATFORM: platform}}


def written(document: Any) -> bytes:
    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True)
    return text.encode("utf-8", "surrogatepass")


def read(content: bytes) -> Loaded[Platform]:
    """Read a stack file's bytes.

    Raises:
        ConfigError: The file is invalid.
    """
    try:
        document = parse(content)
    except YamlError as error:
        raise ConfigError([error.problem], "Pulumi.made.yaml") from None
    return check(document, "Pulumi.made.yaml", Platform, profiles.PROFILES)


CANARIES: Final = (
    "AKIA" + "CANARY0CANARY0CA",
    "hf_" + "Canary" * 6,
    "ghp_" + "Canary0" * 6,
    "glpat-" + "Canary0" * 3,
    "xoxb-" + "1234567890-Canary",
    "sk-proj-" + "Canary0" * 4,
    "postgres://app:" + "canary0@db.example.com/x",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nCanaryCanaryCanary\n-----END RSA " + "PRIVATE KEY-----\n",
    "LS0tLS1CRUdJTi" + "BSU0EgUFJJVkFURSBLRVktLS0tLQpDYW5hcnk=",
    '{"token": "ghp_' + "Canary1" * 6 + '"}',
)
"""Credentials that must not appear in any message."""

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.binary(max_size=9)
    | st.sampled_from(
        ["", "yes", "1e400", "0o17", "10.0.0.0/8", "aws:x", "🚀", "x" * 300, "\x1b[31m", "{{ x }}", "latest"]
    )
)
keys = (
    words | st.text(max_size=6) | st.sampled_from(["secure", "<<", "aws:x", "name", "Name"]) | st.sampled_from(CANARIES)
)
leaks = st.sampled_from(CANARIES) | st.builds("{0}!{0}".format, st.sampled_from(CANARIES))
junk = st.recursive(
    scalars | leaks,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys | st.integers() | st.none(), inner, max_size=3)
        | st.builds(lambda text: {"secure": text}, st.text(max_size=8))
    ),
    max_leaves=5,
)


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """Stack files with a few added, renamed or removed keys, and sometimes with corrupted text."""
    document = copy.deepcopy(stack_file(draw(valid_ish())))
    for _ in range(draw(st.integers(0, 3))):
        _corrupt(draw, document)
    text = written(document)
    if draw(st.integers(0, 4)) == 0:
        text = _corrupt_text(draw, text)
    return text


def _corrupt(draw: st.DrawFn, document: Any) -> None:
    place = draw(st.sampled_from(_places(document)))
    holder = _at(document, place[:-1])
    change: Callable[[], object] = draw(
        st.sampled_from(
            [
                lambda: holder.__setitem__(place[-1], draw(junk)),
                lambda: holder.__setitem__(place[-1], draw(leaks)),
                lambda: _take(holder, place[-1]),
                lambda: holder.__setitem__(draw(keys), draw(junk)) if isinstance(holder, dict) else None,
                lambda: (
                    holder.__setitem__(draw(keys), holder.pop(place[-1], None)) if isinstance(holder, dict) else None
                ),
            ]
        )
    )
    change()


def _take(holder: Any, key: str | int) -> None:
    if isinstance(holder, list) or key in holder:
        del holder[key]


def _places(data: Any, path: Place = ()) -> list[Place]:
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    own = [path] if path else []
    return [*own, *(place for key, value in below for place in _places(value, (*path, key)))] or [("config",)]


def _corrupt_text(draw: st.DrawFn, text: bytes) -> bytes:
    at = draw(st.integers(0, len(text)))
    size = draw(st.integers(0, 6))
    put = draw(
        st.binary(max_size=4)
        | st.sampled_from(
            [b"\t", b"\r", b"---\n", b"&a ", b"*a ", b"!x ", b"<<: *a\n", b"[", b"{", b"'", b'"', b"\xff", b"# "]
        )
    )
    return text[:at] + put + text[at + size :]
