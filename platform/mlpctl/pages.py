"""Self-contained HTML pages, which work without a network, from templates in a package."""

import base64
import functools
import hashlib
from importlib.resources import files
from typing import Any

import jinja2

from mlpctl.text import shorten, visible


def environment(package: str, longest: int) -> jinja2.Environment:
    """Jinja for the templates of a package, which shows texts without invisible characters and of limited length.

    Args:
        package: the package; its templates are in its folder `templates`.
        longest: maximum number of characters of one text.
    """
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=functools.partial(_shown, longest=longest),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(package: str, name: str) -> str:
    """The text of a file next to the templates of a package."""
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def policy(style: str, script: str = "") -> str:
    """The content security policy of a page: only its own style, its own script if it has one, and inline images."""
    scripts = f"script-src {_hash(script)}; " if script else ""
    return f"default-src 'none'; style-src {_hash(style)}; {scripts}img-src data:; base-uri 'none'; form-action 'none'"


def _shown(value: Any, *, longest: int) -> Any:
    """A value with invisible characters escaped and of limited length; Jinja escapes HTML afterwards."""
    is_markup = hasattr(value, "__html__")
    return shorten(visible(value), longest) if isinstance(value, str) and not is_markup else value


def _hash(text: str) -> str:
    """The hash of a text in the notation of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
