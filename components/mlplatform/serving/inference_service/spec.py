"""What models that answer requests are, as specs."""

import re
from decimal import Decimal
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from mlplatform import grammar, names
from mlplatform.registries.image_registry.spec import ImageFrom
from mlplatform.security.workload_identity.spec import PREFIX, SECRET_NAME
from mlplatform.serving.inference_service import variables
from mlplatform.serving.inference_service.egress import EgressRule, by_network, called, too_many_ports
from mlplatform.serving.inference_service.volumes import SharedVolume, inside_others
from mlplatform.spec import REPEATS, Spec

STOP_SECONDS: Final = 45
"""Seconds that a server has for its own end after SIGTERM, which follows `drain_seconds`. vLLM breaks off what it still
answers unless `--shutdown-timeout`, which is less than this, says otherwise:
https://github.com/vllm-project/vllm/pull/36666"""

REVISION: Final = r"^[A-Za-z0-9!_.()=-]+$"
"""One part of a key, of the characters of `PREFIX`."""


_CHARACTER: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@?-]|%[0-9A-Fa-f]{2}"
HTTP_PATH: Final = rf"^/(({_CHARACTER})({_CHARACTER}|/)*)?$"
"""Path and query of a URL, which would be a host behind two slashes: https://www.rfc-editor.org/rfc/rfc3986#section-3.3"""

FETCHED_FILE: Final = re.compile(r"secret_[0-9]+")
"""How the files of whole secrets are named, beside those of parts of secrets, which are named by their variables."""


_BYTES: Final = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "M": 10**6, "G": 10**9, "T": 10**12}
"""Units of memory in bytes:
https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#meaning-of-memory"""

_MEMORY: Final = rf"^[1-9][0-9]*({'|'.join(_BYTES)})$"


class ModelSource(Spec):
    """A model's weights in a bucket of the same stack."""

    bucket: str
    """Name of a bucket of `buckets`."""

    prefix: str = Field(default="", max_length=512, pattern=PREFIX, examples=["qwen3-32b/"])
    """Beginning of the keys of all revisions of the model, e.g. `qwen3-32b/`. Default: the bucket itself."""

    revision: str = Field(max_length=128, pattern=REVISION, examples=["2026-11-01"])
    """Part of the key that tells one revision from others. What lies below it must never change: another revision is
    another name, and so a rollout."""

    @field_validator("revision")
    @classmethod
    def _revision_is_a_name(cls, value: str) -> str:
        if not value.strip("."):
            raise ValueError("allowed: a name, not dots alone, which clients take for another folder")
        return value

    @property
    def key(self) -> str:
        """Beginning of the keys of this revision."""
        return f"{self.prefix}{self.revision}/"


