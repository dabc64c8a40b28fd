"""Messages about values that a model does not allow."""

from enum import Enum
from ipaddress import IPv4Network
from typing import Annotated

import pytest
from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator

from mlpctl.config.validation import validate
from mlpctl.config.yaml_file import parse
from mlplatform.spec import Spec


class Capacity(Enum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"


class Pool(Spec):
    types: tuple[str, ...] = Field(default=("g6.xlarge",), min_length=1, max_length=3)
    min_nodes: int = Field(default=0, ge=0)
    max_nodes: int = Field(default=4, ge=1, le=500)
    capacity: Capacity = Capacity.ON_DEMAND
    labels: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _sizes(self) -> "Pool":
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"min_nodes is {self.min_nodes}; allowed: up to max_nodes ({self.max_nodes})")
        if len({label.lower() for label in self.labels}) < len(self.labels):
            raise ValueError("labels differ only in case")
        if self.labels and self.capacity is Capacity.SPOT:
            raise ValueError("together, min_nodes and labels do not go with spot")
        return self


class Network(Spec):
    cidr: IPv4Network
    zones: int = Field(default=2, ge=2, le=3)
    public: bool = False
    names: list[str] = Field(default=[])
    version: str = Field(default="1.33", pattern=r"^1\.\d+$", examples=["1.33"])

    @field_validator("zones")
    @classmethod
    def _zones(cls, zones: int) -> int:
        if zones == 3:
            raise ValueError("zones is 3; allowed: 2 on Sundays")
        return zones

    @field_validator("names")
    @classmethod
    def _names(cls, names: list[str]) -> list[str]:
        if len({*names}) < len(names):
            raise ValueError("allowed: each name once")
        if "odd" in names:
            raise ValueError("odd: allowed: even names")
        if "wrong" in names:
            raise ValueError("nobody is called wrong")
        return names

    @field_validator("version")
    @classmethod
    def _version(cls, version: str) -> str:
        if version == "1.0":
            raise ValueError("allowed: 1.1 and newer")
        return version


Name = Annotated[str, StringConstraints(pattern=r"^[a-z]+$", max_length=9)]


class Stack(Spec):
    network: Network
    pools: dict[Name, Pool] = Field(default={})
    extra: Pool | None = None
    subnets: list[Network] = Field(default=[])
    share: float = Field(default=0.5, gt=0, lt=1)

    @field_validator("pools")
    @classmethod
    def _pools(cls, pools: dict[str, Pool]) -> dict[str, Pool]:
        if "taken" in pools:
            raise ValueError("taken: allowed: other names")
        return pools

    @model_validator(mode="after")
    def _together(self) -> "Stack":
        wrong = [
            f"subnets[{index}].cidr is {subnet.cidr}; allowed: a part of network.cidr ({self.network.cidr})"
            for index, subnet in enumerate(self.subnets)
            if not subnet.cidr.subnet_of(self.network.cidr)
        ]
        if sum(pool.max_nodes for pool in self.pools.values()) > 600:
            wrong.append("pools have too many nodes together")
        wrong += [f"network.names has {name}; allowed: pools" for name in self.network.names if name not in self.pools]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self


def messages(text: str) -> list[str]:
    built, problems = validate(Stack, parse(text.encode()))
    assert (built is None) == bool(problems)
    return [str(problem) for problem in sorted(problems, key=lambda problem: problem.line or 0)]


NETWORK = "network: {cidr: 10.0.0.0/16}\n"


