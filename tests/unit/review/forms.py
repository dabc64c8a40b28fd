"""Texts with secrets that only their form reveals: commands, addresses, headers, tokens.

They are assembled at run time, so that secret scanners do not report this file.
"""

from dataclasses import dataclass
from typing import Any, Final

SLOT: Final = "{slot}"
"""Placeholder of the secret."""

_HEX: Final = "cafe0123456789ab" * 4
_MIXED: Final = "cAnArY1234abcdEFGH5678ijklMNOP9012qrstuVwX" + "yZ34abCD56efGH78ijKL90mnOP"
_WORD: Final = "Zebra-canary-77umbrella"
_CAPITALS: Final = "CANARY1234ABCDEFGH5678IJKLM"


@dataclass(frozen=True)
class Form:
    """A text, or the words of a command, with a secret in it."""

    way: str
    text: Any
    secret: str = _WORD


def _tokens() -> list[Form]:
    """Tokens that are recognized by their format."""
    shapes = {
        "GitHub's fine-grained": "github_pat_11ABCDEFG0" + _MIXED,
        "GitHub's for apps": "ghs_" + _MIXED[:36],
        "GitHub's for OAuth": "gho_" + _MIXED[:36],
        "GitHub's to refresh": "ghr_" + _MIXED[:36],
        "GitLab's of a runner": "glrt-" + _MIXED[:20],
        "GitLab's of a job": "glcbt-64_" + _MIXED[:20],
        "GitLab's of a trigger": "glptt-" + _HEX[:40],
        "GitLab's old one of a runner": "GR1348941" + _MIXED[:20],
        "Hugging Face's of an organisation": "api_org_" + "cAnArYqRsTuVwXyZaBcDeFgHiJkLmNoPqR",
        "Anthropic's of an administrator": "sk-ant-admin01-" + _MIXED,
        "OpenAI's of a service": "sk-svcacct-" + _MIXED,
        "OpenRouter's": "sk-or-v1-" + _HEX,
        "DeepSeek's": "sk-" + _HEX[:32],
        "Langfuse's": "sk-lf-" + "cafe0123-4567-89ab-cdef-0123456789ab",
        "LangSmith's": "lsv2_pt_" + _HEX[:32] + "_" + _HEX[:10],
        "xAI's": "xai-" + _MIXED,
        "Perplexity's": "pplx-" + _MIXED[:48],
        "Pinecone's": "pcsk_" + _MIXED,
        "Voyage's": "pa-" + _MIXED[:43],
        "Together's": "tgp_v1_" + _MIXED[:43],
        "RunPod's": "rpa_" + _MIXED[:44],
        "Tavily's": "tvly-dev-" + _MIXED[:32],
        "Weights & Biases' new one": "wandb_v1_" + _MIXED[:42],
        "Modal's": "as-" + _MIXED[:22],
        "Groq's": "gsk_" + _MIXED[:52],
        "Replicate's": "r8_" + _MIXED[:37],
        "NVIDIA's": "nvapi-" + _MIXED,
        "npm's": "npm_" + _MIXED[:36],
        "RubyGems'": "rubygems_" + _HEX[:48],
        "Atlassian's": "ATATT3" + _MIXED + "=ABCD1234",
        "Bitbucket's": "ATBB" + _MIXED[:32],
        "CircleCI's": "CCIPAT_" + _MIXED[:22] + "_" + _HEX[:40],
        "Buildkite's": "bkua_" + _HEX[:40],
        "New Relic's": "NRAK-" + _CAPITALS,
        "PlanetScale's": "pscale_tkn_" + _MIXED[:43],
        "Supabase's": "sbp_" + _HEX[:40],
        "Neon's": "napi_" + _MIXED.lower()[:64],
        "Airtable's": "pat" + _MIXED[:14] + "." + _HEX,
        "Notion's": "ntn_" + "123456789012" + _MIXED[:35],
        "Notion's old one": "secret_" + _MIXED[:43],
        "Figma's": "figd_" + _MIXED[:40],
        "Artifactory's": "AKCp8" + _MIXED + _MIXED[:4],
        "Mailgun's": "key-" + _HEX[:32],
        "Twilio's": "SK" + _HEX[:32],
        "Google's to refresh": "1//0" + _MIXED[:60],
        "Entra's of a client": "abc8Q~" + _MIXED[:32] + "~_",
        "Fly's": "fm2_" + _MIXED,
        "Sentry's of a user": "sntryu_" + _HEX,
        "Slack's of an app": "xapp-1-" + "A0CANARY-1234567890123-" + _HEX[:32],
        "Databricks'": "dapi" + _HEX[:32],
        "Pulumi's": "pul-" + _HEX[:40],
        "Docker's": "dckr_pat_" + _MIXED[:27],
    }
    return [
        Form(f"a token of {name.removesuffix('s')}s shape", f"use {SLOT} now", each) for name, each in shapes.items()
    ]


