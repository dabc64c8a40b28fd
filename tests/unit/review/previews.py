"""Small previews of a key and a volume."""

import json
from typing import Any

from unit.review.canaries import PREFIX, STACK, resource

KEY = "aws:kms/key:Key"
VOLUME = "aws:ebs/volume:Volume"
RING = f"{PREFIX}mlplatform:index:KeyRing::keys"


def preview(*steps: dict[str, Any], cost: Any = None, diagnostics: Any = (), **config: Any) -> dict[str, Any]:
    """The output of a preview."""
    stack = {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack", "inputs": {}}
    return {
        "config": {
            "aws:region": "us-east-1",
            **({"mlplatform:platform": json.dumps({"cost": cost})} if cost is not None else {}),
            **config,
        },
        "steps": [{"op": "same", "urn": STACK, "detailedDiff": None, "newState": stack}, *steps],
        "diagnostics": [*diagnostics],
        "duration": 1,
        "changeSummary": {},
    }


def key(name: str = "keys-data") -> dict[str, Any]:
    step = resource(name, KEY, new={"enableKeyRotation": False}, parent=RING)
    urn = f"{PREFIX}mlplatform:index:KeyRing${KEY}::{name}"
    return {**step, "urn": urn, "newState": {**step["newState"], "urn": urn}}


def ring() -> dict[str, Any]:
    state = {"urn": RING, "type": "mlplatform:index:KeyRing", "custom": False, "parent": STACK, "inputs": {}}
    return {"op": "create", "urn": RING, "detailedDiff": None, "newState": state}


def disk(name: str, size: int, old: int | None = None) -> dict[str, Any]:
    before = None if old is None else {"type": "gp3", "size": old}
    op = "create" if old is None else "update"
    return resource(name, VOLUME, op=op, old=before, new={"type": "gp3", "size": size})


def lost(name: str = "lost") -> dict[str, Any]:
    return resource(name, VOLUME, new={"type": "io9", "size": 1})


SMALL = preview(ring(), key(), disk("scratch", 100), lost())
