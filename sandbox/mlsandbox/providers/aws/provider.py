"""The sandbox's resource provider for the package `aws`: executes declarations with boto3 on the local AWS API."""

import importlib.metadata
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mlsandbox.errors import suggestion
from mlsandbox.providers.aws import crud, settings, values
from mlsandbox.providers.aws.api import Api, Cloud
from mlsandbox.providers.aws.declaration import Declaration, Lookup
from mlsandbox.providers.aws.settings import Settings
from mlsandbox.providers.protocol import (
    UNKNOWN,
    Difference,
    Failure,
    NotReadyError,
    Properties,
    Provider,
    ProviderError,
    Subject,
    has_unknown,
)

# The end of an engine is not reported, so its provider instances are removed only when this limit is exceeded.
_INSTANCES: Final = 1024


class AwsProvider(Provider):
    """Serves the engine for every declared type. Its only state is the configuration of provider instances."""

    name = "aws"

    def __init__(self, cloud: Cloud, declarations: Mapping[str, Declaration], lookups: Mapping[str, Lookup]) -> None:
        self.version = importlib.metadata.version("pulumi_aws")
        self._cloud = cloud
        self._declarations = declarations
        self._lookups = lookups
        self._instances: OrderedDict[str, Settings] = OrderedDict()
        self._lock = threading.Lock()
        self.say: Callable[..., None] = lambda client, subject, message, **options: None
        """Shows a message to a client's user; set to `servicer.Servicer.say` when the provider is served."""
        self.finished: Callable[[], None] = lambda: None
        """Called when an engine's operation has ended, to persist its changes."""

    def check_config(self, config: Properties) -> Sequence[Failure]:
        """Reject a configuration that the official provider rejects or that the sandbox does not support."""
        return settings.failures(config)

    def cancel(self, client: str) -> None:
        """Persist the changes. The engine sends this at the end of every operation and waits for the response."""
        self.finished()

    def configure(self, client: str, config: Properties) -> None:
        """Store the configuration. Reject an account that it does not allow."""
        chosen = Settings.of(config)
        refused = settings.account_failure(chosen, self._cloud.account(chosen.region))
        if refused:
            raise ProviderError(refused)
        with self._lock:
            self._instances[client] = chosen
            self._instances.move_to_end(client)
            while len(self._instances) > _INSTANCES:
                self._instances.popitem(last=False)

    def check(
        self, client: str, subject: Subject, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Set defaults, the automatic name and all tags. Reject what the SDK or AWS's model does not allow."""
        return values.checked(
            self._declaration(subject), self._settings(client), subject.name, olds, news, seed or subject.urn.encode()
        )

    def diff(
        self, client: str, subject: Subject, id: str, old_inputs: Properties, outputs: Properties, news: Properties
    ) -> Difference:
        """Compare inputs by meaning, ignoring the order of sets and the formatting of JSON documents."""
        return values.difference(
            self._declaration(subject), self._settings(client), subject.name, old_inputs, outputs, news
        )

    def create(
        self, client: str, subject: Subject, inputs: Properties, preview: bool, timeout_s: float
    ) -> tuple[str, Properties]:
        """Create the resource and wait until it is ready."""
        declaration, chosen = self._declaration(subject), self._settings(client)
        if preview:
            return "", values.expected_outputs(declaration, chosen, inputs)
        region = inputs.get("region") or chosen.region
        api = self._api(declaration, region, subject, timeout_s)
        if declaration.singleton is not None:
            live = crud.read(declaration, api, api.account)
            if live is not None and not declaration.singleton.unset(live):
                self.say(client, subject, _overwrites(declaration.singleton.name, region), warning=True)
        id = crud.create(declaration, api, inputs)
        try:
            crud.finish(declaration, api, id, inputs)
        except ProviderError as error:
            live = crud.read(declaration, api, id) or {}
            outputs = values.live_outputs(declaration, chosen, region, inputs, live)
            raise NotReadyError(id, outputs, inputs, (str(error),)) from error
        return id, self._outputs(declaration, chosen, api, id, inputs)

    def read(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """The current state of the resource in AWS."""
        declaration, chosen = self._declaration(subject), self._settings(client)
        region = outputs.get("region") or inputs.get("region") or chosen.region
        live = crud.read(declaration, self._api(declaration, region, subject, 0), id)
        if live is None:
            return None
        now = values.live_outputs(declaration, chosen, region, inputs, live)
        return id, values.live_inputs(declaration, inputs, outputs, now), now

    def update(
        self,
        client: str,
        subject: Subject,
        id: str,
        old_inputs: Properties,
        outputs: Properties,
        news: Properties,
        preview: bool,
        timeout_s: float,
    ) -> Properties:
        """Execute the updates for the changed properties."""
        declaration, chosen = self._declaration(subject), self._settings(client)
        changes = values.difference(declaration, chosen, subject.name, old_inputs, outputs, news).changes
        names = {str(change.path[0]) for change in changes}
        if preview:
            moved = [name for name, causes in declaration.volatile.items() if causes & names]
            return {**values.updated_outputs(declaration, outputs, news), **dict.fromkeys(moved, UNKNOWN)}
        api = self._api(declaration, outputs.get("region") or chosen.region, subject, timeout_s)
        crud.change(declaration, api, id, old_inputs, news, names)
        return self._outputs(declaration, chosen, api, id, news)

    def delete(
        self, client: str, subject: Subject, id: str, inputs: Properties, outputs: Properties, timeout_s: float
    ) -> None:
        """Delete the resource and wait until it is gone."""
        declaration = self._declaration(subject)
        region = outputs.get("region") or self._settings(client).region
        crud.delete(declaration, self._api(declaration, region, subject, timeout_s), id, outputs)

    def invoke(self, client: str, token: str, args: Properties, preview: bool) -> Properties | Sequence[Failure]:
        """Execute a lookup with the live API."""
        lookup = self._lookups.get(token)
        if lookup is None:
            raise ProviderError(_undeclared("lookup", token, self._lookups))
        given = {name: value for name, value in args.items() if value is not None}
        unknown = [name for name in given if name not in lookup.inputs]
        if unknown:
            return [Failure(name, f"is not an argument{suggestion(name, lookup.inputs)}") for name in unknown]
        if has_unknown(given):
            raise ProviderError(f"{token}: an argument is not known before the update")
        region = given.pop("region", None) or self._settings(client).region
        return lookup.answer(Api(self._cloud, lookup.service, region, token, 0), given)

    def _outputs(self, declaration: Declaration, chosen: Settings, api: Api, id: str, inputs: Properties) -> Properties:
        live = crud.read(declaration, api, id)
        if live is None:
            raise ProviderError(f"{api.name}: the request succeeded, but {declaration.token} {id} does not exist")
        return values.live_outputs(declaration, chosen, api.region, inputs, live)

    def _api(self, declaration: Declaration, region: str, subject: Subject, timeout_s: float) -> Api:
        timeout_s = timeout_s or declaration.timeout_s
        return Api(self._cloud, declaration.service, region, subject.name, timeout_s, declaration.passing)

    def _declaration(self, subject: Subject) -> Declaration:
        found = self._declarations.get(subject.type)
        if found is None:
            raise ProviderError(f"{subject.name}: {_undeclared('type', subject.type, self._declarations)}")
        return found

    def _settings(self, client: str) -> Settings:
        with self._lock:
            found = self._instances.get(client)
        if found is None:
            raise ProviderError("The sandbox's aws provider is not configured: set aws:region in the stack's config")
        return found


def _overwrites(name: str, region: str) -> str:
    return (
        f"The account has one {name} in {region}, and it is already set, by another stack or manually. "
        "This stack overwrites it, as AWS allows, and its deletion in either stack resets it for both. Manage it in "
        "only one stack."
    )


def _undeclared(kind: str, token: str, known: Mapping[str, object]) -> str:
    return (
        f"the sandbox has no declaration of the {kind} {token}{suggestion(token, known)} "
        f"(`mlsandbox status` lists the {len(known)} that it has). To add it, declare it in its service's module "
        "in mlsandbox/providers/aws, like the existing ones, and its lifecycle in tests/types"
    )