FORMS: Final[tuple[Form, ...]] = (
    Form("the user of a URL", f"git clone https://{SLOT}@github.com/shop/models.git", _HEX[:40]),
    Form(
        "the user of a URL, short",
        f"pip install --extra-index-url https://{SLOT}@pypi.example.com/simple",
        "tok3nabc12",
    ),
    Form("the user of a URL, a word", f"https://{SLOT}@git.example.com/x", "canaryumbrella"),
    Form("the user of a URL with an empty password", f"https://{SLOT}:@api.example.com/v1"),
    Form("the user of a URL beside GitHub's word", f"https://{SLOT}:x-oauth-basic@github.com/x"),
    Form("the password beside x-access-token", f"https://x-access-token:{SLOT}@github.com/x"),
    Form("the password beside oauth2", f"git+https://oauth2:{SLOT}@gitlab.com/x#egg=y"),
    Form("redis-server", f"redis-server --requirepass {SLOT} --port 6379"),
    Form("redis-server in words", ["redis-server", "--requirepass", SLOT, "--port", "6379"]),
    Form("redis.conf", f"maxmemory 1gb\nrequirepass {SLOT}\nmasterauth {SLOT}\nappendonly yes\n"),
    Form("sqlcmd", f"sqlcmd -S db -U sa -P {SLOT} -Q 'select 1'"),
    Form("sqlcmd in words", ["/opt/mssql-tools/bin/sqlcmd", "-S", "db", "-U", "sa", "-P", SLOT]),
    Form("twine", f"twine upload -u __token__ -p {SLOT} dist/*"),
    Form("docker login in words", ["docker", "login", "-u", "x", "-p", SLOT, "registry.example.com"]),
    Form("docker login from a pipe", f"echo {SLOT} | docker login -u x --password-stdin registry.example.com"),
    Form("oc login", f"oc login https://api.example.com -u x -p {SLOT}"),
    Form("ldapsearch", f"ldapsearch -x -D cn=admin -w {SLOT} -b dc=x"),
    Form("smbclient", f"smbclient //host/share -U reader%{SLOT}"),
    Form("rabbitmqctl", f"rabbitmqctl add_user admin {SLOT}"),
    Form("rabbitmqctl in words", ["rabbitmqctl", "change_password", "admin", SLOT]),
    Form("mosquitto", f"mosquitto_pub -h b -u x -P {SLOT} -t t -m m"),
    Form("mc", f"mc alias set store https://s3.example.com reader {SLOT}"),
    Form("kubectl create secret", f"kubectl create secret generic x --from-literal=KEY={SLOT} --from-literal=B={SLOT}"),
    Form("kubectl create secret in quotes", f"kubectl create secret generic x --from-literal='user={SLOT}'"),
    Form(
        "kubectl create secret in words",
        ["kubectl", "create", "secret", "generic", "x", "--from-literal", f"user={SLOT}"],
    ),
    Form("helm --set", f"helm upgrade x y --set replicas=2,auth.rootPassword={SLOT},tag=v1"),
    Form("helm --set in words", ["helm", "upgrade", "x", "y", "--set-string", f"global.apiKey={SLOT}"]),
    Form("a flag with its value", f"serve --port 80 --password={SLOT}"),
    Form(
        "a webhook of Slack's for governments", f"https://hooks.slack-gov.com/services/T0CANARY0/B0/{SLOT}", _MIXED[:24]
    ),
    Form("a webhook of Discord", f"https://canary.discord.com/api/v10/webhooks/123456789012345678/{SLOT}", _MIXED),
    Form("a webhook of Teams", f"https://shop.webhook.office.com/webhookb2/a@b/IncomingWebhook/{SLOT}/c", _HEX[:32]),
    Form("an old webhook of Teams", f"https://outlook.office.com/webhook/a@b/IncomingWebhook/{SLOT}/c", _HEX[:32]),
    Form(
        "a workflow of Teams",
        f"https://prod-1.westus.logic.azure.com/workflows/a/triggers/m/paths/invoke?sp=x&sig={SLOT}",
        _MIXED,
    ),
    Form("a webhook of Google Chat", f"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token={SLOT}", _MIXED),
    Form("a bot of Telegram", f"https://api.telegram.org/bot123456789:{SLOT}/sendMessage", "AA" + _MIXED[:33]),
    Form("a webhook of Mattermost", f"https://chat.example.com/hooks/{SLOT}", _HEX[:26]),
    Form("a webhook of Rocket.Chat", f"https://chat.example.com/hooks/64f0a1/{SLOT}", _MIXED[:40]),
    Form(
        "a webhook of Lark",
        f"https://open.larksuite.com/open-apis/bot/v2/hook/{SLOT}",
        "cafe0123-4567-89ab-cdef-0123456789ab",
    ),
    Form("a webhook of Make", f"https://hook.eu1.make.com/{SLOT}", _HEX[:32]),
    Form("a webhook of IFTTT", f"https://maker.ifttt.com/trigger/x/with/key/{SLOT}", _MIXED[:22]),
    Form("a check of a job", f"curl https://hc-ping.com/{SLOT}", "cafe0123-4567-89ab-cdef-0123456789ab"),
    Form("a header of GitLab", f"curl --header 'PRIVATE-TOKEN: {SLOT}' https://gitlab.example.com"),
    Form("a header of Vault", f'curl -H "X-Vault-Token: {SLOT}" https://vault.example.com'),
    Form("a bearer in JSON", f'{{"headers":{{"Authorization":"Bearer {SLOT}"}}}}'),
    Form("a key of Azure Storage", f"AccountName=x;AccountKey={SLOT};EndpointSuffix=core.windows.net", _MIXED),
    Form(
        "a key of Azure Service Bus", f"Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey={SLOT}=", _MIXED[:43]
    ),
    Form("a password of SQL Server", f"Server=tcp:x,1433;User ID=z;Password={SLOT};Encrypt=true"),
    Form(
        "a password of JDBC in braces", f"jdbc:sqlserver://h:1433;user=a;password={{{SLOT}}};encrypt=true", "can;ary77"
    ),
    Form("vault kv", f"vault kv put secret/app api={SLOT} other={SLOT}"),
    Form("vault kv in words", ["vault", "kv", "put", "secret/app", "user=app", f"api={SLOT}"]),
    Form("a secret of Fly", f"flyctl secrets set KEY={SLOT}"),
    Form("a parameter of SSM", f"aws ssm put-parameter --name /x --type SecureString --value {SLOT}"),
    Form("a secret of Key Vault", f"az keyvault secret set --vault-name v --name n --value {SLOT}"),
    Form("a secret of GitHub in words", ["gh", "secret", "set", "NAME", "--body", SLOT]),
    Form("a config of Pulumi", f"pulumi config set --secret db {SLOT}"),
    Form("a config of Pulumi, the flag last", f"pulumi config set db {SLOT} --secret"),
    Form("a secret of Google from a pipe", f"echo -n {SLOT} | gcloud secrets versions add x --data-file=-"),
    Form(
        "a secret of Kubernetes from a pipe",
        f"printf '%s' '{SLOT}' | kubectl create secret generic x --from-file=k=/dev/stdin",
    ),
    Form("passwd from a pipe", f"echo {SLOT} | passwd --stdin app"),
    Form("npm config", f"npm config set //npm-01.example.com/:_authToken {SLOT}"),
    Form("ngrok", f"ngrok config add-authtoken {SLOT}"),
    Form("keytool", f"keytool -genkey -storepass {SLOT} -alias a"),
    Form("keytool in words", ["keytool", "-list", "-keypass", SLOT]),
    Form("lftp", f"lftp -u reader,{SLOT} sftp://host"),
    Form("a key of Tailscale", f"tailscale up --authkey={SLOT}"),
    Form("PowerShell", f"$p = ConvertTo-SecureString '{SLOT}' -AsPlainText -Force"),
    Form("a DSN of Go", f"app:{SLOT}@tcp(db:3306)/shop"),
    *_tokens(),
)
"""All forms."""

