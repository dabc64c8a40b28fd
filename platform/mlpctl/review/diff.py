"""What of a resource differs between what is there and what is wanted, apart from what means nothing."""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from mlpctl import urns
from mlpctl.review import records, rules
from mlpctl.review.kinds import short_type
from mlpctl.review.plan import PROVIDER, Change, Op
from mlpctl.review.report import Difference
from mlpctl.review.short import excerpt, pair, short
from mlpctl.review.values import UNKNOWN, Masked, Secret, Value, document, dotted, root

MAX_SHOWN: Final = 100
"""Differences of one resource that are shown at most."""

HIDDEN: Final = "(not shown by the engine)"
CHANGED_SECRET: Final = "(secret, changed)"

NATURAL_KEYS: Final = (
    ("name",),
    ("Sid",),
    ("sid",),
    ("key",),
    ("key", "effect"),
    ("Key",),
    ("deviceName",),
    ("mountPath",),
    ("containerPort",),
    ("containerPort", "protocol"),
    ("networkCardIndex", "deviceIndex"),
    ("resourceType",),
    ("variantName",),
    ("ruleId",),
    ("ruleName",),
    ("rulePriority",),
    ("ruleNo",),
    ("id",),
    ("host",),
    ("priority",),
    ("port",),
    ("port", "protocol"),
    ("cidrBlock",),
    ("topologyKey",),
    ("topologyKey", "whenUnsatisfiable"),
    ("type",),
)
"""Properties that tell the items of a list apart; the first that do it for all items of both sides are taken."""

SETS: Final = re.compile(
    r"(ids|arns|names|groups?|subnets|zones|cidrs|cidrBlocks|cidrIps|prefixLists|prefixListIds|ingress|egress|tags|actions|"
    r"notActions|principals|identifiers|resources|nonResourceURLs|apiGroups|verbs|subjects|policies|policyArns|aliases|"
    r"domains|hosts|hostnames|sans|alternativeNames|logTypes|logsExports|exports|events|metrics|methods|headers|"
    r"origins|cidrs|ranges|audiences|clientIdList|thumbprintList|thumbprints|finalizers|accessModes|policyTypes|"
    r"callbackUrls|logoutUrls|scopes|oauthScopes|authFlows|capabilities|features|registries|accounts|regions|"
    r"localSecondaryIndexes|globalSecondaryIndexes|attributes|filters|members|roles|users|statements?|values)$",
    re.IGNORECASE,
)
"""Names of lists whose order means nothing to any API that we know of."""

ORDERED: Final = re.compile(
    r"^(args|command|commands|entryPoint|entrypoint|instanceTypes|initContainers|overrides|orderedCacheBehaviors|"
    r"dnsServers|nameservers|searches|steps|stages|processors|priorities|layers|path|predefinedMetrics)$"
)
"""Names of lists whose order means something, whatever a wider rule says of them."""

ORDERED_OBJECTS: Final = re.compile(
    r"(actions|members|origins|filters|headers|policies|values|hosts|domains|users)$", re.I
)
"""Names of sets of texts; of objects they are steps, choices or rules, of which the first counts."""

UNORDERED: Final = re.compile(
    r"^(volumes|volumeMounts|volumeDevices|volumeClaimTemplates|ports|tolerations|taints|requirements|matchExpressions|"
    r"imagePullSecrets|topologySpreadConstraints|blockDeviceMappings|ebsBlockDevices|ephemeralBlockDevices|"
    r"networkInterfaces|tagSpecifications|parameters|dimensions|hostAliases|ownerReferences|secretOptions|"
    r"resourceClaims|productionVariants|shadowProductionVariants|replicas|lifecycleRules|corsRules)$"
)
"""Names of lists of objects with names of their own whose order means nothing to any API that we know of."""

FREE_MAPS: Final = re.compile(
    r"(tags|tagsAll|labels|annotations|selector|nodeSelector|matchLabels|variables|environment|parameters|data|"
    r"metadata|attributes|options|settings|config|values)$",
    re.IGNORECASE,
)
"""Names of mappings whose keys are their user's: one that is there with an empty value says something."""

COMPUTED: Final = re.compile(
    r"^(__defaults|__meta|__internal|__fqn|__inputs|__initialApiVersion|contextHash|sourceCodeHash|sourceHash|"
    r"contentHash|etag|pluginDownloadURL|.*[Cc]onfig[-_]?[Hh]ash|(.*/)?checksum[/_-].*|.*/checksum)$"
)
"""Names of properties that follow from others. A checksum that the program gives is none: it says what is wanted."""

