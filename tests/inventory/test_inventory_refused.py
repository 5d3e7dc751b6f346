"""What an inventory refuses: each mistake with its place, what is wrong, and the next step."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import InventoryError
from cookbook.inventory import from_data, load

NAMES = 'inside [ ] and { } a range needs quotes: "web[01:20]"'
REFUSED: list[tuple[str | bytes, str, str | None]] = [
    ("", ": empty", "a list of host names is enough: - web1.example.org"),
    ("# nothing\n---\n", ": empty", "a list of host names is enough: - web1.example.org"),
    ("web1", ":1: an inventory is a mapping or a list of host names, not 'web1'", None),
    ("defaults: {}\nhosts:\n", ":2: no hosts are declared", None),
    ("defaults: {}", ": no hosts are declared", None),
    (
        "all: {}",
        ":1: unknown key 'all' in the inventory",
        "the keys are: defaults, hosts, groups, environments, schema, sources",
    ),
    (
        "hosts:\n  a:\n    adress: x",
        ":3: unknown key 'adress' in host a",
        "did you mean 'address'?",
    ),
    (
        "hosts: {a: {ansible_host: x}}",
        ":1: unknown key 'ansible_host' in host a",
        "did you mean 'address'?",
    ),
    (
        "hosts: {a: {ansible_port: 1}}",
        ":1: unknown key 'ansible_port' in host a",
        "did you mean 'port'?",
    ),
    (
        "- a\n- b: {port: 1}",
        ":2: a name must be text, not a mapping",
        "hosts in a list have no settings; use a mapping",
    ),
    (
        "hosts:\n  a: {port: ssh}",
        ":2: port must be a whole number from 1 to 65535, not 'ssh'",
        None,
    ),
    (
        'hosts: {a: {port: "2222"}}',
        ":1: port must be a whole number from 1 to 65535, not '2222'",
        "drop the quotes: 2222",
    ),
    ("hosts: {a: {port: 0}}", ":1: port must be a whole number from 1 to 65535, not 0", None),
    ("hosts: {a: {port: yes}}", ":1: port must be a whole number from 1 to 65535, not yes", None),
    (
        "hosts: {a: {port: 22:22}}",
        ":1: port must be a whole number from 1 to 65535, not 22:22",
        None,
    ),
    ("hosts: {a: {port: }}", ":1: port must be a whole number from 1 to 65535, not nothing", None),
    (
        "hosts: {a: {become: yes}}",
        ":1: become must be none, sudo, su or doas, not yes",
        "become: sudo",
    ),
    ("hosts: {a: {agent: 1}}", ":1: agent must be true or false, not 1", None),
    (
        "hosts: {a: {connect_timeout: .inf}}",
        ":1: connect_timeout must be a number of seconds above 0, not .inf",
        None,
    ),
    (
        "hosts: {a: {user: 1000}}",
        ":1: user must be a user's name, not 1000",
        "text that looks like a number needs quotes",
    ),
    (
        "hosts: {a: {become_user: 1000}}",
        ":1: become_user must be a user's name, not 1000",
        "a name, not a number: `getent passwd NUMBER` on the host shows it",
    ),
    (
        "hosts: {a: {become_user: '#1000'}}",
        ":1: become_user must be a user's name, not '#1000'",
        "a name, not a number: `getent passwd NUMBER` on the host shows it",
    ),
    ("hosts: {a: {user: -oProxy}}", ":1: user must be a user's name, not '-oProxy'", None),
    (
        "hosts: {a: {identity_file: [1]}}",
        ":1: identity_file must be a path or a list of paths, not a list",
        None,
    ),
    (
        "hosts: {a: {known_hosts: ~no.such/x}}",
        ":1: known_hosts must be a path or a list of paths, not '~no.such/x'",
        None,
    ),
    ("hosts: {a: {vars: [x]}}", ":1: vars of host a must be a mapping, not a list", None),
    ("hosts: {a: 1}", ":1: host a must be a mapping, not 1", None),
    (
        "hosts: {a: {become_password: hunter2}}",
        ":1: become_password: passwords are not kept in an inventory",
        "name one that is in a store: become_password: !secret NAME; or use --ask-become-pass",
    ),
    (
        "defaults: {address: x}\nhosts: [a]",
        ":1: defaults cannot have an address",
        "an address is one host's",
    ),
    (
        "hosts:\n  a:\n  b:\n  a:",
        ":4: key 'a' is here for the second time; the first is at hosts.yml:2",
        None,
    ),
    (
        "hosts: {a: {vars: {x: {y: 1,\n y: 1}}}}",
        ":2: key 'y' is here for the second time; the first is at hosts.yml:1",
        None,
    ),
    (
        "hosts:\n  web[1:3]:\n  web2:",
        ":3: host 'web2' is declared for the second time; the first is at hosts.yml:2",
        None,
    ),
    ("hosts:\n  010:", ":2: 010 is read as a number, not as text", 'write "010", in quotes'),
    ("- on", ":1: on is read as a yes or no, not as text", 'write "on", in quotes'),
    ("- 1.10", ":1: 1.10 is read as a number, not as text", 'write "1.10", in quotes'),
    ("- a\n-", ":2: an empty name is read as nothing, not as text", None),
    ("- root@a", ":1: 'root@a' cannot be a name", "a user goes into `user:`"),
    ("- a:22", ":1: 'a:22' cannot be a name", "a port goes into `port:`"),
    ('- "-a"', ":1: '-a' cannot be a name", None),
    ("hosts: {? [x] : 1}", ":1: a key must be text, not a list or a mapping", None),
    (
        "hosts: {a: {address: '[2001:db8::1]'}}",
        ":1: [2001:db8::1] is not a range like [1:9], [01:20], [1:9:2] or [a:d]",
        "an IPv6 address is written without brackets",
    ),
    (
        "hosts:\n  w[1:3]:\n    address: 192.0.2.1",
        ":3: w[1:3] is 3 hosts, but address '192.0.2.1' is 1",
        "name and address need ranges of the same length",
    ),
    (
        "hosts: [a]\ngroups:\n  g: {hosts: [aa]}",
        ":3: host 'aa' is not declared",
        "did you mean 'a'?",
    ),
    (
        "hosts: [a]\ngroups:\n  g: {hosts: [xyz]}",
        ":3: host 'xyz' is not declared",
        "declare it under the top level's `hosts:`",
    ),
    (
        "hosts: [a]\ngroups:\n  g:\n  h: {hosts: [g]}",
        ":4: host 'g' is not declared",
        "it is a group: list it under `groups:`",
    ),
    (
        "hosts: [a]\ngroups:\n  g: {groups: [a]}",
        ":3: group 'a' is not declared",
        "it is a host: list it under `hosts:`",
    ),
    (
        "hosts: [a]\ngroups:\n  g: {hosts: {a: }}",
        ":3: hosts of group g must be a list of names, not a mapping",
        None,
    ),
    (
        "hosts: [a]\ngroups:\n  g: {children: [h]}",
        ":3: unknown key 'children' in group g",
        "did you mean 'groups'?",
    ),
    (
        "hosts: [a]\ngroups:\n  a:",
        ":3: 'a' is a group, and also a host at hosts.yml:1",
        "--limit could not tell them apart",
    ),
    (
        "hosts: [h]\ngroups:\n  a: {groups: [b]}\n  b: {groups: [c]}\n  c: {groups: [a]}",
        (
            ":3: groups contain each other: "
            "a > b (hosts.yml:3), b > c (hosts.yml:4), c > a (hosts.yml:5)"
        ),
        None,
    ),
    (
        (
            "hosts: [h]\ngroups:\n  a: {hosts: [h], vars: {x: 1}}\n"
            "  b:\n    hosts: [h]\n    vars:\n      x: true"
        ),
        (
            ":7: host 'h' gets two values for vars.x: "
            "1 from group a (hosts.yml:3) and true from group b (hosts.yml:7)"
        ),
        "set it on the host, or in a group inside both",
    ),
    ("hosts:\n\ta: {}", ":2:1: a tab before the text", "YAML is indented with spaces"),
    (
        "hosts:\n  a: 1\n b: 2",
        ":3:2: not YAML: while parsing a block mapping, did not find expected key",
        None,
    ),
    (
        "hosts: [web[1:3]]",
        ":1:12: not YAML: while parsing a flow sequence, did not find expected ',' or ']'",
        NAMES,
    ),
    ("hosts: *a", ":1:8: not YAML: found undefined alias", None),
    (
        "- a\n---\n- b",
        ":2:1: not YAML: expected a single document in the stream, but found another document",
        None,
    ),
    ("- a\n- \x01", ":2:3: not YAML: control characters are not allowed", None),
    (b"- a\n- \xff", ":2:3: not UTF-8 text", "save it as UTF-8"),
    (
        "hosts: {a: {vars: {x: !!python/name:os.system }}}",
        ":1: unknown tag !!python/name:os.system",
        None,
    ),
    ("hosts: {a: {vars: {x: !!int abc}}}", ":1: 'abc' is not !!int", None),
    (
        "hosts:\n  a:\n    vars:\n      mode: 0644",
        ":4: 0644 is read as 420 (octal, YAML 1.1)",
        'write "0644" in quotes for text, or 420 for the number',
    ),
    (
        "hosts: [a]\ngroups:\n  g:\n    vars: {at: [1, {deep: 12:30:45}]}",
        ":4: 12:30:45 is read as 45045 (base 60, as a time, YAML 1.1)",
        'write "12:30:45" in quotes for text, or 45045 for the number',
    ),
    (
        "defaults:\n  vars: {at: -1:30.5}\nhosts: [a]",
        ":2: -1:30.5 is read as -90.5 (base 60, as a time, YAML 1.1)",
        'write "-1:30.5" in quotes for text, or -90.5 for the number',
    ),
    ("hosts: {a: {<<: 1}}", ":1: << takes a mapping, not 1", None),
    ("hosts: {a: {vars: &x {x: *x}}}", ":1: more than 50 levels deep, or inside itself", None),
    ("[" * 200_000, ":1: more than 50 levels deep", None),
    (
        "- &a [x, x]\n"
        + "".join(f"- &{chr(98 + i)} [" + f"*{chr(97 + i)}," * 9 + "]\n" for i in range(9)),
        ":1: more than 250,000 values, aliases followed",
        None,
    ),
]


@pytest.mark.parametrize(
    ("text", "message", "hint"), REFUSED, ids=[case[1][:50] for case in REFUSED]
)
def test_an_error_says_where_and_what_and_the_next_step(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | bytes,
    message: str,
    hint: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("hosts.yml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert (str(caught.value), caught.value.hint) == (f"hosts.yml{message}", hint)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InventoryError, match=r"none\.yml: cannot be read: no such file or directory"
    ):
        load(tmp_path / "none.yml")
    with pytest.raises(InventoryError, match=r"cannot be read: is a directory"):
        load(tmp_path)


def test_a_file_above_10_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_bytes(b"#" * (10 * 1024**2 + 1))
    with pytest.raises(InventoryError, match=r"hosts\.yml: larger than 10 MiB"):
        load(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"hosts": {"a": {"port": "x"}}},
            "aws: hosts.a.port: port must be a whole number from 1 to 65535, not 'x'",
        ),
        ({"hosts": {10: {}}}, "aws: hosts: 10 is read as a number, not as text"),
        ({"hosts": ["a", 10]}, "aws: hosts.1: 10 is read as a number, not as text"),
        (
            {"hosts": {"a": {"vars": {"x": {1}}}}},
            "aws: hosts.a.vars.x: set is not a kind of value an inventory has",
        ),
        ({"hosts": {}}, "aws: hosts: no hosts are declared"),
    ],
)
def test_a_plugins_data_is_checked_like_a_file(data: dict[str, object], message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        from_data(data, where="aws")
    assert str(caught.value) == message


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["hosts", "groups", "vars", "port", "a"]), inner)
    ),
)


@given(json_like)
def test_nothing_but_an_inventory_error_comes_of_any_data(data: Any) -> None:
    with suppress(InventoryError):
        from_data(data)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for hypothesis, which wants no fixture that lasts for one example only."""
    return tmp_path_factory.mktemp("inventory") / "hosts.yml"


@given(content=st.binary() | st.text(alphabet="ab12:-[]{}&*!,?<\"'#|> \n\t").map(str.encode))
def test_nothing_but_an_inventory_error_comes_of_any_file(scratch: Path, content: bytes) -> None:
    scratch.write_bytes(content)
    with suppress(InventoryError):
        load(scratch)
