"""Commands, addresses, headers and tokens with a secret that no name reveals, and similar texts."""

import json
from typing import Any

import pytest

from mlpctl.review.redact import Redactor
from mlpctl.review.values.plain import HIDDEN
from unit.review.forms import FORMS, HARMLESS, SLOT, Form


def written(text: Any, secret: str) -> Any:
    return [written(each, secret) for each in text] if isinstance(text, list) else text.replace(SLOT, secret)


def shown(value: Any) -> str:
    return json.dumps(Redactor().inputs({"note": value}), default=str)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.way)
def test_exactly_the_secret_is_redacted(form: Form) -> None:
    found = shown(written(form.text, form.secret))
    assert form.secret not in found
    assert HIDDEN in found and found != json.dumps({"note": HIDDEN})


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.way)
def test_it_is_redacted_in_a_script_too(form: Form) -> None:
    text = " ".join(form.text) if isinstance(form.text, list) else form.text
    assert form.secret not in shown(f"#!/bin/sh\nset -e\n{written(text, form.secret)}\nexec serve\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_a_similar_text_is_preserved(text: str) -> None:
    assert shown(text) == json.dumps({"note": text})
    assert shown(text.split()) == json.dumps({"note": text.split()})
