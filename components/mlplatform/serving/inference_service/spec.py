"""The spec of inference services."""

import re
from typing import Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import grammar, names
from mlplatform.egress import EgressRule, by_network, check_ports, checked_networks, checked_rules
from mlplatform.quantities import CPU, MEMORY, mebibytes, millicores
from mlplatform.registries.image_registry.spec import ImageFrom
from mlplatform.security.workload_identity.spec import PREFIX, SECRET_NAME
from mlplatform.serving.inference_service import variables
from mlplatform.serving.inference_service.volumes import SharedVolume, inside_others
from mlplatform.spec import REPEATS, Spec, whole_numbers_as_text

STOP_SECONDS: Final = 45
"""Seconds that a server has to exit after SIGTERM, which is sent after `drain_seconds`. vLLM aborts running requests
unless `--shutdown-timeout` is set, to less than this: https://github.com/vllm-project/vllm/pull/36666"""

REVISION: Final = r"^[A-Za-z0-9!_.()=-]+$"
"""One part of a key, with the characters of `PREFIX`."""


_CHARACTER: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@?-]|%[0-9A-Fa-f]{2}"
HTTP_PATH: Final = rf"^/(({_CHARACTER})({_CHARACTER}|/)*)?$"
"""Path and query of a URL. After two slashes it would be a host: https://www.rfc-editor.org/rfc/rfc3986#section-3.3"""

FETCHED_FILE: Final = re.compile(r"secret_[0-9]+")
"""File names of whole secrets. The files of values inside secrets have the names of their variables."""


class ModelSource(Spec):
    """A model's weights in a bucket of the same stack."""

    bucket: str
    """Name of a bucket in `buckets`."""

    prefix: str = Field(default="", max_length=512, pattern=PREFIX, examples=["qwen3-32b/"])
    """Key prefix of all revisions of the model, e.g. `qwen3-32b/`. Default: none, revisions are at the top of the
    bucket."""

    revision: str = Field(max_length=128, pattern=REVISION, examples=["2026-11-01"])
    """Part of the key that identifies a revision. The objects below it must never change. For changed weights, use a
    new revision, which causes a rollout."""

    @field_validator("revision")
    @classmethod
    def _revision_is_a_name(cls, value: str) -> str:
        if not value.strip("."):
            raise ValueError("allowed: a name that does not consist of dots, which clients treat as another folder")
        return value

    @property
    def key(self) -> str:
        """Key prefix of this revision."""
        return f"{self.prefix}{self.revision}/"


class SecretRef(Spec):
    """Reference to a secret; never the secret itself."""

    secret: str | None = Field(default=None, max_length=512, pattern=SECRET_NAME)
    """Name of a secret in AWS Secrets Manager, in the stack's account and region. The workload with the model's name
    must list it in `secrets`."""

    kubernetes_secret: str | None = Field(
        default=None, max_length=grammar.MAX_OBJECT_NAME, pattern=grammar.OBJECT_NAME, examples=["hub-token"]
    )
    """Name of an existing Kubernetes secret in the model's namespace."""

    key: str | None = Field(default=None, min_length=1, max_length=253)
    """Key of the value: in the JSON of the secret in Secrets Manager (default: the whole secret), or in the Kubernetes
    secret, for which it is required."""

    @model_validator(mode="after")
    def _it_is_in_one_place(self) -> Self:
        if (self.secret is None) == (self.kubernetes_secret is None):
            raise ValueError(
                f"secret is {self.secret or 'missing'}; allowed: exactly one of secret, in AWS Secrets Manager, and "
                "kubernetesSecret"
            )
        if self.kubernetes_secret is not None and self.key is None:
            raise ValueError("key is missing; allowed: a key of the Kubernetes secret")
        if self.kubernetes_secret is not None and self.key is not None and not grammar.secret_key(self.key):
            raise ValueError(
                f"key is {grammar.quoted(self.key)}; allowed: letters, digits and _ . -, and no .. at the beginning"
            )
        return self

    @field_validator("key")
    @classmethod
    def _key_is_printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("allowed: text with printable characters only")
        return value


