"""Test a program without an engine or a cloud: run it with mocks and inspect the resources that it declares.

>>> plan = declare(lambda: KeyRing("keys", {...}))
>>> [each.name for each in plan.of(aws.kms.Key)]
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func, wait_for_rpcs

from awsfacts.partitions import AWS, dns_suffix
from awsfacts.zones import id_prefix
from mlplatform.transforms import Transforms

ACCOUNT_ID: Final = "123456789012"
REGION: Final = "us-east-1"
CALLER_ARN: Final = f"arn:aws:iam::{ACCOUNT_ID}:user/deployer"
PROJECT: Final = "mlplatform"
STACK: Final = "test"
STACK_TYPE: Final = "pulumi:pulumi:Stack"
STACK_REFERENCE_TYPE: Final = "pulumi:pulumi:StackReference"

_ARNS: Final = {
    "aws:ecr/repository:Repository": "ecr:{region}:{account}:repository/{name}",
    "aws:iam/policy:Policy": "iam::{account}:policy/{name}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:iam/user:User": "iam::{account}:user/{name}",
    "aws:kms/key:Key": "kms:{region}:{account}:key/{name}",
    "aws:s3/bucket:Bucket": "s3:::{name}-id",
    "aws:secretsmanager/secret:Secret": "secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "aws:sqs/queue:Queue": "sqs:{region}:{account}:{name}",
}
"""Valid ARNs for the resources whose ARNs components take and validate."""

_IDS: Final = {
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/subnet:Subnet": "subnet",
}
"""Prefixes of IDs for the resources whose IDs components take and validate."""

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Outputs of a lookup: the same for every call, or computed from its arguments."""


