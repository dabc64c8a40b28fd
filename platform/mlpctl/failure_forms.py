"""Codes in errors as command-line tools, SDKs and Kubernetes write them, when no provider has wrapped them."""

import re
from collections.abc import Collection
from typing import Final

REJECTED: Final = "AdmissionDenied"
OVER_QUOTA: Final = "ResourceQuotaExceeded"
BELOW_STANDARD: Final = "PodSecurityViolation"
FORBIDDEN: Final = "Forbidden"
"""This project's own codes for Kubernetes' refusals, which share the reason Forbidden."""

# In this order: a refusal also says that the request is forbidden. Kubernetes' sources of these messages:
# https://github.com/kubernetes/kubernetes/tree/master/staging/src/k8s.io/apiserver/pkg/admission/plugin
_OF_KUBERNETES: Final = (
    (REJECTED, re.compile(r"ValidatingAdmissionPolicy\b.{0,300}? denied request")),
    (REJECTED, re.compile(r'admission webhook "[^"]*" denied the request')),
    (OVER_QUOTA, re.compile(r"exceeded quota(?::|,|\.?$)|failed quota: [^:]+: must specify ", re.I)),
    (BELOW_STANDARD, re.compile(r'violates PodSecurity "')),
    (FORBIDDEN, re.compile(r'\bUser "[^"]*" cannot \w+ resource "')),
)

# botocore's ClientError, which the AWS CLI prints.
_CLI: Final = re.compile(
    r"An error occurred \((?P<code>[A-Z][\w.]*)\) when calling the (?P<operation>\w+) operation", re.I
)
# The SDK for Java, whose messages CloudFormation and EKS pass on.
_JAVA: Final = re.compile(r"\bError Code: (?P<code>[A-Z][\w.]*)")
_WORD: Final = re.compile(
    r"(?:^|(?<=[\s(\[\"']))(?P<code>[A-Z][A-Za-z0-9]*(?:\.[A-Za-z]+)*)(?=:\s|:?$| - | \(|[)\],\"'])"
)
_BY_ENDING: Final = re.compile(r"[A-Z][a-z0-9]\w*(?:Exception|Fault|LimitExceeded)")
_UNAUTHORIZED: Final = (
    ("UnauthorizedOperation", re.compile(r"You are not authorized to perform this operation", re.I)),
    ("AccessDenied", re.compile(r"\bis not authorized to perform: ")),
)


def of_kubernetes(text: str) -> str:
    """The code of a refusal by the Kubernetes API server; empty if the text is none."""
    return next((code for code, pattern in _OF_KUBERNETES if pattern.search(text)), "")


def of_a_tool(text: str) -> tuple[str, str]:
    """Code and operation in an error of the AWS CLI; both empty if the text is none."""
    found = _CLI.search(text)
    return (found["code"], found["operation"]) if found else ("", "")


def is_code(word: str, known: Collection[str]) -> bool:
    """Whether a word is an error code: a known one, or one with the ending of a code."""
    return word in known or bool(_BY_ENDING.fullmatch(word))


def bare(text: str, known: Collection[str]) -> str:
    """The first error code that stands for itself in a text; empty if there is none."""
    if found := _JAVA.search(text):
        return found["code"]
    words = (each["code"] for each in _WORD.finditer(text))
    by_word = next((each for each in words if is_code(each, known)), "")
    return by_word or next((code for code, pattern in _UNAUTHORIZED if pattern.search(text)), "")
