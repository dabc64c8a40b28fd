"""Secrets that scripts write to files, pass to commands and leave in the outputs of a stack."""

import base64
import gzip
from datetime import date
from typing import Any

import pytest

from mlpctl.review import assemble
from mlpctl.review.cost import book
from mlpctl.review.reading import reader
from mlpctl.review.redact import Redactor
from mlpctl.review.redact.written import holds_secret
from mlpctl.review.writers.html import html
from mlpctl.review.writers.markdown import markdown
from unit.review.engine import STACK, Step, digest, events, state
from unit.review.script_places import RANDOM, WORD, places, shown

FILES = [
    "echo {} > /etc/token",
    "echo '{}' >> /etc/app/db_password",
    'echo -n "{}" | tee /etc/secrets/db',
    "printf '%s' {} > /run/secrets/api",
    "printf '%s\\n' '{}' | sudo tee -a /root/.pgpass >/dev/null",
    "echo {} |\n  sudo tee /etc/token",
    "{{\n  echo {}\n}} > /etc/token",
    "cat <<EOF > /etc/token\n{}\nEOF",
    "cat > /etc/app/password <<'EOF'\n{}\nEOF",
    "tee /opt/secret.txt <<-END\n\t{}\n\tEND",
    "sudo tee /etc/wpa.psk > /dev/null <<EOT\n{}\nEOT",
    "cat <<EOF \\\n  > /etc/token\n{}\nEOF",
    "cat <<EOF >/root/.netrc\nmachine x login y password {}\nEOF",
    "cat <<< {} > /etc/token",
    "tee /etc/token <<< '{}'",
    "dd of=/etc/token <<< {}",
    "echo {} | dd of=/etc/token",
    "echo {} | base64 > /etc/token",
    "install -m 600 /dev/stdin /etc/token <<< {}",
    'echo "$(echo {})" > /etc/token',
    "python3 -c \"open('/etc/token','w').write('{}')\"",
    "ruby -e \"File.write('/etc/token', '{}')\"",
    "Set-Content -Path C:\\token.txt -Value '{}'",
    "'{}' | Out-File C:\\secrets\\db_password.txt",
    "[IO.File]::WriteAllText('C:\\password.txt','{}')",
]

COMMANDS = [
    "export TOKEN={}",
    "export API_KEY='{}'",
    "setx DB_PASSWORD {}",
    "set -gx DB_PASSWORD {}",
    "read -r TOKEN <<< {}",
    "TOKEN=$(cat <<EOF\n{}\nEOF\n)",
    "app --password {}",
    "mysql -uroot -p{} -e 'x'",
    "mysqladmin -u root password '{}'",
    "curl -u user:{} https://x.io",
    "curl -uuser:{} https://x.io",
    "docker login -u ci -p {}",
    "docker login -uci -p{} r.io",
    "docker login --password-stdin <<< '{}'",
    "echo {} | docker login --password-stdin",
    "aws configure set aws_secret_access_key {}",
    "aws configure set default.aws_session_token '{}'",
    "git clone https://user:{}@github.com/x/y",
    "chpasswd <<< 'bob:{}'",
    "chpasswd <<EOF\nbob:{}\nEOF",
    "passwd bob <<EOF\n{}\n{}\nEOF",
    "printf '{}\\n{}\\n' | passwd bob",
    "wpa_passphrase ssid {}",
    'network={{\n ssid="x"\n psk="{}"\n}}',
    "echo {} | cryptsetup luksOpen /dev/x y",
    "smbclient //x/y {} -U u",
    "sed -i 's|__DB_PASSWORD__|{}|' /etc/x",
    "cmdkey /add:x /user:y /pass:{}",
    "echo {} | gh auth login --with-token",
    "gcloud secrets create x --data-file=- <<< {}",
    "restic -r x --password-command 'echo {}'",
]


@pytest.mark.parametrize("secret", [RANDOM, WORD])
@pytest.mark.parametrize("command", [*FILES, *COMMANDS])
def test_what_a_script_writes_is_redacted_in_every_place(command: str, secret: str) -> None:
    for value in places(command.format(*[secret] * 2)):
        assert secret not in shown(value)


def encoded(text: str, *, zipped: bool = False) -> str:
    return base64.b64encode(gzip.compress(text.encode()) if zipped else text.encode()).decode()


