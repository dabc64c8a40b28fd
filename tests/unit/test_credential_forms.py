"""The table of credential forms has two readers: plain values are refused, and reviews redact."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from awsfacts import credential_forms, credentials
from awsfacts.credential_forms import Form, Reader, as_command
from credential_samples import MORE, SAMPLES
from mlpctl.review.redact import Redactor, redactor
from mlpctl.review.values.plain import HIDDEN
from unit.review.forms import FORMS, SLOT

TABLE = credential_forms.table()


def _written(text: Any, secret: str) -> Any:
    return [_written(each, secret) for each in text] if isinstance(text, list) else text.replace(SLOT, secret)


TEXTS = [
    *(text for texts in SAMPLES.values() for text in texts),
    *MORE,
    *(_written(form.text, form.secret) for form in FORMS),
]


def samples(form: Form) -> list[Any]:
    """Texts of a form, and lists of words. A review looks into JSON by names instead."""
    lines = [(text, as_command(text) if isinstance(text, list) else text) for text in TEXTS if text[0] != "{"]
    return [text for text, line in lines if line is not None and form.find.search(line)]


@pytest.fixture
def alone(form: Form, monkeypatch: pytest.MonkeyPatch) -> Iterator[Form]:
    """A form that both readers see alone: no other form, name or randomness gives the credential away."""

    def possible(reader: Reader, lower: str) -> tuple[Form, ...]:
        return (form,) if form.only in (None, reader) and form.may_be_in(lower) else ()

    monkeypatch.setattr(credential_forms, "possible", possible)
    monkeypatch.setattr(redactor, "possible", possible)
    monkeypatch.setattr("awsfacts.secret_names.assigns", lambda *_: False)
    monkeypatch.setattr("mlpctl.review.redact.signs.named_secret", lambda _: "")
    monkeypatch.setattr("awsfacts.randomness.looks_random", lambda _: False)
    credentials.sort.cache_clear()
    yield form
    credentials.sort.cache_clear()


@pytest.mark.parametrize("form", TABLE, ids=lambda form: f"{form.name}: {form.has[0]}")
def test_each_form_is_both_refused_and_redacted_or_says_why_not(alone: Form) -> None:
    assert samples(alone), "no sample"
    for text in samples(alone):
        found = [sort for _, sort in credentials.find({"a": text})]
        assert found == ([] if alone.only is Reader.REDACT else [alone.name])
        shown = Redactor().inputs({"note": text})["note"]
        words = " ".join(map(str, shown)) if isinstance(shown, list) else str(shown)
        assert (HIDDEN in words) is (alone.only is not Reader.REFUSE)
    assert alone.only is None or len(alone.because) > 20


@pytest.mark.parametrize("text", [text for texts in SAMPLES.values() for text in texts])
def test_what_a_stack_file_refuses_is_redacted_by_a_review(text: str) -> None:
    secret = "hunter2" if "hunter2" in text else text
    assert secret not in str(Redactor().inputs({"note": text})["note"]) or text.endswith("hunter2@ghcr.io")


@pytest.mark.parametrize(
    "value",
    [
        "http://chat:80/hooks/model-release-v2-2026",
        "git+https://github.com/wandb/wandb@" + "0123456789abcdef0123456789abcdef01234567",
        "docker run -u app:staff image",
        "echo ready | cat /dev/stdin",
        "vault write auth/kubernetes/role/app policies=app",
        "aws ssm put-parameter --name /app/size --type String --value large",
        "kubectl create configmap x --from-literal=size=large",
        "wandb login requires a network",
        "postgres://app:@db:5432/x",
        "https://robot@git.example.com/x",
        "the net user count grows by day",
        "fw_allow_https_ingress_2026",
        "rnd_seed_for_shuffling_data_1",
        "fm1_large_language_model_v2",
        "mysql -h db -e 'select 1'; ssh -p22 host",
        "mysql -u root -p$(MYSQL_PW)",
        ["mysql", "-u", "root", "-p$(MYSQL_PW)"],
        ["redis-server", "--requirepass", "$(REDIS_PW)"],
        "sshpass -p ${SSH_PW} ssh host",
        "app:$(PW)@tcp(db:3306)/shop",
    ],
)
def test_a_stack_file_accepts_what_only_resembles_a_credential(value: Any) -> None:
    assert list(credentials.find({"env": {"VALUE": value}, "commandArgs": value})) == []


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (["mysql", "-u", "root", "-pZebra77"], 3),
        (["redis-server", "--port", "1", "--requirepass", "Zebra77"], 4),
        (["sshpass", "-p", "Zebra77", "ssh", "host"], 2),
        (["rabbitmqctl", "add_user", "admin", "Zebra77"], 3),
    ],
)
def test_a_stack_file_refuses_the_word_of_a_command_that_is_a_password(words: list[str], place: int) -> None:
    assert list(credentials.find({"commandArgs": words})) == [(("commandArgs", place), "a password")]


@pytest.mark.parametrize("fault", [{"only": "redact"}, {"because": "a reason"}, {"has": ["HF_"]}, {"why": "x"}])
def test_a_form_says_why_a_reader_does_not_use_it_and_has_no_other_fields(fault: dict[str, Any]) -> None:
    row = {"name": "a token", "has": ["hf_"], "pattern": "hf_x"}
    assert Form.model_validate(row)
    with pytest.raises(ValidationError):
        Form.model_validate(row | fault)
