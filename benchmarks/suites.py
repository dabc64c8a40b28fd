"""The benchmarks."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import twin
from benchmarks.firewalls import firewall_plan_of
from benchmarks.measure import BenchmarkError, Run, alternate, peak_mib, run, seconds, timed
from benchmarks.mixed import mixed_plan_of
from benchmarks.plans import plan_of
from benchmarks.report import Line
from benchmarks.workplace import ROOT, platform, program, sandbox
from mlpctl.policies import rules as policy_rules
from mlpctl.policies.evaluate import evaluate
from mlpctl.policies.plan_estate import of_plan
from mlpctl.review.reading import reader
from mlpctl.settings.policies import PolicySettings

SIZES: Final = (50, 200, 800, 2000)

REVIEWED: Final = 2000
"""Number of resources in the reviewed plan."""

MIXED: Final[Mapping[int, int]] = {2000: 3, 10000: 15}
"""Numbers of resources in the reviewed mixed plans, and the target in seconds for each."""

RULES: Final = 5000
"""Number of rules of the reviewed firewall."""

PACK: Final = ("--policy-pack", str(ROOT / "platform" / "policies"))
"""Options that load the policy pack."""

NO_TERRAFORM: Final = Line("skipped: terraform or its aws provider is not installed", "")

BUCKETS: Final = """\
import pulumi
from mlplatform import DataBucket

for number in range(pulumi.Config().require_int("buckets")):
    DataBucket(f"bucket-{number}", {"bucket": {}, "data_key_arn": "arn:aws:kms:us-east-1:123456789012:key/example"})