@pytest.mark.parametrize("secret", [RANDOM, WORD])
@pytest.mark.parametrize(
    "item",
    [
        "- path: /etc/token\n  content: {plain}\n",
        "- content: |\n    {plain}\n  path: /etc/app/db_password\n  permissions: '0600'\n",
        "- path: /etc/token\n  encoding: b64\n  content: {b64}\n",
        "- path: /run/secrets/api\n  encoding: gz+b64\n  content: {gzip}\n",
        "- path: /etc/token\n  encoding: gzip\n  content: !!binary |\n    {gzip}\n",
        "- {{path: /etc/token, content: {plain}}}\n",
    ],
)
def test_a_file_of_cloud_init_with_the_name_of_a_secret_is_redacted(item: str, secret: str) -> None:
    forms = {"plain": secret, "b64": encoded(secret), "gzip": encoded(secret, zipped=True)}
    config = f"#cloud-config\nwrite_files:\n- path: /etc/motd\n  content: hello\n{item.format(**forms)}"
    for value in (config, encoded(config)):
        left = shown(value)
        assert not any(each in left for each in forms.values())
        assert "hello" in left and "write_files" in left, "the rest stays"
    files = [{"path": "/etc/token", "content": forms["b64"], "encoding": "b64"}]
    left = shown({"files": files, "ignition": {"path": "/etc/token", "contents": {"source": f"data:,{secret}"}}})
    assert not any(each in left for each in forms.values()) and "/etc/token" in left


HARMLESS: list[Any] = [
    "echo 'vm.max_map_count=262144' >> /etc/sysctl.conf",
    "cat <<EOF > /etc/nginx/nginx.conf\nuser nginx;\nEOF",
    'echo "$TOKEN" > /etc/token',
    "printf '%s' \"${DB_PASSWORD}\" > /run/secrets/db",
    "cat <<EOF > /etc/token\n$TOKEN\nEOF",
    "vault read -field=x secret/y > /etc/token",
    "aws secretsmanager get-secret-value --secret-id x > /etc/token",
    "aws ecr get-login-password | docker login --username AWS --password-stdin 123.dkr.ecr.us-east-1.amazonaws.com",
    "sed -i 's/^PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config",
    "sed -i 's/#PasswordAuthentication yes/PasswordAuthentication no/' /etc/ssh/sshd_config",
    "echo 'ssh-ed25519 AAAA bob' >> ~/.ssh/authorized_keys",
    "mkdir -p /etc/secrets && chmod 600 /etc/secrets/token",
    "echo 'Reading /etc/token' > /dev/null",
    "aws configure set region us-east-1",
    "docker run -p 8080:80 -u 1000:1000 nginx",
    "passwd -l root",
    "#cloud-config\nwrite_files:\n- path: /etc/motd\n  content: hello\n",
    ["sh", "-c", "echo hi > /tmp/x"],
]


@pytest.mark.parametrize("value", HARMLESS, ids=str)
def test_a_script_without_a_secret_is_preserved(value: Any) -> None:
    assert Redactor().value({"userData": value}) == {"userData": value}


def test_files_that_hold_secrets() -> None:
    for path in (
        "/etc/token",
        "~/.netrc",
        "/root/.ssh/id_ed25519",
        "/run/secrets/x",
        "C:\\creds\\a",
        "db_password.txt",
    ):
        assert holds_secret(path), path
    for path in ("/etc/motd", "/models/tokenizer.json", "/etc/password-policy.json", "~/.ssh/id_rsa.pub", "/", ""):
        assert not holds_secret(path), path


def test_the_outputs_of_a_stack_are_redacted() -> None:
    secrets = {
        "dbPassword": "Canary7one",
        "api": {"token": "Canary7two"},
        "url": "postgres://u:Canary7three@h/d",
        "note": "echo Canary7four > /etc/token",
        "keys": [{"name": "ADMIN_PASSWORD", "value": "Canary7five"}],
        "endpoint": "https://example.com",
    }
    root = {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False}
    before, after = ({**root, "outputs": {**secrets, "dbPassword": f"Canary7{each}"}} for each in ("old", "new"))
    kept = state("aws:sqs/queue:Queue", "jobs", {"name": "jobs"})
    step = Step("update", before, after)
    for text in (digest(step, Step("create", new=kept)), events(step, Step("create", new=kept))):
        report = assemble.review(reader.read(text), book.load(), date(2026, 11, 29))
        for page in (markdown(report), html(report), report.to_json()):
            assert "Canary7" not in page