class InferenceServiceSpec(Spec):
    """A model behind an HTTP endpoint inside the cluster."""

    image: str | None = None
    """Container image that is not in this stack, with a tag or, better, a digest; not `latest`. Set either this or
    `imageFrom`."""

    image_from: ImageFrom | None = None
    """Container image in a repository or a cache of this stack. Set either this or `image`."""

    model: ModelSource | None = None
    """Weights in a bucket of this stack, which the pod reads with its own role. The environment variable `MODEL_URI`
    (`s3://…/`) has their address. Use it in `commandArgs`: as the first argument, which is the model of `vllm serve`,
    with `--load-format=runai_streamer` and vLLM 0.23 or later (earlier versions treat the address as the name of a
    Hugging Face model: https://github.com/vllm-project/vllm/pull/39155). The server also gets `AWS_REGION` and
    `HF_HUB_OFFLINE`. Default: the server loads its weights from elsewhere; allow this in `egress`."""

    command_args: list[str] = Field(default=[], json_schema_extra=REPEATS)
    """Arguments for the image's entry point. `$(NAME)` is replaced by the value of an environment variable of the pod.
    `$$(NAME)` is passed as `$(NAME)`, e.g. to a shell."""

    env: dict[str, str] = Field(default={})
    """Environment variables. `$(NAME)` in a value is replaced by the value of another variable. Never put secrets here:
    values are readable in the stack file and in the cluster; use `secretEnv`. By default, HOME and the caches of common
    model servers are in /tmp, and vLLM sends no usage statistics."""

    secret_env: dict[str, SecretRef] = Field(default={})
    """Environment variables whose values are secrets, by reference: `HF_TOKEN: {secret: NAME}`. A pod keeps the value
    that the secret has when the pod starts."""

    pull_secrets: list[str] = Field(default=[], max_length=10)
    """Kubernetes secrets of type `kubernetes.io/dockerconfigjson` in the model's namespace, with which nodes sign in to
    a private registry. Not needed for ECR."""

    port: int = Field(default=8080, ge=1024, le=65535)
    """Port of the container and of its service. Ports below 1024 would need root."""

    health_path: str = Field(default="/health", max_length=1024, pattern=HTTP_PATH, examples=["/health"])
    """Path that returns 200 when the model is loaded."""

    probe_timeout_seconds: int = Field(default=10, ge=1, le=60)
    """Timeout of a request to `healthPath` in seconds. A model server under load responds slowly."""

    startup_minutes: int = Field(default=15, ge=1, le=120)
    """Maximum time in minutes to load the image and the model."""

    restart_after_minutes: int = Field(default=5, ge=0, le=60)
    """Minutes without a response from `healthPath` after which a started server is restarted. 0: never."""

    drain_seconds: int = Field(default=15, ge=5, le=3600)
    """Seconds that a pod continues to serve after its termination starts. It should be long enough that no new requests
    are sent to the pod and that the longest streamed response can finish. An update waits this long for each pod. Then
    the server receives SIGTERM and has 45 seconds to finish its responses and exit. vLLM aborts responses at once
    unless its argument `--shutdown-timeout` sets the seconds to wait, less than 45. Above 840, an update of the pool's
    nodes can fail, because EKS fails the update if a node still has pods after 15 minutes."""

    volumes: dict[str, SharedVolume] = Field(default={}, max_length=10)
    """Directories of shared file systems that the model's pods mount, by a name of your choice. The server may read its
    weights from one, e.g. `--model=/models/qwen3-32b`."""

    pool: str
    """GPU pool that it runs on."""

    gpus: int = Field(default=1, ge=1, le=16)
    """Number of whole GPUs of each pod."""

    cpu: str = Field(default="2", pattern=CPU, examples=["2", "500m"])
    """CPU request of each pod, e.g. `2`, `"1.5"` or `500m`."""

    memory: str = Field(default="8Gi", pattern=MEMORY, examples=["8Gi", "8G"])
    """Memory request and limit of each pod, e.g. `8Gi`, in Mi, Gi, Ti, M, G or T. A container that uses more is
    killed."""

    shared_memory: str = Field(default="1Gi", pattern=MEMORY, examples=["1Gi", "1G"])
    """Size of /dev/shm, which counts toward `memory`."""

    min_replicas: int = Field(default=1, ge=1, le=1000)
    """Minimum number of pods."""

    max_replicas: int = Field(default=1, ge=1, le=1000)
    """Maximum number of pods. If it is above `minReplicas`, pods are scaled by CPU utilization, which says little about
    a server on GPUs. A change from a fixed number to a range starts with one pod again."""

    target_cpu_percent: int = Field(default=70, ge=10, le=100)
    """Target CPU utilization for scaling, in percent of the CPU request."""

    spare_pods: int = Field(default=1, ge=0, le=10)
    """Additional pods that run during an update. The pool's nodes must have room for them. 0: old pods are stopped
    first, one at a time, so that a service with one pod is not available while the new pod starts."""

    run_as_user: int = Field(default=1000, ge=1, le=65535)
    """User ID and group ID of the container; never root."""

    callers: list[str] = Field(default=[])
    """Other namespaces whose pods may call the service. Default: only its own namespace."""

    egress: list[str] = Field(default=[])
    """Networks that it may call on port 443, e.g. `0.0.0.0/0` to load a model from Hugging Face, or the subnets of
    interface endpoints. A network that is wider than private ranges, such as `0.0.0.0/0`, does not include them. Always
    allowed are DNS, the EKS Pod Identity Agent, and S3 if `model`, or the workload with the model's name, uses a
    bucket. Default: only these."""

    egress_rules: list[EgressRule] = Field(default=[])
    """Networks that it may call on other ports, e.g. `{cidr: 10.0.8.0/24, ports: [6379]}` for a cache. Default:
    none."""

    @field_validator("pool")
    @classmethod
    def _pool_can_be_a_label(cls, value: str) -> str:
        if not grammar.label_value(value):
            raise ValueError("allowed: up to 63 letters, digits and - _ . that begin and end with a letter or digit")
        return value

    @field_validator("image")
    @classmethod
    def _image_is_pinned(cls, value: str | None) -> str | None:
        return None if value is None else grammar.pinned_image(value)

    @field_validator("env")
    @classmethod
    def _variables_have_names(cls, value: dict[str, str]) -> dict[str, str]:
        grammar.variables(value, "env")
        grammar.given_to_a_program({f"env.{name}": f"{name}={text}" for name, text in value.items()})
        return value

    @field_validator("secret_env")
    @classmethod
    def _variables_can_be_keys(cls, value: dict[str, SecretRef]) -> dict[str, SecretRef]:
        grammar.variables(value, "secretEnv")
        wrong = [name for name in value if len(name) > grammar.MAX_KEY]
        taken = [name for name in value if FETCHED_FILE.fullmatch(name)]
        problems = [
            f"secretEnv has {grammar.quoted(name)}; allowed: at most {grammar.MAX_KEY} characters" for name in wrong
        ]
        problems += [f"secretEnv has {name}; allowed: names other than secret_ and a number" for name in taken]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("volumes")
    @classmethod
    def _volumes_lie_side_by_side(cls, value: dict[str, SharedVolume]) -> dict[str, SharedVolume]:
        names.named(value, "volumes")
        if wrong := inside_others(value):
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("command_args")
    @classmethod
    def _arguments_can_be_passed(cls, value: list[str]) -> list[str]:
        grammar.given_to_a_program({f"commandArgs[{index}]": text for index, text in enumerate(value)})
        return value

    _numbers = field_validator("cpu", "env", mode="before")(whole_numbers_as_text)

    @field_validator("cpu")
    @classmethod
    def _cpu_is_not_zero(cls, value: str) -> str:
        if not millicores(value):
            raise ValueError("allowed: more than 0, e.g. 2, 1.5 or 500m")
        return value

    @field_validator("callers")
    @classmethod
    def _callers_are_namespaces(cls, value: list[str]) -> list[str]:
        grammar.namespaces(value, "callers")
        return value

    @field_validator("pull_secrets")
    @classmethod
    def _pull_secrets_have_names(cls, value: list[str]) -> list[str]:
        wrong = [
            f"pullSecrets[{index}] is not a name; allowed: names of Kubernetes secrets"
            for index, name in enumerate(value)
            if len(name) > grammar.MAX_OBJECT_NAME or not re.fullmatch(grammar.OBJECT_NAME[:-1] + r"\Z", name)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    _networks = field_validator("egress")(checked_networks)
    _rules = field_validator("egress_rules")(checked_rules)

    @model_validator(mode="after")
    def _the_network_plugin_enforces_all_ports(self) -> Self:
        check_ports(by_network(self.egress, self.egress_rules))
        return self

    @model_validator(mode="after")
    def _there_is_one_image(self) -> Self:
        if self.image is not None and self.image_from is not None:
            raise ValueError(f"image is {self.image}; allowed: either image or imageFrom")
        return self

    @model_validator(mode="after")
    def _weights_are_named_where_they_are_used(self) -> Self:
        named = any(variables.WEIGHTS in variables.references(arg) for arg in self.command_args)
        if self.model is None and named and variables.WEIGHTS not in self.env:
            raise ValueError(
                f"commandArgs has $({variables.WEIGHTS}); allowed: only with model, which sets this variable"
            )
        return self

    @model_validator(mode="after")
    def _variables_are_not_reserved(self) -> Self:
        weights = self.model is not None
        problems = [
            f"{field} {wrong}"
            for field, names in (("env", self.env), ("secretEnv", self.secret_env))
            for wrong in variables.taken(names, weights=weights)
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _a_variable_has_one_value(self) -> Self:
        if twice := sorted({*self.env} & {*self.secret_env}):
            raise ValueError(f"secretEnv has {', '.join(twice)}; allowed: names that are not in env")
        return self

    @model_validator(mode="after")
    def _shared_memory_is_part_of_memory(self) -> Self:
        if mebibytes(self.shared_memory) >= mebibytes(self.memory):
            raise ValueError(
                f"sharedMemory is {self.shared_memory}; allowed: less than memory ({self.memory}), which includes it"
            )
        return self

    @model_validator(mode="after")
    def _replicas_lie_within_limits(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"minReplicas is {self.min_replicas}; allowed: up to maxReplicas ({self.max_replicas})")
        return self

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler sets the number of pods."""
        return self.min_replicas < self.max_replicas

    @property
    def grace_seconds(self) -> int:
        """Termination grace period of a pod in seconds."""
        return self.drain_seconds + STOP_SECONDS

    @property
    def secrets(self) -> list[str]:
        """Names of the secrets in Secrets Manager that it uses."""
        return sorted({each.secret for each in self.secret_env.values() if each.secret})
