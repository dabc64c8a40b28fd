"""Rules for topics and queues."""

from collections.abc import Iterator

import pulumi_aws as aws

from mlpctl.policies.estate import Resource, token
from mlpctl.policies.rule import ALWAYS, Severity, rule
from mlpctl.review.iam.broad import lets_in_everybody


@rule(
    "ML-MSG-01",
    aws.sns.Topic,
    aws.sns.TopicPolicy,
    aws.sqs.Queue,
    aws.sqs.QueuePolicy,
    reason="Messages contain data or start jobs, so that everybody could read or inject them.",
    remedy="Set kmsMasterKeyId; name the principals in the policy, or add a condition on the account or the source.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:SNS.1",
        "fsbp:SNS.4",
        "fsbp:SQS.1",
        "fsbp:SQS.3",
        "nist:SC-28(1)",
        "soc2:PI1.4",
        "iso:A.8.24",
    ],
)
def messages_are_encrypted_and_private(resource: Resource) -> Iterator[str]:
    """A topic or a queue is encrypted, and its policy does not allow everybody.

    SQS encrypts by default, SNS does not:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-sqs-sse-queue.html,
    https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html
    """
    if not resource.has("kmsMasterKeyId") or resource.inputs.get("kmsMasterKeyId") == "":
        if resource.type == token(aws.sns.Topic):
            yield "does not encrypt messages: kmsMasterKeyId is not set"
        elif resource.get("sqsManagedSseEnabled") is False:
            yield "does not encrypt messages: kmsMasterKeyId is not set, and sqsManagedSseEnabled is off"
    if lets_in_everybody(resource.document("policy")):
        yield "can be used by everybody: a statement of the policy allows all principals"