class SecretRef(Spec):
    """Where a secret is; never the secret itself."""

    secret: str | None = Field(default=None, max_length=512, pattern=SECRET_NAME)
    """Name of a secret in AWS Secrets Manager, in the stack's account and region. The workload named like the model
    has to list it in `secrets`."""

    kubernetes_secret: str | None = Field(
        default=None, max_length=grammar.MAX_OBJECT_NAME, pattern=grammar.OBJECT_NAME, examples=["hub-token"]
    )
    """Name of a Kubernetes secret in the model's namespace, which something else keeps there."""

    key: str | None = Field(default=None, min_length=1, max_length=253)
    """Key of the value: in the JSON of the secret in Secrets Manager (default: the whole secret), or in the Kubernetes
    secret, where it is needed."""

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
            raise ValueError(f"key is {grammar.quoted(self.key)}; allowed: letters, digits and _ . -, and not .. first")
        return self

    @field_validator("key")
    @classmethod
    def _key_can_be_seen(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("allowed: text without characters that are not seen")
        return value


class InferenceServiceSpec(Spec):
    """A model behind an HTTP endpoint inside the cluster."""

    image: str | None = None
    """Container image outside of this stack, with a tag or, better, a digest; not `latest`. Either this or
    `imageFrom`."""

    image_from: ImageFrom | None = None
    """Container image in a repository or a cache of this stack. Either this or `image`."""

    model: ModelSource | None = None
    """Weights in a bucket of this stack, which the pod's own role reads. The server finds them by the environment
    variable `MODEL_URI` (`s3://…/`), which `commandArgs` may name: first, as `vllm serve` takes its model, and with
    `--load-format=runai_streamer` for vLLM from 0.23 on (earlier ones take the address for a model of Hugging Face:
    https://github.com/vllm-project/vllm/pull/39155); it also gets `AWS_REGION` and `HF_HUB_OFFLINE`. Default: the
    server has its weights from elsewhere, and `egress` says from where."""

    command_args: list[str] = Field(default=[], json_schema_extra=REPEATS)
    """Arguments for the image's entry point. `$(NAME)` stands for an environment variable of the pod, and `$$(NAME)`
    for `$(NAME)` as it is, e.g. for a shell."""

    env: dict[str, str] = Field(default={})
    """Environment variables, in which `$(NAME)` stands for another. Never secrets: these are readable in the stack file
    and the cluster, and `secretEnv` is for them. HOME and the caches of common model servers are in /tmp unless set
    here; vLLM sends no usage statistics."""

    secret_env: dict[str, SecretRef] = Field(default={})
    """Environment variables whose values are secrets, by reference: `HF_TOKEN: {secret: NAME}`. A pod has the value
    that the secret had when it started."""

    pull_secrets: list[str] = Field(default=[], max_length=10)
    """Kubernetes secrets of type `kubernetes.io/dockerconfigjson` in the model's namespace, with which nodes sign in to
    a private registry. ECR needs none."""

    port: int = Field(default=8080, ge=1024, le=65535)
    """Port that the container and its service listen on; below 1024 would need root."""

    health_path: str = Field(default="/health", max_length=1024, pattern=HTTP_PATH, examples=["/health"])
    """Path that answers 200 once the model is loaded."""

    probe_timeout_seconds: int = Field(default=10, ge=1, le=60)
    """Seconds that `healthPath` may take to answer; a model server under load is slow."""

    startup_minutes: int = Field(default=15, ge=1, le=120)
    """Minutes that the image and the model may take to load."""

    restart_after_minutes: int = Field(default=5, ge=0, le=60)
    """Minutes without an answer from `healthPath` after which a server that had started is restarted. 0: never."""

    drain_seconds: int = Field(default=15, ge=5, le=3600)
    """Seconds that a pod goes on answering after it was asked to stop: at least until no more requests are sent to it,
    and as long as the longest answer takes that is streamed. An update waits for it with each pod. Then the server gets
    SIGTERM, and has 45 seconds to finish what it still answers and to end. vLLM breaks answers off at once unless its
    argument `--shutdown-timeout` says how many seconds it waits for them: less than 45. Above 840, an update of the
    pool's nodes can fail, since EKS gives up on a node that is not empty after 15 minutes."""

    volumes: dict[str, SharedVolume] = Field(default={}, max_length=10)
    """Directories of shared file systems that its pods mount, by a name of your choice. The server may read its weights
    from one, e.g. `--model=/models/qwen3-32b`."""

    pool: str
    """GPU pool that it runs on."""

    gpus: int = Field(default=1, ge=1, le=16)
    """GPUs of each pod, whole ones."""

    cpu: str = Field(default="2", pattern=r"^([0-9]+(\.[0-9]{1,3})?|[0-9]+m)$", examples=["2", "500m"])
    """Processor cores that each pod asks for, e.g. `2`, `"1.5"` or `500m`."""

    memory: str = Field(default="8Gi", pattern=_MEMORY, examples=["8Gi", "8G"])
    """Memory of each pod, e.g. `8Gi`, in units of Kubernetes: Mi, Gi, Ti, M, G or T. More than this ends it."""

    shared_memory: str = Field(default="1Gi", pattern=_MEMORY, examples=["1Gi", "1G"])
    """Size of /dev/shm, which counts as memory."""

    min_replicas: int = Field(default=1, ge=1, le=1000)
    """Fewest pods."""

    max_replicas: int = Field(default=1, ge=1, le=1000)
    """Most pods. Above `minReplicas`, pods are added by processor use, which says little about a server on GPUs. A
    change from a fixed number to a range starts from one pod again."""

    target_cpu_percent: int = Field(default=70, ge=10, le=100)
    """Processor use at which pods are added, in percent of what they ask for."""

    spare_pods: int = Field(default=1, ge=0, le=10)
    """Pods started beside the old ones in an update; the pool's nodes must have room for them. 0: pods are replaced one
    at a time where they are, so that a single pod does not answer while the new one starts."""

    run_as_user: int = Field(default=1000, ge=1, le=65535)
    """User and group id that the container runs as; never root."""

    callers: list[str] = Field(default=[])
    """Namespaces whose pods may call it, beside its own. Default: none."""

    egress: list[str] = Field(default=[])
    """Networks that it may call on port 443, e.g. `0.0.0.0/0` to load a model from Hugging Face, or those of the
    subnets in which interface endpoints are. A network that is wider than private ranges, such as `0.0.0.0/0`, does not
    include them. Always allowed are DNS, the agent that has the pod's role, and S3 where `model`, or the workload named
    like the model, names a bucket. Default: no more than these."""

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

    @field_validator("env", mode="before")
    @classmethod
    def _a_whole_number_is_a_value(cls, value: Any) -> Any:
        return grammar.numbers_as_text(value)

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
        problems = [f"secretEnv has {grammar.quoted(name)}; allowed: {grammar.MAX_KEY} characters" for name in wrong]
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
    def _arguments_can_be_given(cls, value: list[str]) -> list[str]:
        grammar.given_to_a_program({f"commandArgs[{index}]": text for index, text in enumerate(value)})
        return value

    @field_validator("cpu", mode="before")
    @classmethod
    def _cores_may_be_a_number(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @field_validator("cpu")
    @classmethod
    def _cpu_is_more_than_nothing(cls, value: str) -> str:
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
            f"pullSecrets[{index}] is no name; allowed: names of Kubernetes secrets"
            for index, name in enumerate(value)
            if len(name) > grammar.MAX_OBJECT_NAME or not re.fullmatch(grammar.OBJECT_NAME[:-1] + r"\Z", name)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("egress")
    @classmethod
    def _egress_is_networks(cls, value: list[str]) -> list[str]:
        wrong = []
        for cidr in value:
            try:
                called(cidr)
            except ValueError as error:
                wrong.append(f"{cidr}: {error}")
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("egress_rules")
    @classmethod
    def _a_network_has_one_rule(cls, value: list[EgressRule]) -> list[EgressRule]:
        first: dict[str, int] = {}
        wrong = [
            f"egressRules[{index}].cidr is {rule.cidr}; allowed: networks of no other rule, whose ports egressRules"
            f"[{first[rule.cidr]}] can have"
            for index, rule in enumerate(value)
            if first.setdefault(rule.cidr, index) != index and rule not in value[:index]
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @model_validator(mode="after")
    def _the_network_plugin_enforces_all_ports(self) -> Self:
        if wrong := too_many_ports(by_network(self.egress, self.egress_rules)):
            raise ValueError("\n".join(f"egressRules {each}" for each in wrong))
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
                f"commandArgs has $({variables.WEIGHTS}); allowed: with model, which says where the weights are"
            )
        return self

    @model_validator(mode="after")
    def _variables_are_the_spec_s_own(self) -> Self:
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
            raise ValueError(f"secretEnv has {', '.join(twice)}; allowed: names that env does not have")
        return self

    @model_validator(mode="after")
    def _shared_memory_is_part_of_memory(self) -> Self:
        if mebibytes(self.shared_memory) >= mebibytes(self.memory):
            raise ValueError(
                f"sharedMemory is {self.shared_memory}; allowed: less than memory ({self.memory}), which it counts as"
            )
        return self

    @model_validator(mode="after")
    def _replicas_lie_within_limits(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"minReplicas is {self.min_replicas}; allowed: up to maxReplicas ({self.max_replicas})")
        return self

    @property
    def autoscaled(self) -> bool:
        """Whether its number of pods changes by itself."""
        return self.min_replicas < self.max_replicas

    @property
    def grace_seconds(self) -> int:
        """Seconds that a pod has for its end."""
        return self.drain_seconds + STOP_SECONDS

    @property
    def secrets(self) -> list[str]:
        """Names of the secrets in Secrets Manager that it uses."""
        return sorted({each.secret for each in self.secret_env.values() if each.secret})


def mebibytes(quantity: str) -> int:
    """A memory quantity of a spec, e.g. `512Mi` or `8G`, in MiB, rounded up."""
    number = quantity.rstrip("MGTi")
    return -(-int(number) * _BYTES[quantity.removeprefix(number)] // 2**20)


def millicores(quantity: str) -> int:
    """A CPU quantity of a spec, `2`, `1.5` or `500m`, in thousandths of a core."""
    return int(quantity[:-1]) if quantity.endswith("m") else int(Decimal(quantity) * 1000)
