"""Rules for EBS volumes, and for what creates them."""

from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws

from mlpctl.policies.checks import in_each, is_on, key_fault, parts
from mlpctl.policies.defaults import defaults
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.nodes import launch_templates
from mlpctl.policies.rule import ALWAYS, Severity, rule

ROOTS: Final = ("/dev/xvda", "/dev/sda1")
"""Device names of root volumes: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html"""

BOTTLEROCKET: Final = "BOTTLEROCKET_"
DATA: Final = "/dev/xvdb"
"""The second volume of Bottlerocket, with container images, containers and logs:
https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-ami-bottlerocket.html"""


@rule(
    "ML-EC2-03",
    aws.ebs.Volume,
    aws.ebs.EncryptionByDefault,
    aws.ec2.LaunchTemplate,
    aws.ec2.Instance,
    aws.ec2.SpotInstanceRequest,
    aws.ec2.SpotFleetRequest,
    aws.ec2.LaunchConfiguration,
    aws.eks.NodeGroup,
    reason="Whoever gets hold of an unencrypted volume or of its snapshot can read the data.",
    remedy="Set encrypted and kmsKeyId for each volume, including the root volume and the data volume of Bottlerocket.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:EC2.3",
        "fsbp:EC2.7",
        "fsbp:EC2.181",
        "cis-aws:2.2.1",
        "nist:SC-13",
        "nist:SC-28(1)",
        "soc2:PI1.5",
        "iso:A.8.24",
        "checkov:CKV_AWS_3",
        "checkov:CKV_AWS_8",
        "checkov:CKV_AWS_106",
        "checkov:CKV_AWS_189",
    ],
)
def volumes_are_encrypted(resource: Resource) -> Iterator[str]:
    """An EBS volume is encrypted with a key of the account.

    AWS's controls EC2.3 and EC2.7 accept every key, Checkov's CKV_AWS_189 only a key of your own. AWS's key for EBS
    cannot be withdrawn, so the encryption by default needs a DefaultKmsKey:
    https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
    """
    kind = resource.type
    if kind == token(aws.ebs.EncryptionByDefault):
        if not is_on(resource.get("enabled", True)):
            yield "turns off the encryption of new volumes by default"
        elif not defaults(resource, aws.ebs.DefaultKmsKey):
            yield "encrypts new volumes with AWS's key instead of one of the account: the stack has no DefaultKmsKey"
    elif kind == token(aws.ebs.Volume):
        yield from _volume(resource, "")
    elif kind == token(aws.eks.NodeGroup):
        if not _default(resource):
            yield from _nodes(resource)
    elif kind == token(aws.ec2.LaunchTemplate):
        yield from _template(resource)
    elif kind == token(aws.ec2.SpotFleetRequest):
        yield from in_each(resource, "launchSpecifications", _host)
        launch_templates(resource)
    else:
        yield from _host(resource)


def _nodes(group: Resource) -> Iterator[str]:
    templates = launch_templates(group)
    if not templates:
        yield "has no launch template: the account's default decides on the encryption of its volumes"
    elif str(group.get("amiType", "")).startswith(BOTTLEROCKET):
        for template in templates:
            if DATA not in [each.get("deviceName") for each in parts(template, "blockDeviceMappings")]:
                yield f"leaves the encryption of its data volume to the image: {template.name} does not map {DATA}"


def _template(template: Resource) -> Iterator[str]:
    yield from in_each(template, "blockDeviceMappings", _mapping)
    names = [each.get("deviceName") for each in parts(template, "blockDeviceMappings")]
    if not any(each in ROOTS for each in names) and not _default(template):
        yield "leaves the encryption of its root volume to the image: it does not map the root device"


def _mapping(mapping: Resource) -> Iterator[str]:
    for each in parts(mapping, "ebs"):
        yield from _volume(each, _called(mapping))


def _host(host: Resource) -> Iterator[str]:
    """The violations of an instance, a launch configuration, or a launch specification."""
    roots = [way for way in ("rootBlockDevice", "rootBlockDevices") if host.has(way)]
    for way in roots:
        yield from in_each(host, way, lambda each: _volume(each, "the root volume"))
    yield from in_each(host, "ebsBlockDevices", lambda each: _volume(each, _called(each)))
    # A launch template that the instance uses is judged itself.
    if not roots and not _default(host) and not launch_templates(host):
        yield "leaves the encryption of its root volume to the image: it has no rootBlockDevice"


def _called(device: Resource) -> str:
    return f"the volume {device.get('deviceName', '')}".rstrip()


def _volume(volume: Resource, called: str) -> Iterator[str]:
    """The violations of the settings of a volume; `called` is its name if the resource has several."""
    of = f" of {called}" if called else ""
    if is_on(volume.get("encrypted")):
        # Launch configurations have no setting for a key.
        if volume.type == token(aws.ec2.LaunchConfiguration):
            return
        fault = key_fault(volume, "kmsKeyId")
        if fault and (volume.has("kmsKeyId") or not defaults(volume, aws.ebs.DefaultKmsKey)):
            shown = fault.replace("kmsKeyId", f"kmsKeyId{of}", 1)
            yield f"is encrypted with AWS's key instead of one of the account: {shown}"
    elif _default(volume):
        return
    elif volume.get("encrypted") is None and volume.has("snapshotId"):
        raise NotEvaluated(f"the volume{of} is encrypted if its snapshot is")
    else:
        yield f"is not encrypted: encrypted{of} is off"


def _default(resource: Resource) -> bool:
    """Whether the account encrypts new volumes by default."""
    return any(is_on(each.get("enabled", True)) for each in defaults(resource, aws.ebs.EncryptionByDefault))
