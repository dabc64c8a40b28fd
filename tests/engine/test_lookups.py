"""A failed lookup in AWS is reported as a sentence, without a traceback."""

from typing import Any

import pytest

pytestmark = pytest.mark.engine

SECRET = "ecr-pullthroughcache/hub"


def refused(project: Any) -> str:
    done = project.pulumi("preview", "--stack", "local", check=False)
    assert done.returncode != 0
    output = str(done.stdout + done.stderr)
    assert "Traceback" not in output
    return output


def test_a_missing_secret_of_a_pull_through_cache(project: Any) -> None:
    cache = {"hub": {"upstream": "docker.io", "credentials": SECRET}}
    project.edit("images", value={"pullThrough": cache})
    output = refused(project)
    assert f"the secret {SECRET} of pullThrough.hub.credentials can't be looked up: " in output
    assert f"aws secretsmanager create-secret --name {SECRET}" in output

    project.sandbox.aws("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
    assert "PullThroughCacheRule" in project.pulumi("preview", "--stack", "local").stdout


def test_expired_credentials(project: Any, sandbox: Any) -> None:
    sandbox.fail("GetCallerIdentity", "ExpiredToken")
    output = refused(project)
    sandbox.succeed()
    assert "the account can't be looked up: " in output
    assert "ExpiredToken" in output


def test_an_access_entry_for_the_creator_of_the_cluster(project: Any) -> None:
    me = "arn:aws:iam::123456789012:user/sandbox"
    project.edit("cluster", "access", "deployer", value={"principalArn": me, "level": "clusterAdmin"})
    output = refused(project)
    assert f"cluster.access.deployer is for {me}" in output
    assert "EksCluster" not in output, "no resource must be declared"

    project.edit("cluster", "access", "deployer", "principalArn", value=me.replace("user/sandbox", "role/other"))
    assert "EksCluster" in project.pulumi("preview", "--stack", "local").stdout
