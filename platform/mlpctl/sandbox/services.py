"""What the sandbox's process really serves."""

from mlpctl.sandbox import aws, awsapi, kubernetes
from mlpctl.sandbox.daemon import Server, Services
from mlpctl.sandbox.layout import Layout


def _aws_provider(layout: Layout) -> Server:
    return aws.serve(layout.ports().aws_provider, layout.aws_endpoint)


def _kubernetes_provider(layout: Layout) -> Server:
    return kubernetes.serve(layout.ports().kubernetes_provider)


REAL = Services(aws_api=awsapi.serve, providers=(_aws_provider, _kubernetes_provider))
