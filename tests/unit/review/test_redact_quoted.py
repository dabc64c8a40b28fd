"""Secrets in quotes, in files with a known name, and in the commands of servers and of Windows."""

import json
from typing import Any

import pytest

from mlpctl.review.redact import Redactor
from unit.review.script_places import RANDOM, WORD, places, shown

SLOT = "{slot}"

QUOTED = [
    """aws secretsmanager create-secret --name a --secret-string '{"u":"{slot}"}'""",
    """aws secretsmanager put-secret-value --secret-id a --secret-string '{"user": "x", "key": "{slot}"}'""",
    """aws secretsmanager put-secret-value --secret-id a --secret-string='{"key":"{slot}"}'""",
    """aws secretsmanager update-secret --secret-id a --secret-string "{\\"k\\":\\"{slot}\\"}" --region x""",
    """aws secretsmanager create-secret --name a --secret-string "{\\"k\\":\\"x\\", \\"z\\": \\"{slot}\\"}\"""",
    """app --password 'two words {slot}' --verbose""",
    """app --password="two words {slot}" --verbose""",
    """echo "c.NotebookApp.password = u'{slot}'" >> ~/.jupyter/jupyter_notebook_config.py""",
    """CREATE LOGIN app WITH PASSWORD = N'{slot}'""",
    """python -c "connect(password=b'{slot}')\"""",
    """[Environment]::SetEnvironmentVariable('DB_PASSWORD','{slot}','Machine')""",
    """[System.Environment]::SetEnvironmentVariable("DB_PASSWORD", "{slot}", "User")""",
    """python -c "import os; os.environ.setdefault('DB_PASSWORD', '{slot}')\"""",
    """spark.conf.set("fs.s3a.secret.key", "{slot}")""",
    """aws ssm put-parameter --name /app/db_password --type String --value '{slot}'""",
    """acme setting --value {slot} --name DB_PASSWORD""",
]

WHOLE = [
    """aws secretsmanager create-secret --name a --secret-string $'{"key":"{slot}"}'""",
    """aws secretsmanager create-secret --name a --secret-string "$(cat <<EOF\n{"key":"{slot}"}\nEOF\n)\"""",
    """aws secretsmanager put-secret-value --secret-id a --secret-string file://<(echo '{"key":"{slot}"}')""",
    """aws ssm put-parameter --name /a --type SecureString --value '{"key":"{slot}"}'""",
    """az keyvault secret set --name a --value="two words {slot}\"""",
    """kubectl create secret generic x --from-literal=config='{"key":"{slot}"}'""",
    """kubectl create secret generic x --from-literal="config=two words {slot}\"""",
    """vault kv put secret/x value='{"key":"{slot}"}'""",
    """pulumi config set --secret db '{"key":"{slot}"}'""",
    """gh secret set X -b "two words {slot}\"""",
    """sh -c "gh secret set X -b \\"two words {slot}\\"\"""",
    """mysql -uroot -p'two words {slot}' -e x""",
    """sshpass -p 'two words {slot}' ssh h""",
    """curl -u 'user:two words {slot}' https://x""",
    """docker login -u a -p "two words {slot}" r.io""",
]
"""Words in quotes that only the command marks as secret."""

LONG = [
    """aws secretsmanager create-secret --name a --secret-string '{\n  "k": "{slot}"\n}'""",
    "<AutoLogon>\n <Password>\n  <Value>{slot}</Value>\n </Password>\n</AutoLogon>",
    'expect <<EOF\nspawn ssh a@b\nexpect "*assword:"\nsend "{slot}\\r"\nEOF',
]
"""Commands whose lines mean nothing alone."""

