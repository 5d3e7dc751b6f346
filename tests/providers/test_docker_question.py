"""
The question about many things of a container engine, with what is said of those that are not there.

A program in the place of docker(1) says it as its versions do: a host has one of them only. The
real ones are asked in tests/on_hosts/test_docker.py and test_podman.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cookbook.providers.docker import table

CLIENT = """\
#!/bin/sh
echo call >>{calls}
kind=$1; shift 5; said=
for n; do case $n in
there*) echo "{{\\"name\\":\\"$n\\"}}" ;;
odd) said="$said
odd: permission denied" ;;
*) said="$said
$(printf '{absent}' "$kind" "$n")" ;;
esac; done
[ "$said" ] || exit 0
echo "${{said#?}}" >&2; exit 1
"""
VERSIONS = {
    "20.10": "Error: No such %s: %s",
    "26": "Error response from daemon: %s %s not found",
    "podman": "Error: no such %s %s",
}
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."


def answers(folder: Path, client: str, names: list[str]) -> tuple[list[str], int]:
    """Return the answers about these networks, and the number of calls of the client."""
    path = folder / "docker"
    path.write_text(client)
    path.chmod(0o755)
    ask = table("network", '{"name":{{json .Name}}}', None).ask(names)
    done = subprocess.run(
        ["sh", "-c", ask.text],
        capture_output=True, text=True, check=True, env={"PATH": f"{folder}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines(), len((folder / "calls").read_text().splitlines())


@pytest.mark.parametrize("version", VERSIONS)
def test_one_call_tells_what_is_there_and_what_is_not(tmp_path: Path, version: str) -> None:
    client = CLIENT.format(calls=tmp_path / "calls", absent=VERSIONS[version])

    said, calls = answers(tmp_path, client, ["there", "a", "b", "there-too", "the"])

    assert said == ['{"name":"there"}', "-", "-", '{"name":"there-too"}', "-"]
    assert calls == 1


def test_an_error_of_one_is_told_of_that_one(tmp_path: Path) -> None:
    client = CLIENT.format(calls=tmp_path / "calls", absent=VERSIONS["20.10"])

    said, calls = answers(tmp_path, client, ["there", "odd", "a"])

    assert said == ['{"name":"there"}', "!odd: permission denied", "-"]
    assert calls == 4


def test_an_engine_that_does_not_answer_is_no_absence(tmp_path: Path) -> None:
    client = f"#!/bin/sh\necho call >>{tmp_path}/calls\necho '{DOWN}' >&2; exit 1\n"

    said, _ = answers(tmp_path, client, ["a", "b"])

    assert said == [f"!{DOWN}"] * 2