def test_valid_values_build_a_model():
    built, problems = validate(Stack, parse(NETWORK.encode() + b"pools: {a: {minNodes: 2, capacity: spot}}"))
    assert problems == []
    assert built is not None
    assert built.pools["a"] == Pool(min_nodes=2, capacity=Capacity.SPOT)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("share: 2", "share (line 2) is 2; allowed: more than 0, less than 1"),
        ("share: half", 'share (line 2) is "half"; allowed: a number, more than 0, less than 1'),
        ("share: '0.5'", 'share (line 2) is "0.5"; allowed: a number, more than 0, less than 1'),
        ("share:", "share (line 2) is empty; allowed: a number, more than 0, less than 1"),
        ("pools: []", "pools (line 2) is an empty list; allowed: a mapping"),
        ("extra: {maxNodes: 0}", "extra.maxNodes (line 2) is 0; allowed: 1 to 500"),
        ("extra: {maxNodes: 3.5}", "extra.maxNodes (line 2) is 3.5; allowed: a whole number, 1 to 500"),
        ("extra: {minNodes: -1}", "extra.minNodes (line 2) is -1; allowed: at least 0"),
        (
            "extra: {capacity: spott}",
            'extra.capacity (line 2) is "spott"; allowed: on-demand or spot; did you mean `spot`?',
        ),
        ("extra: {capacity: 7}", "extra.capacity (line 2) is 7; allowed: on-demand or spot"),
        ("extra: {types: []}", "extra.types (line 2) is an empty list; allowed: 1 to 3 entries"),
        ("extra: {types: [a, b, c, d]}", "extra.types (line 2) has 4 entries; allowed: 1 to 3 entries"),
        ("extra: {types: [1]}", "extra.types[0] (line 2) is 1; allowed: text in quotes"),
        (
            "extra: big",
            'extra (line 2) is "big"; allowed: a mapping (keys: types, minNodes, maxNodes, capacity, labels), or null',
        ),
        ("extra: {labels: {a/b: true}}", 'extra.labels["a/b"] (line 2) is true; allowed: text in quotes'),
        (
            "pools: {GPU: {}}",
            "pools.GPU (line 2) is not an allowed name; allowed: at most 9 characters, matching ^[a-z]+$",
        ),
        ("shape: 0.5", "shape (line 2) is an unknown key; did you mean `share`?"),
        ("zzz: 1", "zzz (line 2) is an unknown key; allowed: network, pools, extra, subnets or share"),
        ("extra: {max_nodes: 3}", "extra.max_nodes (line 2) is an unknown key; did you mean `maxNodes`?"),
        ("extra: {max-nodes: 3}", "extra.max-nodes (line 2) is an unknown key; did you mean `maxNodes`?"),
        ("extra: {MAXNODES: 3}", "extra.MAXNODES (line 2) is an unknown key; did you mean `maxNodes`?"),
        ("extra: {minNodes: 9}", "extra.minNodes (line 2) is 9; allowed: up to maxNodes (4)"),
        (
            "subnets: [{cidr: 11.0.0.0/24}]",
            "subnets[0].cidr (line 2) is 11.0.0.0/24; allowed: a part of network.cidr (10.0.0.0/16)",
        ),
        (
            "subnets: [{cidr: 10.0.0.1/24}]",
            'subnets[0].cidr (line 2) is "10.0.0.1/24": 10.0.0.1/24 has host bits set; '
            "allowed: an IPv4 range such as 10.0.0.0/16",
        ),
        (
            "subnets: [{cidr: nonsense}]",
            "subnets[0].cidr (line 2) is \"nonsense\": Expected 4 octets in 'nonsense'; "
            "allowed: an IPv4 range such as 10.0.0.0/16",
        ),
        ("subnets: [{}]", "subnets[0].cidr (line 2) is missing; allowed: an IPv4 range such as 10.0.0.0/16"),
        ("subnets: [{cidr: 10.0.0.0/24, zones: 3}]", "subnets[0].zones (line 2) is 3; allowed: 2 on Sundays"),
        (
            "subnets: [{cidr: 10.0.0.0/24, names: [a, a]}]",
            'subnets[0].names (line 2) is ["a", "a"]; allowed: each name once',
        ),
        ("subnets: [{cidr: 10.0.0.0/24, names: [odd]}]", "subnets[0].names (line 2) contains odd; allowed: even names"),
        (
            "subnets: [{cidr: 10.0.0.0/24, names: [wrong]}]",
            "subnets[0].names (line 2) is invalid: nobody is called wrong",
        ),
        (
            'subnets: [{cidr: 10.0.0.0/24, version: "1.0"}]',
            'subnets[0].version (line 2) is "1.0"; allowed: 1.1 and newer',
        ),
        (
            "extra: {labels: {same: a, SAME: b}}",
            "extra.labels (line 2) is invalid: labels differ only in case",
        ),
        (
            "pools: {a: {labels: {x: a}, capacity: spot}}",
            "pools.a (line 2) is invalid: together, minNodes and labels do not go with spot",
        ),
        ("pools: {taken: {}}", "pools.taken (line 2) is not allowed; allowed: other names"),
        ("pools: {a: {maxNodes: 400}, b: {maxNodes: 400}}", "pools (line 2) have too many nodes together"),
    ],
)
def test_an_invalid_value_is_reported_with_path_line_value_and_what_is_allowed(text, sentence):
    assert messages(NETWORK + text) == [sentence]


def test_the_message_about_a_number_instead_of_text_mentions_quotes():
    (sentence,) = messages("network: {cidr: 10.0.0.0/16, version: 1.30}")
    assert sentence == (r'network.version (line 1) is 1.3; allowed: text in quotes, like "1.33"')


def test_a_missing_value_is_reported_with_the_line_of_the_mapping_that_lacks_it():
    assert messages("share: 0.5\nnetwork:\n  zones: 2\n") == [
        "network.cidr (line 2) is missing; allowed: an IPv4 range such as 10.0.0.0/16"
    ]


def test_a_misspelled_required_key_is_not_also_reported_as_missing():
    assert messages("netwrok: {cidr: 10.0.0.0/16}") == ["netwrok (line 1) is an unknown key; did you mean `network`?"]


def test_a_file_that_is_not_a_mapping_is_reported():
    for text in ("just text", "[1, 2]", "5", "~"):
        assert len(messages(text)) == 1


def test_broken_rules_between_fields_are_reported_together_with_invalid_fields_elsewhere():
    assert messages(NETWORK + "typo: 1\nextra: {maxNodes: 0}\nsubnets: [{cidr: 11.0.0.0/24}]\n") == [
        "typo (line 2) is an unknown key; allowed: network, pools, extra, subnets or share",
        "extra.maxNodes (line 3) is 0; allowed: 1 to 500",
        "subnets[0].cidr (line 4) is 11.0.0.0/24; allowed: a part of network.cidr (10.0.0.0/16)",
    ]


