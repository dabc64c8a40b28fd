"""The platform's policy pack, for `pulumi preview --policy-pack platform/policies`."""

from mlpctl.policies import pack

pack.run()
