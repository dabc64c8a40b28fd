"""ARNs of IAM principals."""

import re
from typing import Final

PERSON: Final = re.compile(r":user/|:root$|:federated-user/|/aws-reserved/sso\.amazonaws\.com/|/AWSReservedSSO_")
"""Found in ARNs of principals that people are: users of IAM, the account itself, and roles of IAM Identity Center:
https://docs.aws.amazon.com/singlesignon/latest/userguide/using-service-linked-roles.html"""