SERVERS: Final = re.compile(
    r"(^|\.)metadata\.(resourceVersion|managedFields|generation|uid|creationTimestamp|selfLink)$"
)
"""What Kubernetes's API writes into an object."""

CONTENT: Final = re.compile(r"^(sourceCodeHash|sourceHash|contentHash|etag)$")
"""Those that may be all that tells of a change, since what they follow from is not part of the inputs."""

_AUTO_NAME: Final = re.compile(r"^(?P<stem>.+)-(?P<suffix>[0-9a-f]{7,8})(\.fifo)?$")
"""A name as the engine makes it of a logical one: https://www.pulumi.com/docs/iac/concepts/resources/names/"""

ENGINES: Final = frozenset({"id", "provider", "replaceWith", "#initerror"})
"""What the engine blames for a replacement that no property forces (pkg/resource/deploy/step_generator.go)."""

_ITEM: Final = re.compile(r'\[("([^"\\]|\\.)*"|\d*)\]')
"""A step of a path to an item of a list: its position, or its key as JSON."""

_HELM: Final = f"{urns.KUBERNETES}helm.sh/"

_POLICY_LISTS: Final = frozenset({"Action", "NotAction", "Resource", "NotResource"})
_MIN_BASE64: Final = 16
_MAX_BASE64: Final = 4_000_000


@dataclass(frozen=True)
class Differences:
    """What differs in one resource."""

    shown: tuple[Difference, ...] = ()
    """What a reader has to know, what forces a replacement first; at most `MAX_SHOWN`."""

    noise: int = 0
    """How many mean nothing."""

    more: int = 0
    """How many were left out."""


class _Absent:
    """There is no such property."""


_ABSENT: Final = _Absent()


class _Delta(NamedTuple):
    """One difference."""

    path: str
    old: Value = _ABSENT
    new: Value = _ABSENT
    noise: bool = False


class _Place(NamedTuple):
    """Where values are compared."""

    path: str = ""
    name: str = ""
    """The property's name, without those above it."""

    policy: bool = False
    """Whether it is part of an IAM policy, where every list is a set and a single item needs no list."""

    silent: bool = False
    """Whether the provider, which reports what differs, reports nothing of this property."""

    document: bool = False
    """Whether it is part of a text or of values that only its user knows: then the order of every list may count."""

    strict: bool = False
    """Whether what is there and empty says something, as an empty selector does, which selects everything."""

    owner: str = ""
    """The resource's logical name, of which the engine makes others."""

    type: str = ""
    """The resource's type, whose record may say of a list whether its order means something."""

    def below(self, key: str) -> "_Place":
        """The place of a property."""
        step, free = _step(key)
        path = f"{self.path}.{step}" if self.path and not step.startswith("[") else self.path + step
        return self._replace(path=path, name=key, strict=self.strict or free)

    def item(self, key: Any = "") -> "_Place":
        """The place of a list's item: at a position, under a key, or anywhere."""
        return self._replace(path=f"{self.path}[{json.dumps(key) if isinstance(key, str) and key else key}]")


@lru_cache(maxsize=4_096)
def _step(key: str) -> tuple[str, bool]:
    """A property as a step of a way, and whether what is below it is its user's."""
    return dotted((key,)), bool(FREE_MAPS.search(key))


class _Ways:
    """Ways to properties. One is in it if it is one of them, or lies above or below one; positions do not count."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._ends: set[str] = set()
        self._all: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        bare = _bare(path)
        self._ends.add(bare)
        self._all.update(_lead(bare))

    def __contains__(self, path: str) -> bool:
        bare = _bare(path)
        return bare in self._all or any(each in self._ends for each in _lead(bare))


_FOUND: Final[WeakKeyDictionary[Change, Differences]] = WeakKeyDictionary()
"""Differences that were asked for already: of one resource they are, for its row, its reasons and its dangers."""


def differences(change: Change) -> Differences:
    """What differs between a resource's inputs until now and those from now on; nothing where it comes or goes."""
    if change not in _FOUND:
        _FOUND[change] = _differences(change)
    return _FOUND[change]


