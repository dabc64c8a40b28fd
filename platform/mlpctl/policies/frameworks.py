"""The frameworks whose controls rules serve."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Framework:
    """A set of controls that auditors know."""

    key: str
    """The part of a control's ID before the colon, as in `fsbp:S3.1`."""

    name: str
    version: str
    url: str


FRAMEWORKS: Final = (
    Framework(
        "fsbp",
        "AWS Foundational Security Best Practices",
        "1.0.0",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html",
    ),
    Framework(
        "cis-aws", "CIS AWS Foundations Benchmark", "3.0.0", "https://www.cisecurity.org/benchmark/amazon_web_services"
    ),
    Framework("cis-eks", "CIS Amazon EKS Benchmark", "1.7.0", "https://www.cisecurity.org/benchmark/kubernetes"),
    Framework("nist", "NIST SP 800-53", "Rev. 5", "https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final"),
    Framework(
        "soc2",
        "SOC 2 Trust Services Criteria",
        "2017",
        "https://www.aicpa-cima.com/topic/audit-assurance/audit-and-assurance-greater-than-soc-2",
    ),
    Framework("iso", "ISO/IEC 27001", "2022", "https://www.iso.org/standard/27001"),
    Framework("checkov", "Checkov policies", "3", "https://www.checkov.io/5.Policy%20Index/all.html"),
    Framework(
        "pss",
        "Kubernetes Pod Security Standards",
        "1.36",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
    ),
)

BY_KEY: Final = {each.key: each for each in FRAMEWORKS}
