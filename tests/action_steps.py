"""Reads actions and workflows of GitHub, and runs their shell steps as a runner does."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

EXPRESSION: Final = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_COMPARISON: Final = re.compile(r"(\S+)\s*(==|!=)\s*'([^']*)'")


def load(path: Path) -> dict[str, Any]:
    """An action or a workflow. YAML 1.1 reads the key `on` as true."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return {"on" if key is True else key: value for key, value in found.items()}


def steps_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of an action, or of all jobs of a workflow."""
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


@dataclass
class Runner:
    """Runs the shell steps of a composite action in a checkout; steps that use other actions are skipped."""

    checkout: Path
    temp: Path
    variables: Mapping[str, str]
    """The environment variables of the job."""

    ran: list[str] = field(default_factory=list)
    """Names of the steps that ran."""

    log: str = ""

    def run(self, action: str, inputs: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Run an action of the checkout. Returns the exit code of the last step, and the action's outputs."""
        folder = self.checkout / ".github" / "actions" / action
        document = load(folder / "action.yml")
        values = {f"inputs.{name}": str(each.get("default", "")) for name, each in document["inputs"].items()}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        values |= {"github.token": self.variables.get("FAKE_TOKEN", ""), "runner.temp": str(self.temp)}
        for name, value in values.items():
            values[name] = self._filled(value, values)
        code = 0
        for step in document["runs"]["steps"]:
            if "run" in step and (code := self._step(step, folder, values)) != 0:
                break
        outputs = {name: self._filled(each["value"], values) for name, each in document.get("outputs", {}).items()}
        return code, outputs

    def _step(self, step: Mapping[str, Any], folder: Path, values: dict[str, str]) -> int:
        if "if" in step and not self._holds(step["if"], values):
            return 0
        output = self.temp / f"output-{len(self.ran)}"
        output.touch()
        environment = {name: each for name, each in self.variables.items() if name != "FAKE_TOKEN"}
        environment |= {name: self._filled(str(each), values) for name, each in step.get("env", {}).items()}
        environment |= {
            "GITHUB_ACTION_PATH": str(folder),
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(self.temp),
        }
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        # As the runner does for `shell: bash`.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.ran.append(step.get("name") or step["id"])
        self.log += f"--- {self.ran[-1]} ({done.returncode})\n{done.stdout}"
        if "id" in step:
            values |= {f"steps.{step['id']}.outputs.{key}": value for key, value in _outputs(output).items()}
        return done.returncode

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        return EXPRESSION.sub(lambda match: values.get(match[1], ""), text)

    def _holds(self, condition: str, values: Mapping[str, str]) -> bool:
        match = _COMPARISON.fullmatch(condition)
        assert match, f"this runner does not know the condition {condition}"
        return (values.get(match[1], "") == match[3]) is (match[2] == "==")


def _outputs(file: Path) -> dict[str, str]:
    """What a step wrote to `GITHUB_OUTPUT`: `name=value`, or `name<<end`, lines and the end."""
    found: dict[str, str] = {}
    lines = iter(file.read_text().splitlines())
    for line in lines:
        name, several, end = line.partition("<<")
        if several:
            content = []
            while (each := next(lines)) != end:
                content.append(each)
            found[name] = os.linesep.join(content)
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found
