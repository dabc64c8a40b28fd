"""Conclusions from property names: unordered lists, free-form maps, computed values."""

import re
from functools import lru_cache
from typing import Final

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
    ("groupName",),
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
"""Properties that identify the items of a list; the first ones that are unique in both lists are used."""


SETS: Final = re.compile(
    r"(ids|arns|names|groups?|subnets|zones|cidrs|cidrBlocks|cidrIps|prefixLists|prefixListIds|ingress|egress|tags|actions|"
    r"notActions|principals|identifiers|resources|nonResourceURLs|apiGroups|verbs|subjects|policies|policyArns|aliases|"
    r"domains|hosts|hostnames|sans|alternativeNames|logTypes|logsExports|exports|events|metrics|methods|headers|"
    r"origins|cidrs|ranges|audiences|clientIdList|thumbprintList|thumbprints|finalizers|accessModes|policyTypes|"
    r"callbackUrls|logoutUrls|scopes|oauthScopes|authFlows|capabilities|features|registries|accounts|regions|"
    r"localSecondaryIndexes|globalSecondaryIndexes|attributes|filters|members|roles|users|statements?|values)$",
    re.IGNORECASE,
)
"""Names of lists whose order is insignificant in all known APIs."""


ORDERED: Final = re.compile(
    r"^(args|command|commands|entryPoint|entrypoint|instanceTypes|initContainers|overrides|orderedCacheBehaviors|"
    r"dnsServers|nameservers|searches|steps|stages|processors|priorities|layers|path|predefinedMetrics)$"
)
"""Names of lists whose order is significant; takes precedence over `SETS`."""


POLICIES: Final = re.compile(r"(policy|policies)(_?(document|text|json|data))?$", re.IGNORECASE)
"""Names of properties that may contain IAM policies."""


ORDERED_OBJECTS: Final = re.compile(
    r"(actions|members|origins|filters|headers|policies|values|hosts|domains|users)$", re.I
)
"""Names of lists whose order is insignificant for texts but significant for objects, such as steps or rules."""


UNORDERED: Final = re.compile(
    r"^(volumes|volumeMounts|volumeDevices|volumeClaimTemplates|ports|tolerations|taints|requirements|matchExpressions|"
    r"imagePullSecrets|topologySpreadConstraints|blockDeviceMappings|ebsBlockDevices|ephemeralBlockDevices|"
    r"networkInterfaces|tagSpecifications|parameters|dimensions|hostAliases|ownerReferences|secretOptions|"
    r"resourceClaims|productionVariants|shadowProductionVariants|replicas|lifecycleRules|corsRules)$"
)
"""Names of lists of named objects whose order is insignificant in all known APIs."""


FREE_MAPS: Final = re.compile(
    r"(tags|tagsAll|labels|annotations|selector|nodeSelector|matchLabels|variables|environment|parameters|data|"
    r"metadata|attributes|options|settings|config|values)$",
    re.IGNORECASE,
)
"""Names of mappings with user-defined keys: a key with an empty value is significant."""


COMPUTED: Final = re.compile(
    r"^(__defaults|__meta|__internal|__fqn|__inputs|__initialApiVersion|contextHash|sourceCodeHash|sourceHash|"
    r"contentHash|etag|pluginDownloadURL|.*[Cc]onfig[-_]?[Hh]ash|(.*/)?checksum[/_-].*|.*/checksum)$"
)
"""Names of properties that are derived from others. A checksum that the program sets is not: it is a desired value."""


SERVERS: Final = re.compile(
    r"(^|\.)metadata\.(resourceVersion|managedFields|generation|uid|creationTimestamp|selfLink)$"
)
"""Fields that the Kubernetes API sets in an object."""


CONTENT: Final = re.compile(r"^(sourceCodeHash|sourceHash|contentHash|etag)$")
"""Derived properties that may be the only sign of a change, since their source is not part of the inputs."""


@lru_cache(maxsize=4_096)
def meaning(name: str) -> tuple[bool, bool, bool]:
    """Whether a list's name means that its order is significant, insignificant, or significant for objects."""
    return bool(ORDERED.match(name)), bool(SETS.search(name)), bool(ORDERED_OBJECTS.search(name))


def own_keys(type: str) -> frozenset[str]:
    """Lower-case names of the inputs that name a resource itself: `name`, or `bucketname` of a bucket."""
    own = re.sub(r"v\d+$", "", re.split("[:/]", type)[-1].lower())
    return frozenset({"name", "identifier", own, *(f"{own}{end}" for end in ("name", "identifier", "id"))})
