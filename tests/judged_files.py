"""A Hypothesis strategy for stack files that mandatory rules accept or reject."""

from hypothesis import strategies as st

from awsfacts import node_images
from mlplatform.testing import ACCOUNT_ID
from stack_files import KNOWN, THE_REGION, Values, field


def judged() -> Values:
    """Platforms that only vary in fields that mandatory rules judge.

    Few of these fields remain in those of `valid_ish` after they are repaired.
    """

    def namespaces(*path: str) -> Values:
        return st.fixed_dictionaries({"podSecurity": field(*path, "*", "podSecurity")})

    person = {key: field("cluster", "access", "*", key) for key in ("principalArn", "level")}
    cluster = {
        "privateAccessCidrs": st.just(["192.168.0.0/20"]),
        "system": st.just({"amiRelease": node_images.releases("1.36")[-1]}),
        "access": st.fixed_dictionaries(
            {"ops": st.just({"role": "ops", "level": "clusterAdmin"})}, optional={"x": st.fixed_dictionaries(person)}
        ),
    }
    free = {key: field("cluster", key) for key in ("publicAccessCidrs", "logTypes")}
    team = {"namespaces": st.fixed_dictionaries({"lab": namespaces("teams", "*", "namespaces")})}
    repositories = st.fixed_dictionaries({"x": st.fixed_dictionaries({"scanOnPush": st.booleans()})})
    return st.fixed_dictionaries(
        {
            "profile": field("profile"),
            "owner": st.just("x"),
            "allowedAccounts": st.just([ACCOUNT_ID]),
            "network": st.just({"zones": [f"{THE_REGION}a", f"{THE_REGION}b"]}),
            "cluster": st.fixed_dictionaries(cluster, optional=free),
        },
        optional={
            "buckets": st.dictionaries(KNOWN["buckets"], st.just({}), max_size=2),
            "images": st.fixed_dictionaries({"repositories": repositories}, optional={"account": st.just({})}),
            "sharedFilesystems": st.fixed_dictionaries({"a": st.fixed_dictionaries({"backup": st.booleans()})}),
            "guardrails": st.fixed_dictionaries(
                {"namespaces": st.fixed_dictionaries({"guarded": namespaces("guardrails", "namespaces")})}
            ),
            "teams": st.fixed_dictionaries({"lab": st.fixed_dictionaries(team)}),
        },
    )