def test_a_rule_that_may_fail_only_because_of_an_invalid_field_is_not_reported():
    assert messages("pools: {a: {typos: 5}, b: {maxNodes: 0}}\n" + NETWORK.replace("0}", "0, names: [z]}")) == [
        "pools.a.typos (line 1) is an unknown key; did you mean `types`?",
        "pools.b.maxNodes (line 1) is 0; allowed: 1 to 500",
    ]
    text = "pools: {a: {maxNodez: 1}, b: {maxNodes: 500}, c: {maxNodes: 99}}\n"
    assert messages(NETWORK + text) == ["pools.a.maxNodez (line 2) is an unknown key; did you mean `maxNodes`?"]
    assert messages("network: {cidr: 9}\nsubnets: [{cidr: 11.0.0.0/24}]\n") == [
        "network.cidr (line 1) is 9; allowed: an IPv4 range such as 10.0.0.0/16"
    ]


def test_rules_can_read_the_context():
    class Zoned(Spec):
        zone: str

        @model_validator(mode="after")
        def _zone(self, info: ValidationInfo) -> "Zoned":
            region = (info.context or {})["region"]
            if not self.zone.startswith(region):
                raise ValueError(f"zone is {self.zone}; allowed: zones of {region}")
            return self

    _, (problem,) = validate(Zoned, parse(b"zone: us-east-1a"), {"region": "eu-west-1"})
    assert str(problem) == "zone (line 1) is us-east-1a; allowed: zones of eu-west-1"


def test_a_value_that_looks_like_a_secret_is_hidden():
    (sentence,) = messages(NETWORK + "extra: {capacity: AKIAIOSFODNN7EXAMPLE}")
    assert "AKIA" not in sentence


class Rule(Spec):
    ports: list[int]
    note: str = ""

    @field_validator("ports")
    @classmethod
    def _ports(cls, value: list[int]) -> list[int]:
        if wrong := [f"ports[{index}] is {each}; allowed: 1 and above" for index, each in enumerate(value) if each < 1]:
            raise ValueError("\n".join(wrong))
        return value


class Rules(Spec):
    hosts: list[str] = Field(default=[])
    names: list[str] = Field(default=[])
    pair: tuple[int, str] = (1, "a")
    rules: list[Rule] = Field(default=[])

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        if wrong := [
            f"hosts[{index}] is {each!r}; allowed: a host" for index, each in enumerate(value) if "." not in each
        ]:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("names")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("names has 0 entries; allowed: at least one")
        if wrong := [f'names has "{each}"; allowed: lower case' for each in value if not each.islower()]:
            raise ValueError("\n".join(wrong))
        return value


def all_of(text: str) -> list[str]:
    _, problems = validate(Rules, parse(text.encode()))
    return sorted(map(str, problems))


def test_an_entry_of_another_type_does_not_hide_the_other_problems_of_its_list() -> None:
    assert all_of('hosts: [5, "*", a.b, true, ""]') == [
        "hosts[0] (line 1) is 5; allowed: text in quotes",
        "hosts[1] (line 1) is '*'; allowed: a host",
        "hosts[3] (line 1) is true; allowed: text in quotes",
        "hosts[4] (line 1) is ''; allowed: a host",
    ]
    assert all_of('names:\n- 5\n- "A"\n- b\n- "C"') == [
        'names (line 3) has "A"; allowed: lower case',
        'names (line 5) has "C"; allowed: lower case',
        "names[0] (line 2) is 5; allowed: text in quotes",
    ]


def test_problems_in_entries_after_an_invalid_one_have_their_own_lines() -> None:
    text = "rules:\n- 3\n- {ports: [x, 0]}\n- {note: a}\n- ports: [1, -1, y, -2]\n  note: 5\n"
    assert all_of(text) == [
        "rules[0] (line 2) is 3; allowed: a mapping (keys: ports, note)",
        'rules[1].ports[0] (line 3) is "x"; allowed: a whole number',
        "rules[1].ports[1] (line 3) is 0; allowed: 1 and above",
        "rules[2].ports (line 4) is missing; allowed: a list",
        "rules[3].note (line 6) is 5; allowed: text in quotes",
        "rules[3].ports[1] (line 5) is -1; allowed: 1 and above",
        'rules[3].ports[2] (line 5) is "y"; allowed: a whole number',
        "rules[3].ports[3] (line 5) is -2; allowed: 1 and above",
    ]


def test_a_list_that_is_only_empty_without_its_invalid_entries_is_not_reported_as_empty() -> None:
    assert all_of("names: [5]") == ["names[0] (line 1) is 5; allowed: text in quotes"]
    assert all_of("pair: [x, 3]\nhosts: [a]") == [
        "hosts[0] (line 2) is 'a'; allowed: a host",
        'pair[0] (line 1) is "x"; allowed: a whole number',
        "pair[1] (line 1) is 3; allowed: text in quotes",
    ]
