"""What a program looks up in AWS is not there, or AWS does not answer: a sentence, and no traceback."""

from typing import Any

import pytest

pytestmark = pytest.mark.engine

SECRET = "ecr-pullthroughcache/hub"


def refused(project: Any) -> str:
    done = project.pulumi("preview", "--stack", "local", check=False)
    assert done.returncode != 0
    told = str(done.stdout + done.stderr)
    assert "Traceback" not in told
    return told


def test_a_cache_s_secret_that_is_missing(project: Any) -> None:
    cache = {"hub": {"upstream": "docker.io", "credentials": SECRET}}
    project.edit("images", value={"pullThrough": cache})
    told = refused(project)
    assert f"the secret {SECRET} of pullThrough.hub.credentials can't be looked up: " in told
    assert f"aws secretsmanager create-secret --name {SECRET}" in told

    project.sandbox.aws("secretsmanager").create_secret(Name=SECRET, SecretString="{}")
    assert "PullThroughCacheRule" in project.pulumi("preview", "--stack", "local").stdout


def test_credentials_that_have_expired(project: Any, sandbox: Any) -> None:
    sandbox.fail("GetCallerIdentity", "ExpiredToken")
    told = refused(project)
    sandbox.succeed()
    assert "the account can't be looked up: " in told
    assert "ExpiredToken" in told


def test_an_access_entry_for_the_cluster_s_creator(project: Any) -> None:
    me = "arn:aws:iam::123456789012:user/sandbox"
    access = {"deployer": {"principalArn": me, "level": "clusterAdmin"}}
    project.edit("cluster", value={"privateAccessCidrs": ["192.168.0.0/20"], "access": access})
    told = refused(project)
    assert f"cluster.access.deployer is for {me}" in told
    assert "EksCluster" not in told, "nothing is declared"

    project.edit("cluster", "access", "deployer", "principalArn", value=me.replace("user/sandbox", "role/other"))
    assert "EksCluster" in project.pulumi("preview", "--stack", "local").stdout