HARMLESS: Final = (
    "git@github.com:shop/models.git",
    "ssh://git@github.com/shop/models",
    "https://git@github.com/shop/models",
    "https://medium.com/@someone/post",
    "https://npm-01.example.com/@scope/pkg",
    "abfss://container@account.dfs.core.windows.net/models",
    "postgres://app@db/shop",
    "docker run -p 8080:80 -u 1000:1000 image",
    "mkdir -p /data/models",
    "ssh -p 2222 host",
    "curl -w '%{http_code}' https://x.example.com",
    "helm install x y --set image.tag=v1.2.3 --set replicas=3",
    "kubectl create configmap x --from-file=a=/b",
    "redis-server --requirepass $(REDIS_PASSWORD)",
    "echo hello | grep h",
    "echo hello | tee /var/log/boot",
    "vault kv get secret/app",
    "net user",
    "pulumi config set aws:region us-east-1",
    "aws ssm get-parameter --name /x --with-decryption",
    "gh secret list",
    "s3://models-prod/ak-models",
    "shop/trainer:pa-2024-01-01",
    "https://github.com/shop/website/hooks/commit-msg",
    "scikit sk-learn 1.5, sk-something-long-without-figures",
    "cafe0123456789abcdef0123456789abcdef0123",
)
"""Similar texts without a secret."""