FILES = [
    """echo '{"username":"u","key":"{slot}"}' > ~/.kaggle/kaggle.json""",
    """cat > ~/.kaggle/kaggle.json <<EOF\n{"username":"u","key":"{slot}"}\nEOF""",
    """su - app -c "cat > ~/.kaggle/kaggle.json <<EOF\n{\\"username\\":\\"u\\",\\"key\\":\\"{slot}\\"}\nEOF\"""",
    """sh -c "echo '{\\"username\\":\\"u\\",\\"key\\":\\"{slot}\\"}' > /root/.kaggle/kaggle.json\"""",
    """python -c "open('kaggle.json','w').write('{slot}')\"""",
    """jq -n '{"username":"u","key":"{slot}"}' > /tmp/x""",
    """Set-Content C:\\secret.txt '{slot}'""",
    """Set-Content -Path C:\\secret.txt '{slot}'""",
    """Set-Content C:\\secret.txt -Encoding ascii '{slot}'""",
    """Add-Content -Encoding utf8 'C:\\secret.txt' {slot}""",
    """set-content c:\\secret.txt "{slot}\"""",
    """echo "user" "{slot}" > /etc/openvpn/auth.txt""",
    """printf '%s\\n%s\\n' user {slot} > /etc/openvpn/auth.txt""",
    """echo {slot} > ~/.ngc/config""",
    """echo {slot} | base64 -d > /etc/key.pem""",
    """echo {slot} | base64 --decode | sudo tee /etc/tls/server-key.pem""",
    """echo {slot} > /etc/letsencrypt/privkey.pem""",
    """sed -i "s/xxx/{slot}/g" /etc/buildkite-agent/buildkite-agent.cfg""",
]

WINDOWS = [
    "'{slot}' | ConvertTo-SecureString -AsPlainText -Force",
    "$p = '{slot}' | ConvertTo-SecureString -AsPlainText -Force",
    "setx /M DB_PASSWORD {slot}",
    "Set-Item -Path Env:DB_PASSWORD -Value {slot}",
    "Set-Item Env:DB_PASSWORD '{slot}'",
    '"{slot}" > C:\\secret.txt',
    "Out-File -FilePath C:\\secret.txt -InputObject '{slot}'",
    "<AdministratorPassword><Value>{slot}</Value><PlainText>true</PlainText></AdministratorPassword>",
    '<Password wcm:action="add"><Value>{slot}</Value></Password>',
    "reg add HKLM\\x /v DefaultPassword /t REG_SZ /d {slot} /f",
    'reg add "HKLM\\x y" /v "DefaultPassword" /d "{slot}" /f',
    "reg.exe add HKLM\\x /d {slot} /v DefaultPassword",
    "Set-ItemProperty -Path 'HKLM:\\x' -Name DefaultPassword -Value '{slot}'",
    "New-ItemProperty -Path HKLM:\\x -Name DefaultPassword -PropertyType String -Value {slot} -Force",
    "Set-ItemProperty $path DefaultPassword '{slot}'",
    "Set-ItemProperty $path -Value '{slot}' -Name DefaultPassword",
    "schtasks /create /ru a /rp {slot} /tn x",
    "schtasks.exe /Create /RU a /RP '{slot}' /TN x",
    "netdom join %COMPUTERNAME% /domain:x /userd:a /passwordd:{slot}",
    "netdom join x /domain:x /userd:a /passwordd:{slot} /usero:b /passwordo:{slot}",
    "New-LocalUser -Name a -Password (ConvertTo-SecureString -AsPlainText '{slot}' -Force)",
    'ConvertTo-SecureString -AsPlainText -Force -String "{slot}"',
    "ConvertTo-SecureString -AsPlainText {slot} -Force",
    "net use Z: \\\\host\\share {slot} /user:corp\\x",
    "psexec \\\\host -u x -p {slot} cmd",
]