"""
BUCKET_RESOURCES: Final = 8
"""Number of resources of a `DataBucket`, including itself."""


def components(rounds: int) -> list[Line]:
    """Preview of `prod`, compared with a program that declares the same resources without components."""
    with sandbox() as place, platform(place, "prod") as ours:
        steps = json.loads(ours.output("preview", "--json"))["steps"]
        with program(place, "twin", twin.program(steps)) as same:
            made = json.loads(same.output("preview", "--json"))["steps"]
            runs = alternate(rounds, ours=lambda: ours.pulumi("preview"), twin=lambda: same.pulumi("preview"))
    counts = [sum(not _is_component(step) for step in each) for each in (steps, made)]
    return [
        _compared(f"preview of prod, {counts[0]} resources", runs["ours"], runs["twin"], "1.10"),
        Line("resources", str(counts[0]), str(counts[1]), f"{counts[0] / counts[1]:.2f}", "1.00"),
    ]


def sizes(rounds: int) -> list[Line]:
    """Previews of growing programs: time and memory per resource, compared with the smallest program."""
    lines: list[Line] = []
    first: dict[str, float] = {}
    with sandbox() as place:
        for size in SIZES:
            count = size // BUCKET_RESOURCES
            with program(place, "sizes", BUCKETS, f"  sizes:buckets: {count}\n") as project:
                project.pulumi("preview")
                runs = alternate(1 if size > 500 else rounds, preview=lambda: project.pulumi("preview"))["preview"]
            each = {
                "ms": seconds(runs) * 1000 / size,
                "MiB": peak_mib(runs) / size,
            }
            first = first or each
            lines += [
                Line(
                    f"{size} resources, {unit} each",
                    f"{each[unit]:.2f}",
                    f"{first[unit]:.2f}",
                    f"{ratio:.2f}",
                    "≤ 1.00",
                )
                for unit, ratio in ((unit, each[unit] / first[unit]) for unit in each)
            ]
    return lines


def imports(rounds: int) -> list[Line]:
    """Import of `mlplatform`, compared with the Pulumi packages that it imports."""

    def importing(*names: str) -> Callable[[], Run]:
        return lambda: run([sys.executable, "-c", f"import {', '.join(names)}"], ROOT, os.environ)

    runs = alternate(
        rounds * 3, ours=importing("mlplatform"), twin=importing("pulumi", "pulumi_aws", "pulumi_kubernetes")
    )
    more = (seconds(runs["ours"]) - seconds(runs["twin"])) * 1000
    return [
        _compared("import of mlplatform", runs["ours"], runs["twin"]),
        Line("in addition to the SDK", f"{more:+.0f} ms", aim="≤ +150 ms"),
    ]


def warm_start(rounds: int) -> list[Line]:
    """Start of an existing sandbox."""
    with sandbox() as ours:

        def start() -> Run:
            ours.stop()
            command = [str(ROOT / ".venv/bin/mlpctl"), "sandbox", "up", "--folder", str(ours.folder)]
            return run(command, ROOT, os.environ)

        runs = alternate(rounds, start=start)["start"]
    return [Line("warm start of the sandbox", f"{seconds(runs):.1f} s", aim="≤ 15 s")]


def local(rounds: int) -> list[Line]:
    """Preview, `up` and an `up` without changes of the stack `local`."""
    runs: dict[str, list[Run]] = {"preview": [], "up": [], "up without changes": []}
    with sandbox() as place, platform(place, "local") as project:
        for _ in range(rounds):
            runs["preview"].append(project.pulumi("preview"))
            runs["up"].append(project.pulumi("up", "--yes", "--skip-preview"))
            runs["up without changes"].append(project.pulumi("up", "--yes", "--skip-preview"))
            project.pulumi("destroy", "--yes", "--skip-preview")
    base = seconds(runs["preview"])
    return [
        Line(f"{name} of local", f"{seconds(each):.1f} s", ratio=f"{seconds(each) / base:.2f}")
        for name, each in runs.items()
    ]


def terraform(rounds: int) -> list[Line]:
    """Preview, `up` and an `up` without changes of the AWS resources of `local`, compared with Terraform."""
    found = shutil.which("terraform")
    if found is None:
        return [NO_TERRAFORM]
    ways = {
        "preview": (("preview",), ("plan", "-input=false")),
        "up": (("up", "--yes", "--skip-preview"), ("apply", "-input=false", "-auto-approve")),
        "up without changes": (("up", "--yes", "--skip-preview"), ("apply", "-input=false", "-auto-approve")),
    }
    runs: dict[str, tuple[list[Run], list[Run]]] = {name: ([], []) for name in ways}
    with sandbox() as place, TemporaryDirectory(prefix="mlplatform-bench-") as folder:
        shutil.copy(ROOT / "benchmarks" / "terraform" / "main.tf", folder)
        env = {**place.environment(), "TF_VAR_endpoint": place.layout.aws_endpoint}

        def their(*command: str) -> Run:
            return run([found, *command], Path(folder), env)

        try:
            their("init", "-input=false")
        except BenchmarkError:
            return [NO_TERRAFORM]
        # One cluster at a time: each tool destroys its cluster before the other's turn.
        # Sections that Terraform's file leaves out are left out here too.
        for _ in range(rounds):
            with platform(place, "local", without=["images", "inference", "workloads"]) as project:
                for name, (ours, _) in ways.items():
                    runs[name][0].append(project.pulumi(*ours))
            for name, (_, theirs) in ways.items():
                runs[name][1].append(their(*theirs))
            their("destroy", "-input=false", "-auto-approve")
    return [_compared(f"{name} of local, without models and images", *each) for name, each in runs.items()]


def review(rounds: int) -> list[Line]:
    """Review of 2,000 resources in all formats, compared with a tenth of the size, and the startup time."""
    command = str(ROOT / ".venv/bin/mlpctl")
    with TemporaryDirectory(prefix="mlplatform-bench-") as name:
        folder = Path(name)
        for size in (REVIEWED, REVIEWED // 10):
            (folder / f"plan-of-{size}.json").write_text(json.dumps(plan_of(size)))

        def reviewing(size: int) -> Callable[[], Run]:
            forms = [f"--{form}={folder / f'{size}.{form}'}" for form in ("markdown", "html", "json")]
            return lambda: run(
                [command, "review", "--plan", str(folder / f"plan-of-{size}.json"), *forms], ROOT, os.environ
            )

        runs = alternate(
            rounds,
            ours=reviewing(REVIEWED),
            tenth=reviewing(REVIEWED // 10),
            help=lambda: run([command, "--help"], ROOT, os.environ),
            bare=lambda: run([sys.executable, "-c", "import typer, rich.console"], ROOT, os.environ),
        )
    each = {size: seconds(runs[name]) * 1000 / size for name, size in (("ours", REVIEWED), ("tenth", REVIEWED // 10))}
    ratio = each[REVIEWED] / each[REVIEWED // 10]
    return [
        Line(f"review of {REVIEWED} resources", f"{seconds(runs['ours']):.1f} s", aim="≤ 5 s"),
        Line("its memory", f"{peak_mib(runs['ours']):.0f} MiB", aim="≤ 500 MB"),
        Line("ms each", f"{each[REVIEWED]:.2f}", f"{each[REVIEWED // 10]:.2f}", f"{ratio:.2f}", "≤ 1.00"),
        Line("mlpctl --help", f"{seconds(runs['help']):.2f} s", f"{seconds(runs['bare']):.2f} s", aim="≤ 0.5 s"),
    ]


def mixed(rounds: int) -> list[Line]:
    """Reviews of plans of many types in all formats, each compared with a tenth of the size."""
    sizes = sorted({part for size in MIXED for part in (size, size // 10)})
    runs = _reviews(rounds, {size: mixed_plan_of(size) for size in sizes})
    return [line for size, aim in MIXED.items() for line in _grown(runs, size, f"{size:,} mixed resources", aim)]


def firewalls(rounds: int) -> list[Line]:
    """Review of one firewall with thousands of rules in all formats, compared with a tenth of the size."""
    runs = _reviews(rounds, {size: firewall_plan_of(size) for size in (RULES // 10, RULES)})
    return [*_grown(runs, RULES, f"a firewall with {RULES:,} rules", 10)]


def rules(rounds: int) -> list[Line]:
    """Previews with the policy pack, compared with those without it, and its rules for a plan of 2,000 resources."""
    with sandbox() as place, platform(place, "prod") as prod, program(place, "empty", "") as empty:
        runs = alternate(
            rounds,
            ours=lambda: prod.pulumi("preview", *PACK),
            twin=lambda: prod.pulumi("preview"),
            empty_ours=lambda: empty.pulumi("preview", *PACK),
            empty_twin=lambda: empty.pulumi("preview"),
        )
    more = seconds(runs["empty_ours"]) - seconds(runs["empty_twin"])
    plan = reader.read(json.dumps(mixed_plan_of(REVIEWED)))
    known, today = policy_rules.rules(), date.today()

    def evaluating() -> object:
        return evaluate(known, of_plan(plan, {}, today), PolicySettings(), "prod", today)

    judged = alternate(rounds, rules=lambda: timed(evaluating))["rules"]
    return [
        _compared("preview of prod with the policy pack", runs["ours"], runs["twin"], "1.15"),
        Line("its start, with an empty program", f"{more:+.1f} s", aim="≤ +3 s"),
        Line(f"{len(known)} rules for {REVIEWED:,} mixed resources", f"{seconds(judged):.2f} s", aim="≤ 2 s"),
        Line("the first time, with imports", f"{judged[0].seconds:.2f} s", aim="≤ 2 s"),
    ]


def _reviews(rounds: int, plans: Mapping[int, Mapping[str, Any]]) -> Mapping[int, list[Run]]:
    """Reviews of plans in all formats, by the size of the plan."""
    command = str(ROOT / ".venv/bin/mlpctl")
    with TemporaryDirectory(prefix="mlplatform-bench-") as name:
        folder = Path(name)
        for size, plan in plans.items():
            (folder / f"plan-of-{size}.json").write_text(json.dumps(plan))

        def reviewing(size: int) -> Run:
            forms = [f"--{form}={folder / f'{size}.{form}'}" for form in ("markdown", "html", "json")]
            return run([command, "review", "--plan", str(folder / f"plan-of-{size}.json"), *forms], ROOT, os.environ)

        runs = alternate(rounds, **{str(size): partial(reviewing, size) for size in plans})
    return {size: runs[str(size)] for size in plans}


def _grown(runs: Mapping[int, list[Run]], size: int, what: str, aim: int) -> Iterator[Line]:
    """The time of a review, and of each part compared with a tenth of the size."""
    ours, tenth = (seconds(runs[part]) * 1000 / part for part in (size, size // 10))
    yield Line(f"review of {what}", f"{seconds(runs[size]):.1f} s", aim=f"≤ {aim} s")
    yield Line("ms each", f"{ours:.2f}", f"{tenth:.2f}", f"{ours / tenth:.2f}", "≤ 1.00")


SUITES: Final[Mapping[str, Callable[[int], list[Line]]]] = {
    "components": components,
    "sizes": sizes,
    "imports": imports,
    "warm-start": warm_start,
    "local": local,
    "terraform": terraform,
    "review": review,
    "mixed": mixed,
    "firewalls": firewalls,
    "rules": rules,
}


def _compared(what: str, ours: list[Run], twin_runs: list[Run], aim: str = "") -> Line:
    one, other = seconds(ours), seconds(twin_runs)
    return Line(what, f"{one:.2f} s", f"{other:.2f} s", f"{one / other:.2f}", aim and f"≤ {aim}")


def _is_component(step: Mapping[str, object]) -> bool:
    """Whether a step is for the stack or a component, which no provider creates."""
    state = step["newState"]
    assert isinstance(state, dict)
    return not state.get("custom")