def _differences(change: Change) -> Differences:
    if change.old is None or change.new is None:
        return Differences()
    shown: list[_Delta] = []
    noise: list[_Delta] = []
    for delta in _inputs(change):
        (noise if delta.noise else shown).append(delta)
    forced = _Ways(change.forced_by if change.op is Op.REPLACE else ())
    if not shown:
        # A hash is then all that tells of the change.
        shown = [each._replace(noise=False) for each in noise if CONTENT.match(each.path)]
        noise = [each for each in noise if not CONTENT.match(each.path)]
    told, folded = (_Ways(each.path for each in found) for found in (shown, noise))
    for path in dict.fromkeys((*change.forced_by, *change.reported)):
        if _is_its_provider(path, change):
            if change.old_provider:
                shown.append(_Delta(path, *_providers(change)))
            told.add(path)
            continue
        if path in told or (path not in forced and (path in folded or _unseen(path, change))):
            continue
        if path in ENGINES and path not in change.old and path not in change.new:
            continue
        shown.append(_Delta(path, _at(change.old, path), _at(change.new, path)))
        told.add(path)
    shown.sort(key=lambda each: each.path not in forced)
    return Differences(
        tuple(_difference(each, each.path in forced) for each in shown[:MAX_SHOWN]),
        len(noise),
        len(shown[MAX_SHOWN:]),
    )


def _is_its_provider(path: str, change: Change) -> bool:
    """Whether the engine means the resource's provider, and no input of that name."""
    return path == PROVIDER and path not in (change.old or {}) and path not in (change.new or {})


def _providers(change: Change) -> tuple[str, str]:
    """The provider until now and from now on."""
    old, new = (urns.name(urn) if urn else HIDDEN for urn in (change.old_provider, change.provider))
    if old != new:
        return old, new
    if change.doubtful_provider:
        return old, f"{new} (may be replaced, since {' and '.join(change.doubtful_provider)} is known after the update)"
    return old, f"{new} (replaced)"


def compared(old: Value, new: Value, path: str, *, strict: bool = False, type: str = "") -> tuple[Difference, ...]:
    """What differs between two values of the property `path`, without noise; None stands for no value.

    Args:
        old: The value until now.
        new: The value from now on.
        path: The property.
        strict: Whether what is there and empty says something.
        type: The resource's type, where the property is one of its inputs.
    """
    place = _Place(path, path.rsplit(".", 1)[-1], strict=strict, type=type)
    found = _compare(_ABSENT if old is None else old, _ABSENT if new is None else new, place)
    return tuple(_difference(each, False) for each in found if not each.noise)


def _inputs(change: Change) -> Iterator[_Delta]:
    """What differs in all inputs."""
    old, new = dict(change.old or {}), dict(change.new or {})
    reported = {root(path) for path in (*change.reported, *change.forced_by)}
    start = _Place(strict=change.type.startswith(urns.KUBERNETES), owner=change.name, type=change.type)
    if change.is_provider and _major(old.get("version")) == _major(new.get("version")):
        yield from (_quiet(delta) for delta in _compare_key(old, new, "version", start))
        old.pop("version", None)
        new.pop("version", None)
    # Every tag is there twice: as it was given, and again with the provider's own.
    tags = {each.path: each for each in _compare_key(old, new, "tags", start)}
    for key in sorted({*old, *new}):
        place = start._replace(
            silent=bool(reported) and key not in reported,
            document=key == "values" and change.type.startswith(_HELM),
        )
        found = _compare_key(old, new, key, place)
        if key == "tagsAll":
            for delta in found:
                twin = tags.get("tags" + delta.path.removeprefix("tagsAll"))
                yield _quiet(delta) if twin and (twin.old, twin.new) == (delta.old, delta.new) else delta
        else:
            yield from found


def _compare_key(old: Mapping[str, Value], new: Mapping[str, Value], key: str, place: _Place) -> Iterator[_Delta]:
    """What differs in one property of two mappings."""
    before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
    here = place.below(key)
    if before == after:
        return
    if (
        COMPUTED.match(key)
        or SERVERS.search(here.path)
        or _only_auto_named(key, before, after, place.owner)
        or (key in rules.NOTATION and rules.same(old, new))
    ):
        yield _Delta(here.path, before, after, noise=True)
    elif before is _ABSENT or after is _ABSENT:
        present, side = (after, new) if before is _ABSENT else (before, old)
        default = key in (side.get("__defaults") or ()) or (here.silent and _is_scalar(present))
        yield _Delta(here.path, before, after, noise=default or _is_empty(present, here.strict))
    else:
        yield from _compare(before, after, here)