SERVERS = [
    "CREATE USER a IDENTIFIED BY {slot};",
    "echo {slot} | openssl base64 -d -out /etc/tls/key.pem",
    "<property><name>fs.s3a.secret.key</name><description>x</description><value>{slot}</value></property>",
    '<entry key="db.password">{slot}</entry>',
    "<password><![CDATA[{slot}]]></password>",
    "mysql -e \"ALTER USER 'root'@'localhost' IDENTIFIED WITH mysql_native_password BY '{slot}';\"",
    "mysql <<EOF\nCREATE USER a IDENTIFIED WITH caching_sha2_password AS '{slot}';\nEOF",
    "mysql <<EOF\nSET PASSWORD FOR 'root'@'localhost' = PASSWORD('{slot}');\nEOF",
    "UPDATE mysql.user SET Password=PASSWORD(\"{slot}\") WHERE User='root';",
    "sudo -u postgres psql -c 'ALTER ROLE app ENCRYPTED PASSWORD $${slot}$$'",
    'psql -c "ALTER ROLE app PASSWORD \\$\\${slot}\\$\\$"',
    "psql -c 'ALTER ROLE app PASSWORD $pw${slot}$pw$'",
    "ALTER USER app WITH PASSWORD E'{slot}'",
    'sqlplus / <<EOF\nALTER USER app IDENTIFIED BY "{slot}";\nEOF',
    "htpasswd -b -c /etc/nginx/.htpasswd admin {slot}",
    "htpasswd -c -b /etc/nginx/users admin '{slot}'",
    "htpasswd -B -C 10 -b /etc/nginx/users admin {slot}",
    "htpasswd -nb admin {slot}",
    "htpasswd -n -b admin {slot}",
    "echo {slot} | kinit admin@CORP",
    "kinit admin@CORP <<< '{slot}'",
    "echo '{slot}' | realm join -U Admin corp.local",
    "echo -n {slot} | sudo realm join --user=admin corp",
    "echo '{slot}' | adcli join --stdin-password corp",
    "(echo {slot}; echo {slot}) | smbpasswd -a bob",
    "printf '{slot}\\n{slot}\\n' | smbpasswd -s -a bob",
    "echo 'mysql-server mysql-server/root_password password {slot}' | debconf-set-selections",
    "debconf-set-selections <<EOF\nmysql-server mysql-server/root_password_again password {slot}\nEOF",
    "debconf-set-selections <<< 'mysql-server mysql-server/root_password password {slot}'",
    "d-i passwd/root-password password {slot}",
    "echo {slot} | elasticsearch-keystore add -x bootstrap.password",
    "echo {slot} | bin/kibana-keystore add elasticsearch.password --stdin",
    'expect -c \'spawn ssh a@b; expect "password:"; send "{slot}\\r"\'',
    'expect <<EOF\nexpect "assphrase" { send -- "{slot}\\n" }\nEOF',
    "consul agent -server -encrypt={slot}",
    "nomad agent -encrypt {slot}",
    "7z x -p{slot} a.7z",
    "7za a -mhe=on '-p{slot}' a.7z files",
    "unrar x -p{slot} a.rar",
    "rar a -hp{slot} a.rar x",
    "ncftpput -u user -p {slot} h / f",
    "airflow users create -u a -p {slot} -r Admin",
    "grafana-cli admin reset-admin-password {slot}",
    "grafana cli --homepath=/x admin reset-admin-password --user-id=1 {slot}",
    "rclone config create a s3 secret_access_key {slot}",
    "rclone config create a s3 access_key_id=x secret_access_key={slot}",
    "rclone config create a webdav url https://x user y pass {slot}",
    "ttyd -c user:{slot} bash",
    "ttyd --credential user:{slot} bash",
    "echo 'password_pbkdf2 root {slot}' >> /etc/grub.d/40_custom",
    "echo 'rocommunity {slot}' > /etc/snmp/snmpd.conf",
    "cat > /etc/snmp/snmpd.conf <<EOF\nrwcommunity6 {slot} default\ncom2sec ro default {slot}\nEOF",
    "createUser me SHA {slot} AES '{slot}'",
    "snmpwalk -v2c -c {slot} host",
    "snmpget -v3 -u me -A {slot} -X {slot} host",
]


