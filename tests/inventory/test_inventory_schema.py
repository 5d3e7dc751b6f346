"""`schema:` in hosts.yml: the variables of each host are checked before anything is contacted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.errors import InventoryError
from cookbook.inventory import Inventory, load
from cookbook.testing import DEBIAN
from tests.texts import check

SCHEMA = """\
schema:
  type: object
  required: [tier]
  additionalProperties: false
  properties:
    tier: {enum: [front, back]}
    http_port: {type: integer, minimum: 1, maximum: 65535}
    token: {type: string, minLength: 40, pattern: "^x"}
    ratio: {type: number, exclusiveMinimum: 0}
    name: {type: [string, "null"], maxLength: 3, format: ipv4}
    sites:
      type: array
      maxItems: 3
      items:
        type: object
        required: [port]
        properties: {port: {$ref: "#/$defs/port"}, tls: {const: true}}
    target: {anyOf: [{type: integer}, {type: object, required: [host]}]}
  $defs:
    port: {type: integer, multipleOf: 10}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def inventory(text: str) -> Inventory:
    Path("hosts.yml").write_text(text)
    return load(Path("hosts.yml"))


def misfits(text: str, given: dict[str, object] | None = None) -> list[str]:
    """The lines of the error; none if all fits."""
    try:
        found = inventory(text)
        found.check(found.select(), given or {})
    except InventoryError as error:
        return str(error).split("\n")
    return []


FITS = [
    "{tier: front}",
    "{tier: back, http_port: 80, ratio: 0.5, name: null}",
    "{tier: back, token: !secret app/token}",
    "{tier: !secret tier}",
    "{tier: front, sites: [{port: 10, tls: true}, {port: 20}], target: {host: x}}",
]


@pytest.mark.parametrize("variables", FITS)
def test_variables_that_fit(variables: str) -> None:
    assert misfits(f"hosts:\n  a: {{vars: {variables}}}\n{SCHEMA}") == []


WRONG = [
    ("{}", "2: a: vars.tier is missing"),
    ("{tier: frnt}", "2: a: vars.tier must be 'front' or 'back', not 'frnt'"),
    ('{tier: front, http_port: "80"}', "2: a: vars.http_port must be a whole number, not '80'"),
    ("{tier: front, http_port: 0}", "2: a: vars.http_port must be at least 1, not 0"),
    ("{tier: front, http_port: 99999}", "2: a: vars.http_port must be at most 65535, not 99999"),
    ("{tier: front, http_prot: 1}", "2: a: vars.http_prot is not known; did you mean 'http_port'?"),
    ("{tier: front, ratio: 0}", "2: a: vars.ratio must be above 0, not 0"),
    ("{tier: front, http_port: !secret p}", "2: a: vars.http_port must be a whole number, not !se"),
    ("{tier: front, name: 1}", "2: a: vars.name must be text or null, not 1"),
    (
        "{tier: front, sites: [{port: 10},\n   {tls: false}]}",
        "3: a: vars.sites[1].port is missing",
    ),
    (
        "{tier: front, sites: [\n   {port: 11}]}",
        "3: a: vars.sites[0].port must be a multiple of 10, not 11",
    ),
    (
        "{tier: front, target: {}}",
        (
            "2: a: vars.target fits none of the alternatives: vars.target must be a whole number,"
            " not {}; or vars.target.host is missing"
        ),
    ),
    ("{tier: front, sites: [1, 2, 3, 4]}", "2: a: vars.sites does not fit: [1, 2, 3, 4] is too"),
]


@pytest.mark.parametrize(("variables", "line"), WRONG)
def test_a_variable_that_does_not_fit_is_told_with_its_place(variables: str, line: str) -> None:
    said = misfits(f"hosts:\n  a: {{vars: {variables}}}\n{SCHEMA}")

    assert said[0].startswith(f"hosts.yml:{line}")


MANY = """\
defaults: {vars: {tier: front}, environment: test}
hosts:
  web[1:7]:
  db1: {vars: {tier: back}}
groups:
  web: {hosts: ["web[1:7]"], vars: {sites: [{port: 5}]}}
environments:
  test: {vars: {http_port: none}}
"""


def test_all_errors_are_told_each_once_with_its_hosts() -> None:
    web = "web1, web2, web3, web4, web5 and"
    assert misfits(MANY + SCHEMA, {"tier": "x"}) == [
        f"--set tier: {web} 3 more: vars.tier must be 'front' or 'back', not 'x'",
        f"hosts.yml:8: {web} 3 more: vars.http_port must be a whole number, not 'none'",
        f"hosts.yml:6: {web} 2 more: vars.sites[0].port must be a multiple of 10, not 5",
    ]


def test_the_number_of_errors_is_bounded() -> None:
    variables = ", ".join(f"x{number}: 1" for number in range(50))
    said = misfits(f"hosts:\n  a: {{vars: {{tier: front, {variables}}}}}\n{SCHEMA}")

    assert (len(said), said[-1]) == (21, "and 30 more errors")


def test_only_the_hosts_of_the_command_are_checked() -> None:
    found = inventory(f"hosts:\n  a:\n  b: {{vars: {{tier: front}}}}\n{SCHEMA}")

    found.check(found.select(["b"]), {})
    with pytest.raises(InventoryError):
        found.check(found.select(["a"]), {})


