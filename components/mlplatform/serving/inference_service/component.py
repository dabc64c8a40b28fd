"""Model servers in the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from mlplatform import grammar, namespaces
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, fitting, need, reporting, what_is
from mlplatform.checks.shared import not_secret
from mlplatform.component import Component
from mlplatform.registries.image_registry.spec import reference
from mlplatform.security.guarded_namespace import PodSecurity, create_namespace
from mlplatform.serving.inference_service import variables, volumes
from mlplatform.serving.inference_service.pods import (
    autoscaler_spec,
    deployment_spec,
    labels,
    model_env,
    network_policy,
    plain_variables,
    rollout_timeouts,
    secret_class_spec,
    selector,
    variables_of,
)
from mlplatform.serving.inference_service.spec import InferenceServiceSpec
from mlplatform.storage.shared_filesystem import claims


class InferenceServiceArgs(TypedDict):
    """Arguments of an `InferenceService`."""

    inference: InferenceServiceSpec
    """The service."""

    namespace: NotRequired[pulumi.Input[str]]
    """Name of an existing namespace. Default: the component creates a namespace with the name of the service."""

    image: NotRequired[pulumi.Input[str]]
    """Container image, if the program builds or looks up its reference. Default: the image in `inference`."""

    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Additional environment variables whose values are outputs. Never secrets."""

    repository_urls: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """URLs of repositories by name, including the one in `inference.imageFrom`."""

    registry_url: NotRequired[pulumi.Input[str]]
    """Host name of the registry with the cache in `inference.imageFrom`."""

    bucket_names: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Physical names of buckets by name, including the one in `inference.model`."""

    region: NotRequired[pulumi.Input[str]]
    """AWS region of the bucket and of the secrets. Required for `inference.model` and for secrets of Secrets
    Manager."""

    volume_handles: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Volume handles of the access points in `inference.volumes`, by `FILESYSTEM/ACCESSPOINT`. `SharedFilesystem`
    returns them as `volume_handles`. Required for `inference.volumes`."""

    s3_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of S3 in the region, for a model that uses S3. Required for `inference.model`."""

    vpc_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of the VPC. A wider network in `inference.egress`, such as `0.0.0.0/0`, does not include them.
    Default: only private ranges are excluded."""

    protect: NotRequired[bool]
    """Protect the Deployment, whose pods take long to start, its service, network policy and disruption budget from
    deletion and replacement. Default: false."""


