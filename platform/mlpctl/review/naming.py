"""What names of properties say: which lists have no order, which maps are free, which values a server computes."""

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


@lru_cache(maxsize=4_096)
def meaning(name: str) -> tuple[bool, bool, bool]:
    """What a list's name tells: that its order means something, or nothing, or something where it has objects."""
    return bool(ORDERED.match(name)), bool(SETS.search(name)), bool(ORDERED_OBJECTS.search(name))


def own_keys(type: str) -> frozenset[str]:
    """Inputs that name a resource itself, in small letters: `name`, or `bucketname` of a bucket."""
    own = re.sub(r"v\d+$", "", re.split("[:/]", type)[-1].lower())
    return frozenset({"name", "identifier", own, *(f"{own}{end}" for end in ("name", "identifier", "id"))})