def _compare(old: Value, new: Value, place: _Place) -> Iterator[_Delta]:
    """What differs in two values."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if "Statement" in old and "Statement" in new:
            old, new, place = _policy(old), _policy(new), place._replace(policy=True)
        for key in sorted({*old, *new}, key=str):
            yield from _compare_key(old, new, key, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, place)
    elif isinstance(old, str) and isinstance(new, str):
        yield from _texts(old, new, place)
    elif isinstance(old, str) and isinstance(new, Mapping | list) and (parsed := document(old)) is not None:
        yield from _meant(
            _compare(parsed, new, place._replace(document=True)), _Delta(place.path, old, new, noise=True)
        )
    elif isinstance(new, str) and isinstance(old, Mapping | list) and (parsed := document(new)) is not None:
        yield from _meant(
            _compare(old, parsed, place._replace(document=True)), _Delta(place.path, old, new, noise=True)
        )
    else:
        yield _Delta(place.path, old, new, noise=_same_word(old, new) or _both_empty(old, new, place.strict))


def _texts(old: str, new: str, place: _Place) -> Iterator[_Delta]:
    """What differs in two texts: as the JSON or the base64 that they are, where both are."""
    before, after = document(old), document(new)
    inside = place._replace(document=True)
    # What the texts mean may be the same only as far as they are shown.
    otherwise = _Delta(place.path, old, new, noise=not isinstance(old, Masked) and not isinstance(new, Masked))
    if before is not None and after is not None and type(before) is type(after):
        yield from _meant(_compare(before, after, inside), otherwise)
    elif (one := _decoded(old)) is not None and (other := _decoded(new)) is not None:
        yield from _meant(_texts(one, other, place), otherwise)
    elif old != new:
        yield _Delta(place.path, old, new)


def _meant(found: Iterable[_Delta], otherwise: _Delta) -> Iterator[_Delta]:
    """What was found in what two values mean; or that they only say the same in two ways."""
    nothing = True
    for delta in found:
        nothing = False
        yield delta
    if nothing:
        yield otherwise


def _lists(old: Sequence[Value], new: Sequence[Value], place: _Place) -> Iterator[_Delta]:
    """What differs in two lists: by natural key, as sets, or by position."""
    if (found := rules.left(old, new)) is not None:
        if not any(found):
            yield _Delta(place.path, old, new, noise=True)
        yield from _leftover(*found, place)
        return
    if keys := natural_keys(old, new):
        yield from _keyed(old, new, keys, place)
        return
    if _is_set(place, [*old, *new]):
        gone, come = _without_same(old, new)
        if not gone and not come:
            yield _Delta(place.path, old, new, noise=True)
            return
    else:
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        gone, come = list(enumerate(old))[start : len(old) - end], list(enumerate(new))[start : len(new) - end]
    yield from _leftover(gone, come, place)


def _leftover(gone: list[tuple[int, Value]], come: list[tuple[int, Value]], place: _Place) -> Iterator[_Delta]:
    """Items that one side lacks: paired where there are as many on both."""
    if len(gone) == len(come):
        for (_, before), (number, after) in zip(gone, come, strict=True):
            yield from _compare(before, after, place.item(number))
        return
    for number, item in gone:
        yield _Delta(place.item(number).path, item)
    for number, item in come:
        yield _Delta(place.item(number).path, new=item)


def _keyed(old: Sequence[Any], new: Sequence[Any], keys: Sequence[str], place: _Place) -> Iterator[_Delta]:
    """What differs in lists of objects that are told apart by properties."""
    before, after = ({_key(item, keys): item for item in side} for side in (old, new))
    for key in dict.fromkeys((*before, *after)):
        here = place.item(key)
        if key not in before or key not in after:
            yield _Delta(here.path, before.get(key, _ABSENT), after.get(key, _ABSENT))
        else:
            yield from _compare(before[key], after[key], here)
    stay = [key for key in before if key in after]
    order = [key for key in after if key in before]
    if stay != order:
        yield _Delta(place.path, stay, order, noise=_is_set(place, old) or _means_no_order(place))


def _is_set(place: _Place, items: Sequence[Value]) -> bool:
    """Whether the order of a list means nothing."""
    known = _known(place.type, place.path) if place.type and not place.document else None
    if known is not None:
        return known
    ordered, is_set, ordered_objects = _meaning(place.name)
    if place.policy or place.document or ordered:
        return place.policy
    if place.silent:
        return True
    return is_set and not (ordered_objects and any(isinstance(item, Mapping) for item in items))


@lru_cache(maxsize=4_096)
def _known(type: str, path: str) -> bool | None:
    """What a type's record says of a list: true that its order means nothing, false that it does, None nothing."""
    record, way = records.record(short_type(type)), _ITEM.sub("", path)
    return True if way in record.sets else False if way in record.ordered else None


