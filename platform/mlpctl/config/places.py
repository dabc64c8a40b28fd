"""The path in a stack file that describes each component of the program."""

from collections.abc import Mapping
from functools import cache
from typing import get_args, get_origin

import mlplatform
from mlpctl.config.platform import Platform
from mlplatform.component import Component


@cache
def places() -> Mapping[str, str]:
    """The path in the stack file by component class, e.g. `GpuNodePool`: `gpuPools.{name}`.

    This is the field of `Platform` whose type is the component's spec, or a mapping from names to such specs.
    """
    found = {}
    for name in mlplatform.__all__:
        kind = getattr(mlplatform, name)
        if isinstance(kind, type) and issubclass(kind, Component):
            spec = getattr(mlplatform, f"{name}Spec")
            for field in Platform.model_fields.values():
                if field.annotation is spec:
                    found[name] = str(field.alias)
                elif get_origin(field.annotation) is dict and get_args(field.annotation)[1] is spec:
                    found[name] = f"{field.alias}.{{name}}"
    return found
