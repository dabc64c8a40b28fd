"""Add AWS's public Bottlerocket images and their parameters to moto's EC2 and Systems Manager, which lack them."""

import threading
from collections.abc import Sequence
from typing import Any, Final

from moto.core.utils import utcnow
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ssm.models import Parameter, ParameterDict

from mlsandbox.endpoint.extensions.extension import Extension, Kind
from mlsandbox.endpoint.public_images import ROOT, find, images

_LOADING: Final = threading.Lock()

_check_loading_status = ParameterDict._check_loading_status
_describe_images = AmiBackend.describe_images


def _load_parameters(self: ParameterDict, key: str) -> None:
    """AWS has these parameters in every region. They are added to a store when one of them is first requested."""
    _check_loading_status(self, key)
    if not str(key or "").startswith(ROOT):
        return
    # Requests are concurrent; none may see a partly filled store.
    with _LOADING:
        if getattr(self, "bottlerocket_loaded", False):
            return
        for image in images(self.region_name):
            for name, value in image.parameters:
                dict.__setitem__(self, name, [_parameter(self, name, value)])
        self.bottlerocket_loaded = True  # type: ignore[attr-defined]  # like moto's own mark for loaded parameters


def _parameter(store: ParameterDict, name: str, value: str) -> Parameter:
    return Parameter(  # type: ignore[abstract]  # as moto creates its own
        account_id=store.account_id,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=utcnow(),
        version=1,
        data_type="text",
    )


def _describe_public_images(self: Any, ami_ids: Sequence[str] | None = None, *given: Any, **named: Any) -> list[Ami]:
    """A Bottlerocket image is added when it is first requested by its ID."""
    for id in ami_ids or ():
        image = find(self.region_name, id)
        if image is not None and id not in self.amis:
            self.amis[id] = Ami(
                self,
                id,
                name=image.name,
                description=image.name,
                owner_id="137112412989",
                owner_alias="amazon",
                public=True,
                virtualization_type="hvm",
                architecture=image.architecture,
                root_device_type="ebs",
                root_device_name="/dev/xvda",
                region_name=f"{self.region_name}a",
            )
    return _describe_images(self, ami_ids, *given, **named)  # type: ignore[arg-type]  # as moto calls it


def _apply_parameters() -> None:
    ParameterDict._check_loading_status = _load_parameters  # type: ignore[method-assign]  # intended


def _apply_images() -> None:
    AmiBackend.describe_images = _describe_public_images  # type: ignore[method-assign]  # intended


EXTENSIONS: Final = (
    Extension("ssm", ("GetParameter", "GetParameters", "GetParametersByPath"), Kind.CORRECTED, _apply_parameters),
    Extension("ec2", ("DescribeImages",), Kind.CORRECTED, _apply_images),
)