@pytest.mark.parametrize("name", ["schema.yml", "schema.json"])
def test_a_schema_can_be_a_file(name: str) -> None:
    Path(name).write_text(
        '{\n\t"type": "object",\n\t"properties": {"size": {"type": "integer"}}\n}\n'
        if name.endswith("json")
        else "type: object\nproperties: {size: {type: integer}}\n"
    )
    found = inventory(f"hosts: {{a: {{vars: {{size: x}}}}}}\nschema: {name}")

    with pytest.raises(InventoryError, match="must be a whole number, not 'x'") as caught:
        found.check(found.select(), {})
    assert caught.value.hint == f"the schema is at {Path.cwd()}/{name}:1"


REFUSED = [
    ("schema: 1", "hosts.yml:2: schema must be a mapping or the path of a file, not 1"),
    ("schema: none.yml", "none.yml: cannot be read: no such file or directory"),
    ("schema: list.yml", "hosts.yml:2: the schema list.yml is not a mapping, but a list"),
    ("schema: list.yml\nshcema: 1", "hosts.yml:3: unknown key 'shcema' in the inventory"),
    (
        "schema:\n  properties:\n    port: {type: integr}",
        "hosts.yml:4: schema.properties.port.type: 'integr' is no type of JSON Schema",
    ),
    ("schema:\n  required: tier", "hosts.yml:3: schema.required must be a list, not 'tier', by"),
    ("schema:\n  properties:\n    a: {pattern: '['}", "hosts.yml:4: schema.properties.a.pattern"),
    ("schema:\n  $schema: http://x/", "hosts.yml:3: the schema is of an unknown kind: 'http://x/'"),
    (
        "schema:\n  properties: {a: {$ref: 'http://127.0.0.1:9/x'}}",
        "hosts.yml:2: the schema refers to 'http://127.0.0.1:9/x', which is not in it",
    ),
    ("schema:\n  $ref: '#'", "hosts.yml:2: the schema refers to itself without an end"),
    ("schema:\n  minimum: 0644", "hosts.yml:3: 0644 is read as 420 (octal, YAML 1.1)"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_wrong_schema_is_an_error_with_its_place(text: str, message: str) -> None:
    Path("list.yml").write_text("- 1\n")
    [line] = misfits(f"hosts: {{a: {{vars: {{a: x}}}}}}\n{text}")

    assert line.replace(f"{Path.cwd()}/", "").startswith(message)


def test_an_older_draft_is_understood() -> None:
    schema = "schema:\n  $schema: http://json-schema.org/draft-04/schema#\n  required: [tier]\n"
    assert misfits(f"hosts: [a]\n{schema}") == ["hosts.yml:1: a: vars.tier is missing"]


def test_a_default_of_the_schema_is_not_applied() -> None:
    found = inventory("hosts: [a]\nschema: {properties: {tier: {default: front}}}\n")
    found.check(found.select(), {})
    assert found.hosts["a"].vars == {}


@pytest.mark.parametrize("command", ["converge", "plan", "drift"])
def test_no_host_is_contacted(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("hosts.yml").write_text(f"hosts:\n  a: {{address: 192.0.2.1}}\n{SCHEMA}")
    Path("recipe.py").write_text("raise SystemExit('compiled')\n")

    assert main([command, "recipe.py", "--hosts", "hosts.yml"]) == 1
    assert capsys.readouterr().err.startswith("cook: hosts.yml:2: a: vars.tier is missing\n")


def test_a_variable_of_the_command_line_counts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hosts.yml").write_text(f"hosts:\n  a: {{transport: local}}\n{SCHEMA}")
    Path("recipe.py").write_text("from cookbook.resources import file\n")

    assert main(["plan", "recipe.py", "--hosts", "hosts.yml", "--set", "tier=front"]) == 0
    assert main(["plan", "recipe.py", "--hosts", "hosts.yml", "--set", "tier=rear"]) == 1
    assert "--set tier: a: vars.tier must be 'front' or 'back'" in capsys.readouterr().err


def test_a_command_without_variables_does_not_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Unlocking a host, say, must not need a whole inventory."""
    Path("hosts.yml").write_text(f"hosts:\n  a: {{transport: local}}\n{SCHEMA}")

    assert main(["facts", "--hosts", "hosts.yml"]) == 0
    assert DEBIAN.family in capsys.readouterr().out


def test_cook_inventory_shows_the_values_and_then_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("hosts.yml").write_text(MANY + SCHEMA)

    assert main(["inventory", "--hosts", "hosts.yml", "--limit", "db1"]) == 1
    said = capsys.readouterr()
    assert "  vars.http_port = none  [environment test hosts.yml:8]\n" in said.out
    check("wrong-variables", said.err, {})


def test_json_of_cook_inventory_is_complete_for_all_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("hosts.yml").write_text(MANY + SCHEMA)

    assert main(["inventory", "--hosts", "hosts.yml", "--output", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["hosts"]) == 8


def test_a_file_without_a_schema_does_not_pay_for_it() -> None:
    Path("hosts.yml").write_text("hosts: [a]")
    code = "import sys; from pathlib import Path; from cookbook.inventory import load;"
    code += "f = load(Path('hosts.yml')); f.check(f.select(), {});"
    code += "sys.exit('jsonschema' in sys.modules)"
    setup = "import cookbook.plugins.manager;"

    assert subprocess.run([sys.executable, "-c", setup + code], check=False).returncode == 0