def _zones(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Six zones per region. As in a real account, the order of the names differs from the order of the IDs."""
    region = args.get("region") or REGION
    ids = [f"{id_prefix(region)}-az{number}" for number in (6, 1, 2, 4, 3, 5)]
    return {"id": region, "names": [f"{region}{letter}" for letter in "abcdef"], "zoneIds": ids}


def _endpoint_service(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every service, in every zone."""
    return {
        "id": args["serviceName"],
        "availabilityZones": _zones({"region": _region_of(args["serviceName"])})["names"],
        "privateDnsName": "service.amazonaws.com",
    }


def _region_of(service: str) -> str:
    """The region in the name of an endpoint's service, e.g. `com.amazonaws.us-east-1.sts`."""
    return service.split("com.amazonaws.", 1)[1].split(".", 1)[0]


def _offerings(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every requested type, in every zone."""
    (types,) = [each["values"] for each in args["filters"] if each["name"] == "instance-type"]
    offers = [(type, zone) for type in types for zone in _zones(args)["names"]]
    return {"id": "offers", "instanceTypes": [each[0] for each in offers], "locations": [each[1] for each in offers]}


LOOK_UPS: Final[Mapping[str, Answer]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT_ID, "arn": CALLER_ARN, "id": ACCOUNT_ID},
    "aws:iam/getSessionContext:getSessionContext": {"arn": CALLER_ARN, "issuerArn": CALLER_ARN, "id": CALLER_ARN},
    "aws:eks/getClusters:getClusters": {"names": [], "id": REGION},
    "aws:iam/getRole:getRole": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{args['name']}",
        "id": args["name"],
        "name": args["name"],
    },
    "aws:autoscaling/getAmiIds:getAmiIds": {"names": [], "arns": [], "id": REGION},
    "aws:ssm/getParameter:getParameter": {"insecureValue": "ami-0123456789abcdef0", "type": "String"},
    "aws:index/getPartition:getPartition": {"partition": "aws", "id": "aws"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": _offerings,
    "aws:ec2/getVpcEndpointService:getVpcEndpointService": _endpoint_service,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": {"id": "pl-0", "entries": [{"cidr": "52.216.0.0/15"}]},
}
"""Default results of lookups."""


def _region() -> str:
    return pulumi.Config("aws").get("region") or REGION


def _id(kind: str, name: str) -> str:
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:17]}"


@dataclass(frozen=True)
class Declared:
    """One resource that a program declares."""

    type: str
    name: str
    parent: str
    """Logical name of the parent; empty if the parent is the stack."""

    inputs: Mapping[str, Any]
    """Inputs by their Pulumi (camelCase) names."""

    custom: bool
    """Whether a provider creates it. For a component it is false."""

    retained: bool
    """Whether destroying the stack leaves it in place."""

    protected: bool = False
    """Whether the engine refuses to delete or replace it."""

    ignored: tuple[str, ...] = ()
    """Input properties whose changes are ignored."""

    deletes_first: bool = False
    """Whether a replacement deletes it before the new resource is created."""

    timeouts: Mapping[str, str] = field(default_factory=dict)
    """Its custom timeouts for create, update and delete."""

    provider: str = ""
    """The provider's reference, or empty for the default one."""

    depends_on: frozenset[str] = frozenset()
    """URNs of all resources that it depends on."""

    depends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """URNs of the resources that each input depends on."""

    urn: str = ""

    id: str = ""
    """Its mock ID; empty for a component."""


@dataclass(frozen=True)
class Asked:
    """One lookup of a program."""

    token: str
    args: Mapping[str, Any]
    provider: str
    """The provider's reference, or empty for the default one."""


@dataclass(frozen=True)
class Plan:
    """Everything that a program declares, sorted by type and name."""

    resources: tuple[Declared, ...]
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Registered outputs of each component, by its logical name."""

    exports: Mapping[str, Any] = field(default_factory=dict)
    """The stack's own outputs."""

    asked: tuple[Asked, ...] = ()
    """Its lookups, in order."""

    def __iter__(self) -> Iterator[Declared]:
        """Iterate over the resources."""
        return iter(self.resources)

    def of(self, kind: type[pulumi.Resource]) -> list[Declared]:
        """The resources of an SDK class."""
        return [each for each in self.resources if each.type == token(kind)]

    def one(self, kind: type[pulumi.Resource], name: str | None = None) -> Declared:
        """The one resource of an SDK class (and name).

        Raises:
            ValueError: there is none, or more than one.
        """
        found = [each for each in self.of(kind) if name in (None, each.name)]
        if len(found) != 1:
            raise ValueError(f"{token(kind)} is declared {len(found)} times: {[each.name for each in found]}")
        return found[0]


def token(kind: type[pulumi.Resource]) -> str:
    """The type token of an SDK class, e.g. `aws:s3/bucket:Bucket`."""
    return str(vars(kind)["pulumi_type"])


def declare(
    program: Callable[[], object],
    config: Mapping[str, str] | None = None,
    look_ups: Mapping[str, Answer] | None = None,
    stacks: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """Run `program` with mocks and return what it declares.

    Args:
        program: creates resources; its return value is ignored.
        config: stack configuration, e.g. `{"aws:region": "us-east-1"}`.
        look_ups: results of lookups by function token, or functions from arguments to results. They are added to
            `LOOK_UPS`. A lookup without a result is an error.
        stacks: outputs of the stacks that the program references, by their names. A reference to another stack is an
            error.

    Raises:
        Exception: any exception of the program.
    """
    answers = _Answers({**LOOK_UPS, **(look_ups or {})}, stacks or {})
    monitor = _Monitor(answers)
    exports: dict[str, Any] = {}

    def run() -> None:
        root: Any = settings.get_root_resource()
        root.outputs.clear()
        root._transformations = []
        program()
        pulumi.Output.from_input(dict(root.outputs)).apply(exports.update)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        mocks.set_mocks(monitor.mocks, project=PROJECT, stack=STACK, monitor=monitor)
        # A program that failed leaves tasks that never end.
        settings.SETTINGS.rpc_manager.clear()
        settings.SETTINGS.outputs.clear()
        pulumi.runtime.set_all_config(dict(config or {}))
        loop.run_until_complete(run_pulumi_func(lambda: _settled(run)))
    finally:
        pulumi.runtime.set_all_config({})
        _end_all_tasks(loop)
        asyncio.set_event_loop(None)
        loop.close()
    return Plan(
        tuple(sorted(monitor.declared, key=lambda each: (each.type, each.name))),
        monitor.outputs,
        exports,
        tuple(answers.asked),
    )


def _end_all_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that a failed program left, before the garbage collector finds them at an arbitrary time."""
    # Otherwise the loop reports each failed output again, with a traceback.
    loop.set_exception_handler(lambda *_: None)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


async def _settled(program: Callable[[], object]) -> None:
    """Run a program and wait for its outputs together. Pulumi's own wait checks all of them again after each one."""
    program()
    await wait_for_rpcs(await_all_outstanding_tasks=False)
    while pending := [output for output in settings.SETTINGS.outputs if not output.done()]:
        await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        await wait_for_rpcs(await_all_outstanding_tasks=False)


class _Answers(mocks.Mocks):
    """Returns a resource's inputs as its outputs, with mock values for what AWS computes."""

    def __init__(self, look_ups: Mapping[str, Answer], stacks: Mapping[str, Mapping[str, Any]]) -> None:
        self._look_ups = look_ups
        partition = look_ups["aws:index/getPartition:getPartition"]
        self._partition = str(partition["partition"]) if isinstance(partition, Mapping) else AWS
        self._stacks = stacks
        self.asked: list[Asked] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.typ == STACK_REFERENCE_TYPE:
            name = str(args.resource_id)
            if name not in self._stacks:
                raise KeyError(f"no mock outputs for the stack {name}")
            return name, {"name": name, "outputs": dict(self._stacks[name]), "secretOutputNames": []}
        is_secret = args.typ == "aws:secretsmanager/secret:Secret"
        computed = {
            # Only for a secret do rules depend on the physical name in the ARN.
            "arn": self._arn(args.typ, args.inputs.get("name", args.name) if is_secret else args.name),
            "name": f"{args.name}-0000000",
            "keyId": f"{args.name}-id",
            "nodeGroupName": f"{args.name}-0000000",
            "latestVersion": 1,
            "repositoryUrl": f"{ACCOUNT_ID}.dkr.ecr.{_region()}.{dns_suffix(self._partition)}/{args.name}",
            "endpoint": "https://127.0.0.1:6443",
            "certificateAuthority": {"data": "Q0E="},
            "resources": [{"autoscalingGroups": [{"name": f"eks-{args.name}"}]}],
        }
        outputs = {**computed, **args.inputs}
        if args.typ == "aws:eks/cluster:Cluster":
            outputs["vpcConfig"] = {**outputs["vpcConfig"], "clusterSecurityGroupId": _id("sg", args.name)}
            outputs["kubernetesNetworkConfig"] = {"serviceIpv4Cidr": "172.20.0.0/16"}
        return _id(_IDS[args.typ], args.name) if args.typ in _IDS else f"{args.name}-id", outputs

    def _arn(self, kind: str, name: str) -> str:
        form = _ARNS.get(kind, "mock:{region}:{account}:mock/{name}")
        return f"arn:{self._partition}:" + form.format(region=_region(), account=ACCOUNT_ID, name=name)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token not in self._look_ups:
            raise KeyError(f"no mock result for the lookup {args.token}")
        self.asked.append(Asked(args.token, dict(args.args), args.provider or ""))
        answer = self._look_ups[args.token]
        return dict(answer(args.args) if callable(answer) else answer), []


class _Monitor(mocks.MockMonitor):
    """Records complete registrations. Pulumi's own monitor passes neither parents nor options to a mock."""

    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.declared: list[Declared] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self._transforms = Transforms()

    def RegisterStackTransform(self, request: Any) -> Any:
        self._transforms.of_stack.append(request)
        return super().RegisterStackTransform(request)  # type: ignore[no-untyped-call]  # Pulumi does not type it

    def RegisterStackInvokeTransform(self, request: Any) -> Any:
        self._transforms.of_look_ups.append(request)
        return super().RegisterStackInvokeTransform(request)  # type: ignore[no-untyped-call]  # the same

    def Invoke(self, request: Any) -> Any:
        return super().Invoke(self._transforms.look_up(request))  # type: ignore[no-untyped-call]  # the same

    def RegisterResource(self, request: Any) -> Any:
        if request.type != STACK_TYPE:
            urn = self.make_urn(request.parent, request.type, request.name)
            request = self._transforms.resource(urn, request)
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # Pulumi does not type it
        if request.type != STACK_TYPE:
            parent = request.parent.rsplit("::", 1)[-1]
            self.declared.append(
                Declared(
                    type=request.type,
                    name=request.name,
                    parent="" if request.parent.endswith(f"::{PROJECT}-{STACK}") else parent,
                    inputs=rpc.deserialize_properties(request.object),
                    custom=request.custom,
                    retained=request.retainOnDelete,
                    protected=request.protect,
                    ignored=tuple(request.ignoreChanges),
                    deletes_first=request.deleteBeforeReplace,
                    timeouts={
                        kind: time
                        for kind in ("create", "update", "delete")
                        if (time := getattr(request.customTimeouts, kind))
                    },
                    provider=request.provider,
                    depends_on=frozenset(request.dependencies),
                    depends={name: frozenset(each.urns) for name, each in request.propertyDependencies.items()},
                    urn=response.urn,
                    id=response.id,
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if f"::{STACK_TYPE}::" not in request.urn:
            self.outputs[request.urn.rsplit("::", 1)[-1]] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]  # Pulumi does not type it