class InferenceService(Component):
    """A model server on GPUs: a Deployment with graceful shutdown, a service, a disruption budget, a network policy."""

    namespace: pulumi.Output[str]
    """Namespace that it runs in."""

    endpoint_url: pulumi.Output[str]
    """URL inside the cluster."""

    def __init__(self, name: str, args: InferenceServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(InferenceServiceArgs, self, name, args)
        wanted = args["inference"]
        given = self._place(name, args.get("namespace"))
        s3 = fitting(self, name, "s3_cidrs", args.get("s3_cidrs", []), grammar.networks)
        own = fitting(self, name, "vpc_cidrs", args.get("vpc_cidrs", []), grammar.networks)
        image, env = self._image(name, wanted, args), self._env(name, wanted, args)
        handles = self._handles(name, wanted, args)
        super().__init__(name, args, opts)
        namespace = self._namespace(name) if given is None else given

        def metadata(part: str) -> dict[str, Any]:
            # Names are fixed, because callers and `kubectl` use them. Services in one namespace have different names.
            annotations = self.annotations_for(f"{name}-{part}")
            return {"name": name, "namespace": namespace, "labels": labels(name), "annotations": annotations}

        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata("account"), automount_service_account_token=False, opts=self.child()
        )
        closed = k8s.networking.v1.NetworkPolicy(
            f"{name}-network-policy",
            metadata=metadata("network-policy"),
            spec=pulumi.Output.all(s3, own).apply(
                reporting(self, name, "inference", lambda known: network_policy(name, wanted, *known))
            ),
            opts=self.guarded(),
        )
        # A pod that starts before its network policy exists could call everything.
        before: list[pulumi.Resource] = [account, closed]
        if wanted.secrets:
            before.append(
                k8s.apiextensions.CustomResource(
                    f"{name}-secrets",
                    api_version="secrets-store.csi.x-k8s.io/v1",
                    kind="SecretProviderClass",
                    metadata=metadata("secrets"),
                    spec=secret_class_spec(name, wanted, args["region"]),
                    opts=self.child(),
                )
            )
        mounted = {
            volume: claims.claimed(
                self,
                volumes.logical_name(name, volume),
                namespace,
                volumes.claim(name, volume, handle),
                handle,
                labels(name),
            )
            for volume, handle in handles.items()
        }
        if wanted.autoscaled:
            # Before the Deployment: the rollout then waits for the number of pods that the autoscaler sets.
            before.append(
                k8s.autoscaling.v2.HorizontalPodAutoscaler(
                    f"{name}-autoscaler",
                    metadata=metadata("autoscaler"),
                    spec=autoscaler_spec(name, wanted),
                    opts=self.child(),
                )
            )
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata("deployment"),
            spec=deployment_spec(name, wanted, image, env, volumes.names_of(mounted)),
            opts=self.guarded(depends_on=before, custom_timeouts=rollout_timeouts(wanted)),
        )
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=metadata("service"),
            # The same port as the container's. If the caller has egress rules, the VPC CNI requires equal ports:
            # https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html
            spec={"selector": selector(name), "ports": [{"name": "http", "port": wanted.port, "target_port": "http"}]},
            opts=self.guarded(depends_on=[deployment]),
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption-budget",
            metadata=metadata("disruption-budget"),
            spec={"max_unavailable": 1, "selector": {"match_labels": selector(name)}},
            opts=self.guarded(),
        )

        self.namespace = pulumi.Output.from_input(namespace)
        self.endpoint_url = pulumi.Output.concat("http://", name, ".", namespace, f".svc.cluster.local:{wanted.port}")
        self._done()

    def _place(self, name: str, given: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
        """The argument `namespace`, if the service's names do not clash with names that Kubernetes uses."""
        if allowed := namespaces.model_problem(name, own_namespace=given is None):
            raise ArgumentsError(what_is(self, name), [Problem("name", f"is {name}; allowed: {allowed}")])
        if given is None:
            return None
        return fitting(self, name, "namespace", given, partial(namespaces.for_model, name))

    def _namespace(self, name: str) -> pulumi.Input[str]:
        namespace = create_namespace(self, f"{name}-namespace", name, PodSecurity.RESTRICTED, labels(name))
        return pulumi.Output.from_input(namespace.metadata).apply(lambda metadata: str(metadata["name"]))

    def _handles(
        self, name: str, wanted: InferenceServiceSpec, args: InferenceServiceArgs
    ) -> dict[str, pulumi.Input[str]]:
        """The volume handle of each volume."""
        if wanted.volumes:
            need(self, name, args, "volume_handles", since="inference has volumes")
        given = args.get("volume_handles", {})
        sources = {volume: each.source for volume, each in wanted.volumes.items()}
        known = ", ".join(sorted(given)) or "none is given"
        problems = [
            Problem("volume_handles", f"has no {source}; required for inference.volumes.{volume}; given: {known}")
            for volume, source in sources.items()
            if source not in given
        ]
        if problems:
            raise ArgumentsError(what_is(self, name), problems)
        return {volume: given[source] for volume, source in sources.items()}

    def _image(self, name: str, wanted: InferenceServiceSpec, args: InferenceServiceArgs) -> pulumi.Input[str]:
        """The container image, which must be set in exactly one place."""
        given = args.get("image")
        places = {"image": given, "inference.image": wanted.image, "inference.imageFrom": wanted.image_from}
        named = [place for place, value in places.items() if value is not None]
        if len(named) != 1:
            only = "allowed: exactly one of image, inference.image and inference.imageFrom"
            problems = [Problem(place, f"is one of {len(named)} images; {only}") for place in named]
            raise ArgumentsError(what_is(self, name), problems or [Problem("image", f"is missing; {only}")])
        if wanted.image_from:
            needed = "registry_url" if wanted.image_from.cache else "repository_urls"
            need(self, name, args, needed, since="inference has imageFrom")
            source = wanted.image_from
            return pulumi.Output.all(urls=args.get("repository_urls", {}), registry=args.get("registry_url", "")).apply(
                reporting(self, name, "inference", lambda known: reference(source, known["urls"], known["registry"]))
            )
        if given is not None:
            return fitting(self, name, "image", given, grammar.pinned_image)
        assert wanted.image is not None, "counted above"
        return wanted.image

    def _env(self, name: str, wanted: InferenceServiceSpec, args: InferenceServiceArgs) -> dict[str, pulumi.Input[str]]:
        """The environment variables that are not secrets."""
        if wanted.secrets:
            need(self, name, args, "region", since="inference has secretEnv")
        given = args.get("env", {})
        if problems := [*_given_problems(wanted, given)]:
            raise ArgumentsError(what_is(self, name), problems)
        env: dict[str, pulumi.Input[str]] = {}
        if wanted.model:
            need(self, name, args, "bucket_names", "region", "s3_cidrs", since="inference has model")
            if args["s3_cidrs"] == []:
                reason = "is empty; allowed: the addresses of S3, since inference has model"
                raise ArgumentsError(what_is(self, name), [Problem("s3_cidrs", reason)])
            buckets = args["bucket_names"]
            if wanted.model.bucket not in buckets:
                known = ", ".join(sorted(buckets)) or "none is given"
                problem = Problem("inference.model.bucket", f"is {wanted.model.bucket}; allowed: {known}")
                raise ArgumentsError(what_is(self, name), [problem])
            env |= model_env(wanted.model, buckets[wanted.model.bucket], args["region"])
        instead = "allowed: values that anyone may read; put secrets in inference.secretEnv"
        open_values = not_secret(what_is(self, name), "env", given, instead)
        return {**env, **wanted.env, **self._resolvable(name, wanted, {**env, **wanted.env, **given}, open_values)}

    def _resolvable(
        self, name: str, wanted: InferenceServiceSpec, env: Mapping[str, Any], given: Mapping[str, pulumi.Input[str]]
    ) -> dict[str, pulumi.Input[str]]:
        """The values of the argument `env`. The references of outputs are validated when they are known."""
        order = variables.ordered(plain_variables(wanted, env), wanted.secret_env)

        def checked(variable: str, value: pulumi.Input[str]) -> pulumi.Input[str]:
            before = {*order[: order.index(variable)]}

            def right(text: str) -> str:
                if wrong := [*variables.wrong_value(text, before)]:
                    problems = [Problem(f"env.{variable}", each) for each in wrong]
                    raise ArgumentsError(what_is(self, name), problems)
                return text

            return value.apply(right) if isinstance(value, pulumi.Output) else value

        return {variable: checked(variable, value) for variable, value in given.items()}


def _given_problems(wanted: InferenceServiceSpec, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of the argument `env` and of references between variables. Outputs are skipped."""
    wrong_names = [*grammar.not_variables(given), *variables.taken(given, weights=wanted.model is not None)]
    secrets = [each for each in given if each in wanted.secret_env]
    wrong_names += [f"has {each}; allowed: names that are not in inference.secretEnv" for each in secrets]
    yield from (Problem("env", each) for each in wrong_names)
    for variable, text in given.items():
        if isinstance(text, str):
            place = f"env.{variable}"
            wrong = grammar.not_given_to_a_program({place: f"{variable}={text}"})
            yield from (Problem(place, each.removeprefix(f"{place} ")) for each in wrong)
    there = {*variables_of(wanted), *given}
    # It is not known here whether the pod has a role.
    for index, reason in variables.wrong_arguments(wanted.command_args, there | variables.ADDED):
        yield Problem(f"inference.commandArgs[{index}]", reason)
    for variable, reason in variables.wrong_values({**wanted.env, **given}, there):
        yield Problem(f"{'' if variable in given else 'inference.'}env.{variable}", reason)