@pytest.mark.parametrize("secret", [RANDOM, WORD])
@pytest.mark.parametrize("command", [*QUOTED, *WHOLE, *LONG, *FILES, *WINDOWS, *SERVERS])
def test_a_command_is_redacted_in_every_place(command: str, secret: str) -> None:
    for value in places(command.replace(SLOT, secret), lines_apart=command not in LONG):
        assert secret not in shown(value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("kaggle.json", '{"username": "a", "key": "{slot}"}'),
        ("id_ed25519", "{slot}"),
        ("auth.txt", "user\n{slot}\n"),
        ("client-key.pem", "{slot}"),
        ("core-site.xml", "<property><name>fs.s3a.secret.key</name><value>{slot}</value></property>"),
        ("core-site.xml", "<property>\n<name>fs.s3a.secret.key</name>\n<value>{slot}</value>\n</property>"),
        ("app.plist", "<key>password</key>\n<string>{slot}</string>"),
        ("spark-defaults.conf", "spark.ui.port 4040\nspark.hadoop.fs.s3a.secret.key {slot}\n"),
        ("spark-defaults.conf", "spark.authenticate.secret   {slot}\n"),
        ("spark-defaults.conf", "spark.ssl.keyPassword\t{slot}\nspark.ui.port 4040"),
    ],
)
@pytest.mark.parametrize("secret", [RANDOM, WORD])
def test_a_file_of_a_config_map_is_redacted(name: str, content: str, secret: str) -> None:
    data = {"data": {name: content.replace(SLOT, secret)}}
    assert secret not in json.dumps(Redactor().inputs(data), default=str)
    manifest = (
        "kind: ConfigMap\ndata:\n  "
        + name
        + ": |\n"
        + "".join(f"    {each}\n" for each in data["data"][name].splitlines())
    )
    assert secret not in shown(manifest)


@pytest.mark.parametrize("name", ["X-Secret", "X-Api-Key", "X-Origin-Verify", "Authorization"])
def test_the_header_of_a_listener_rule_is_redacted(name: str) -> None:
    header = {"httpHeaderName": name, "values": [RANDOM + "-umbrella"]}
    assert "umbrella" not in json.dumps(Redactor().inputs({"conditions": [{"httpHeader": header}]}), default=str)


HARMLESS: list[Any] = [
    "aws secretsmanager get-secret-value --secret-id 'app/db'",
    "app --token-file '/run/token' --verbose",
    "Set-Content C:\\motd.txt 'hello there'",
    "Set-ItemProperty -Path HKLM:\\x -Name AutoAdminLogon -Value 1",
    "reg add HKLM\\x /v DefaultUserName /t REG_SZ /d admin /f",
    "schtasks /create /tn x /tr run.cmd /sc daily",
    "netdom query fsmo",
    "net use Z: \\\\host\\share /persistent:yes",
    "[Environment]::SetEnvironmentVariable('LOG_LEVEL','debug','Machine')",
    "<Display><ColorDepth><Value>32</Value></ColorDepth></Display>",
    "<property><name>fs.s3a.endpoint</name><value>s3.amazonaws.com</value></property>",
    "spark.executor.memory 4g\nspark.hadoop.fs.s3a.endpoint s3.amazonaws.com\n",
    "CREATE USER a IDENTIFIED WITH aws_iam",
    "7z x archive.7z -oout",
    "htpasswd -v /etc/users admin",
    "ttyd -p 7681 bash",
    "ncftpput -P 2121 host / file",
    "consul agent -server -config-dir=/etc/consul.d",
    "rclone config create a s3 env_auth true region us-east-1",
    "echo 'postfix postfix/mailname string example.com' | debconf-set-selections",
    "airflow users create --use-random-password -u a",
    "echo 'enter the password' ; send report",
    "cat server.pem ca.pem > /etc/tls/chain.pem",
    "echo hello > /etc/tls/public-key.pem",
    {"filters": [{"name": "vpc-id", "values": ["vpc-1"]}]},
    {"name": "external-secret", "values": {"replicas": 2}},
    {"data": {"config.json": "{}", "id_ed25519.pub": "x", "partition.key": "customer", "boto": "2.49.0"}},
]


@pytest.mark.parametrize("value", HARMLESS, ids=str)
def test_a_similar_text_is_preserved(value: Any) -> None:
    assert Redactor().value({"userData": value}) == {"userData": value}
