"""Every effective value and its origin."""

import io
from pathlib import Path

from pydantic import Field
from rich.console import Console

from mlpctl.config.show import show, show_table
from mlpctl.config.stack_file import read
from mlplatform.spec import Spec


class DataBucketSpec(Spec):
    retain: bool = True
    days: int | None = None


class Stack(Spec):
    profile: str
    note: str = ""
    zones: list[str] = Field(default=["a"])
    buckets: dict[str, DataBucketSpec] = Field(default={})
    more: list[DataBucketSpec] = Field(default=[])
    env: dict[str, str] = Field(default={})
    labels: dict[str, str] = Field(default={})


TEXT = """\
config:
  aws:region: eu-central-1
  mlplatform:platform:
    profile: dev
    buckets:
      data: {days: 3}
    more:
      - retain: false
    env: {a/b: "[red]x\\e[0m"}
    labels: {API_TOKEN: abc}
"""


def rows(folder: Path):
    path = folder / "Pulumi.x.yaml"
    path.write_text(TEXT)
    return show(read(path, Stack, {"dev": {"buckets.*.retain": False, "zones": ["b", "c"]}}))


def test_every_value_is_listed_with_its_origin(tmp_path):
    assert [(row.path, row.value, row.origin) for row in rows(tmp_path)] == [
        ("aws:region", "eu-central-1", "file:2"),
        ("profile", "dev", "file:4"),
        ("note", '""', "default"),
        ("zones", '["b", "c"]', "profile dev"),
        ("buckets.data.retain", "false", "profile dev"),
        ("buckets.data.days", "3", "file:6"),
        ("more[0].retain", "false", "file:8"),
        ("more[0].days", "null", "default"),
        ('env["a/b"]', "[red]x\x1b[0m", "file:9"),
        ("labels.API_TOKEN", "(hidden)", "file:10"),
    ]


def test_the_table_shows_values_without_markup_and_escaped(tmp_path):
    out = io.StringIO()
    Console(file=out, width=120).print(show_table(rows(tmp_path)))
    assert "[red]x\\x1b[0m" in out.getvalue()
    assert out.getvalue().count("\n") == 11
