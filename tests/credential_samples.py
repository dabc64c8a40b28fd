"""Samples of credentials. They are written in parts, so that no secret scanner reports this file."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

SAMPLES: Final[Mapping[str, Sequence[str]]] = {
    "an AWS access key": ["AKIA" + "IOSFODNN7EXAMPLE", "id=ASIA" + "IOSFODNN7EXAMPLE;"],
    "a private key": [
        "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n",
        "x\n-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    ],
    "a private key in base64": [
        base64.b64encode(f"-----BEGIN {kind}PRIVATE KEY-----\nMIIE".encode()).decode()
        for kind in ("", "RSA ", "EC ", "DSA ", "ENCRYPTED ", "OPENSSH ")
    ],
    "a Hugging Face token": ["hf_" + "aB3" * 12],
    "a GitHub token": ["ghp_" + "a1" * 18, "github_pat_" + "a1" * 20, "https://ghs_" + "a1" * 18 + "@github.com/o/r"],
    "a GitLab token": ["glpat-" + "a1" * 10],
    "a Slack token": ["xoxb-" + "1" * 12, "https://hooks.slack.com/" + "services/T00/B00/x"],
    "a Pulumi token": ["pul-" + "a1" * 20],
    "an NVIDIA API key": ["nvapi-" + "a1-_" * 8],
    "an OpenAI-style API key": ["sk-" + "a1" * 20, "sk-proj-" + "a1-" * 10, "sk-ant-api03-" + "a1" * 20],
    "a Google API key": ["AIza" + "a1-_X" * 7, "ya29." + "a1-_X" * 7, "GOCSPX-" + "a1-_X" * 5],
    "a Bedrock API key": ["ABSK" + "aB3+" * 20, "bedrock-api-key-" + "YWJj" * 4],
    "a Databricks token": ["dapi" + "0a" * 16],
    "a token of a model hosting service": [
        prefix + "aB3" * 10 for prefix in ("gsk_", "r8_", "xai-", "pplx-", "pcsk_", "rpa_", "tgp_v1_")
    ],
    "a token of a tracing service": [prefix + "a1" * 16 for prefix in ("lsv2_pt_", "glsa_", "glc_", "sntrys_")],
    "a Stripe or SendGrid key": [
        "sk_live_" + "a1" * 12,
        "rk_test_" + "a1" * 12,
        "SG." + "a1" * 10 + "." + "b2" * 12,
    ],
    "an Azure key or a signed URL": [
        "DefaultEndpointsProtocol=https;AccountKey=" + "aB3+" * 20,
        "https://x.blob.core.windows.net/a?sv=2024&sig=" + "aB3%2F" * 8,
        "https://b.s3.amazonaws.com/k?X-Amz-" + "Signature=0a1b",
    ],
    "an HTTP Authorization header": ["Authorization: Bearer " + "hunter2", 'authorization="Basic ' + 'aHVudGVyMg=="'],
    "a Docker Hub token": ["dckr_pat_" + "a1" * 12],
    "an npm or PyPI token": ["npm_" + "a1" * 18, "pypi-AgE" + "a1" * 12],
    "a Vault token": ["hvs." + "a1" * 12],
    "a JSON web token": ["eyJ" + "hbGciOiJ9.eyJ" + "zdWIiOiIxIn0.x"],
    "a registry with a username and password": [
        *("bob:" + "cAnArY9x7Q@ghcr.io/x/y:v1", "a:" + "b@localhost:5000/x:v1", " bob:" + "hunter2@ghcr.io/x"),
        *(":" + "hunter2@ghcr.io/x:v1", "bob:" + "hunter2@ghcr.io"),
    ],
    "a URL with a password": ["postgres://app:" + "hunter2@db:5432/x", "redis://:" + "hunter2@cache"],
}
"""Type of credential → texts that contain one."""

_HEX: Final = "cafe0123456789ab" * 4
_MIXED: Final = "cAnArY1234abcdEFGH5678ijklMNOP9012qrstuVwX"
_WORD: Final = "Zebra-canary-77"

MORE: Final[Sequence[Any]] = (
    "IQoJb3JpZ2lu" + _MIXED,
    "AGE-SECRET-" + "KEY-1" + "QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "PuTTY-User-Key-File-" + "3: ssh-ed25519\nPrivate-Lines: 1\nAAAA\nPrivate-MAC: 0a1b\n",
    "x-eyJ" + "hbGciOiJ9.eyJ" + "zdWIiOiIxIn0.x",
    "fw_" + _MIXED,
    "WANDB " + "run with " + _HEX[:40],
    _MIXED[:14] + ".atlasv1." + _MIXED,
    "dop_v1_" + _HEX,
    "lin_api_" + _MIXED,
    "tskey-" + _MIXED,
    "dp.pt." + _MIXED,
    "phx_" + _MIXED,
    "shpat_" + _HEX[:32],
    "https://events.pagerduty.com/" + "integration/" + _HEX[:32] + "/enqueue",
    "https://hooks.zapier.com/" + "hooks/catch/123456/" + "ab1cd2e/",
    "https://x.example.com/f?code=" + _MIXED,
    "db:5432:app:me:" + _WORD,
    "jdbc:oracle:thin:" + f"scott/{_WORD}@db:1521/x",
    "app:$2y$" + "10$" + _MIXED,
    "curl -u me:" + _WORD + " https://x",
    f"echo me:{_WORD} | chpasswd",
    f"useradd -m -p {_WORD} me",
    f"sshpass -p {_WORD} ssh host",
    f"htpasswd -bc users me {_WORD}",
    f"openssl enc -k {_WORD}",
    ["openssl", "rsa", "-passin", f"pass:{_WORD}"],
    f"nmcli device wifi connect x password {_WORD}",
    ["mysql", "-u", "root", f"-p{_WORD}"],
    f"mysqldump -u root -p{_WORD} shop",
    f"mongosh -u root -p {_WORD}",
    f"redis-cli -a {_WORD} ping",
    f"machine x login me password {_WORD}",
    f"ALTER USER me IDENTIFIED BY '{_WORD}'",
    f"wandb login {_MIXED}",
    f"aws configure set aws_secret_access_key {_MIXED[:40]}",
    f"vault kv put secret/app a=1 b=2 c=3 d={_WORD}",
    f"CREATE USER me IDENTIFIED WITH caching_sha2_password BY '{_WORD}'",
    f'CREATE USER me IDENTIFIED BY "{_WORD}"',
    f"CREATE USER me IDENTIFIED BY {_WORD};",
    f"SET PASSWORD FOR me = PASSWORD('{_WORD}')",
    f"ALTER ROLE me PASSWORD $${_WORD}$$",
    f"ALTER ROLE me PASSWORD $tag${_WORD}$tag$",
    f"ALTER ROLE me PASSWORD E'{_WORD}'",
    ["htpasswd", "-b", "-c", "/etc/users", "me", _WORD],
    f"htpasswd -B -C 10 -b users me {_WORD}",
    f"htpasswd -n -b me {_WORD}",
    f"grafana-cli admin reset-admin-password --homepath=/x {_WORD}",
    ["ttyd", "-c", f"me:{_WORD}", "bash"],
    ["airflow", "users", "create", "-u", "me", "-p", _WORD],
    f"password_pbkdf2 root {_WORD}",
    f"rocommunity {_WORD} 10.0.0.0/8",
    f"com2sec readonly default {_WORD}",
    f"createUser me SHA {_WORD} AES {_WORD}",
    f"snmpwalk -v3 -u me -A {_WORD} -X {_WORD} host",
    ["consul", "agent", f"-encrypt={_WORD}"],
    f"ncftpput -u me -p {_WORD} host / file",
    f"rclone config create x s3 secret_access_key {_WORD}",
    f"sed -i 's/xxx/{_WORD}/g' /etc/buildkite-agent/buildkite-agent.cfg",
    ["7z", "x", f"-p{_WORD}", "a.7z"],
    f"unrar x -p{_WORD} a.rar",
    f"mysql-server mysql-server/root_password password {_WORD}",
    f'expect "password:"; send "{_WORD}\\r"',
    f"{{'username': 'me', 'key': '{_HEX[:32]}'}}"[1:-1],
    f"ConvertTo-SecureString -AsPlainText -Force '{_WORD}'",
    f"ConvertTo-SecureString -AsPlainText {_WORD} -Force",
    f"schtasks /create /ru me /rp {_WORD} /tn x",
    f"netdom join host /userd:me /passwordd:{_WORD}",
    f"net use Z: \\\\host\\share {_WORD} /user:me",
    f"psexec \\\\host -u me -p {_WORD} cmd",
)
"""More texts that contain a credential, and words of commands that do."""