@lru_cache(maxsize=4_096)
def _meaning(name: str) -> tuple[bool, bool, bool]:
    """What a list's name tells: that its order means something, or nothing, or something where it has objects."""
    return bool(ORDERED.match(name)), bool(SETS.search(name)), bool(ORDERED_OBJECTS.search(name))


def _means_no_order(place: _Place) -> bool:
    return not place.document and bool(UNORDERED.match(place.name))


def natural_keys(old: Sequence[Value], new: Sequence[Value]) -> Sequence[str]:
    """The properties that tell all items of both lists apart; none where no properties do."""
    if not all(isinstance(item, Mapping) for side in (old, new) for item in side):
        return ()
    for keys in NATURAL_KEYS:
        if all(_tells_apart(keys, side) for side in (old, new)) and (old or new):
            return keys
    return ()


def _tells_apart(keys: Sequence[str], items: Sequence[Any]) -> bool:
    seen = set()
    for item in items:
        if any(not isinstance(item.get(key), str | int) for key in keys):
            return False
        seen.add(_key(item, keys))
    return len(seen) == len(items)


def _key(item: Mapping[str, Value], keys: Sequence[str]) -> str:
    return " ".join(str(item[key]) for key in keys)


def _without_same(
    old: Sequence[Value], new: Sequence[Value]
) -> tuple[list[tuple[int, Value]], list[tuple[int, Value]]]:
    """Items, with their positions, that the other side has not as often."""
    before, after = ([_canonical(item) for item in side] for side in (old, new))
    if before == after:
        return [], []
    gone, come = Counter(before), Counter(after)
    gone, come = gone - come, come - gone
    return _taken(old, before, gone), _taken(new, after, come)


def _taken(items: Sequence[Value], canonical: Sequence[str], wanted: Counter[str]) -> list[tuple[int, Value]]:
    found = []
    for number, (item, text) in enumerate(zip(items, canonical, strict=True)):
        if wanted[text] > 0:
            wanted[text] -= 1
            found.append((number, item))
    return found


def _canonical(value: Value) -> str:
    """A text that is the same for what is the same, whatever the order of properties or items that are sets."""
    if type(value) is str:
        # What JSON writes of anything else begins in another way.
        return f'"{value}'
    return json.dumps(_sorted(value), sort_keys=True, default=repr)


def _sorted(value: Value, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sorted(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        items = [_sorted(item) for item in value]
        if _is_set(_Place(name=name), items):
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=repr))
        return items
    if isinstance(value, Secret):
        return ["secret", value.mark.hex()]
    if isinstance(value, Masked):
        return ["masked", str(value), value.mark.hex()]
    return value


def _policy(document: Mapping[str, Value]) -> dict[str, Value]:
    """An IAM policy in one form: a list of statements, in which every value that may be a list is one."""
    statements = document["Statement"]
    return {
        **document,
        "Statement": [_statement(each) for each in (statements if isinstance(statements, list) else [statements])],
    }


def _statement(statement: Value) -> Value:
    if not isinstance(statement, Mapping):
        return statement
    made: dict[str, Any] = {key: _listed(value) if key in _POLICY_LISTS else value for key, value in statement.items()}
    for key in ("Principal", "NotPrincipal"):
        if isinstance(made.get(key), Mapping):
            made[key] = {kind: _listed(value) for kind, value in made[key].items()}
    if isinstance(made.get("Condition"), Mapping):
        made["Condition"] = {
            test: {key: _listed(value) for key, value in keys.items()} if isinstance(keys, Mapping) else keys
            for test, keys in made["Condition"].items()
        }
    return made


def _listed(value: Value) -> list[Value]:
    """A list with its items in order; a single value is a list of one."""
    return sorted(value, key=_canonical) if isinstance(value, list) else [value]


