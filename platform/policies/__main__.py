"""The platform's policy pack, for `pulumi preview --policy-pack platform/policies`."""

from pathlib import Path

from mlpctl.policies import pack

pack.run(Path(__file__).parent)