def _only_auto_named(key: str, old: Value, new: Value, owner: str) -> bool:
    """Whether two names differ only in what the engine put behind the resource's logical name."""
    if not (isinstance(old, str) and isinstance(new, str)) or not re.search(
        r"(^|[a-z])[Nn]ame$|^bucket$|^domain$", key
    ):
        return False
    before, after = _AUTO_NAME.match(old), _AUTO_NAME.match(new)
    if not before or not after:
        return False
    # A pair without any letter is rather a date or a count.
    return before["stem"] == after["stem"] == owner and not (before["suffix"] + after["suffix"]).isdigit()


def _same_word(old: Value, new: Value) -> bool:
    """Whether two scalars say the same in two types, as `"5"` and `5`, or `"true"` and `true`."""
    return _is_scalar(old) and _is_scalar(new) and _word(old) == _word(new)


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_scalar(value: Value) -> bool:
    return isinstance(value, str | bool | int | float)


def _both_empty(old: Value, new: Value, strict: bool) -> bool:
    return _is_empty(old, strict) and _is_empty(new, strict)


def _is_empty(value: Value, strict: bool = False) -> bool:
    """Whether a value says nothing, at whatever depth."""
    if strict:
        return value is None or value is _ABSENT or value == []
    if isinstance(value, Mapping):
        return all(_is_empty(item) for item in value.values())
    return value is None or value is _ABSENT or value == "" or value == []


def _decoded(text: str) -> str | None:
    """The text that a text is in base64; None where it is none."""
    if not _MIN_BASE64 <= len(text) <= _MAX_BASE64 or len(text) % 4:
        return None
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    # A short word may happen to be valid base64 of something that is no text.
    return found if found.isprintable() or "\n" in found else None


def _common(one: Sequence[Value], other: Sequence[Value]) -> int:
    """Number of first items that are the same."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _major(version: Value) -> str:
    """The first number of a version; those of other first numbers may behave in another way."""
    return str(version).split(".")[0] if version is not None else ""


def _quiet(delta: _Delta) -> _Delta:
    return delta._replace(noise=True)


def _difference(delta: _Delta, forces: bool) -> Difference:
    """A difference as its reader sees it."""
    old, new = delta.old, delta.new
    if isinstance(old, str) and isinstance(new, str) and str(old) != str(new) and ("\n" in old or "\n" in new):
        lengths = [f"({len(text.splitlines()):,} lines)" for text in (old, new)]
        return Difference(path=delta.path, old=lengths[0], new=lengths[1], forces=forces, excerpt=excerpt(old, new))
    before, after = _sides(old, new)
    return Difference(path=delta.path, old=before, new=after, forces=forces)


def _sides(old: Value, new: Value) -> tuple[str | None, str | None]:
    """Two values as a reader sees them; None for one that is not there."""
    if old is _ABSENT and new is _ABSENT:
        return HIDDEN, HIDDEN
    if old is _ABSENT:
        return None, short(new)
    if new is _ABSENT:
        return short(old), None
    if new is UNKNOWN and isinstance(old, Secret):
        return str(old), str(new)
    if isinstance(old, Secret) or isinstance(new, Secret):
        # What was plain and is secret now, or the other way round, may be the same value.
        return str(Secret("")), CHANGED_SECRET
    if old == new:
        return HIDDEN, HIDDEN
    if isinstance(old, str) and isinstance(new, str) and str(old) == str(new):
        return short(old), f"{short(new)} {CHANGED_SECRET}"
    return pair(old, new)


def _bare(path: str) -> str:
    """A way without positions and keys of lists, as `blockDeviceMappings.ebs.iops`."""
    return re.sub(r"\[[^\]]*\]", "", path)


def _lead(path: str) -> Iterator[str]:
    """A way and all those above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _unseen(path: str, change: Change) -> bool:
    """Whether a reported property is none of the inputs, or one that only follows from others."""
    name = root(path)
    bare = _bare(path)
    return bool(COMPUTED.match(bare.rsplit(".", 1)[-1]) or SERVERS.search(bare)) or (
        name not in (change.old or {}) and name not in (change.new or {})
    )


def _at(inputs: Mapping[str, Value], path: str) -> Value:
    """The value at a provider's way; `_ABSENT` where there is none."""
    found: Value = inputs
    for key, number, name in re.findall(r'\["([^"]*)"\]|\[(\d+)\]|([^.\[]+)', path):
        if isinstance(found, Secret):
            return found
        if number and isinstance(found, list):
            found = found[int(number)] if int(number) < len(found) else _ABSENT
        elif isinstance(found, Mapping):
            found = found.get(key or name, _ABSENT)
        else:
            return _ABSENT
    return found
