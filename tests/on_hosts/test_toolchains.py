"""Toolchains of Debian and of archives, and what is built by them, on one host."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge
from tests.on_hosts.manifest import fault, statuses

pytestmark = pytest.mark.hosts

Raw = Callable[[str], str]


GO = "command -v go || apt-get install -y -qq --no-install-recommends golang-go >/dev/null"

TOOLS = "apt-get install -y -qq --no-install-recommends make tcc libc6-dev >/dev/null"
"""A compiler that is small."""


@pytest.fixture
def raw(module_host: KitchenHost) -> Raw:
    """Raw commands on the host; one that fails is an error."""

    def run(command: str) -> str:
        done = module_host.run(command, timeout=900)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    return run


def test_packages_of_debian_are_installed_with_their_version_in_the_plan(
    module_host: KitchenHost, converge: Converge, plan: Converge, raw: Raw
) -> None:
    recipe = 'go_toolchain("go", install_recommends=False)'
    raw("apt-get update -qq")
    [planned] = plan(module_host, recipe)
    assert planned.change is not None
    assert planned.change.fields["version"] == (None, "2:1.19~1")

    assert statuses(converge(module_host, recipe)) == ["changed"]
    assert raw("go version").startswith("go version go1.19.8 ")
    assert statuses(converge(module_host, recipe)) == ["ok"]


def test_a_real_archive_is_the_default_before_the_packages(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    """It is packed of what Debian installs, with what go(1) needs to run."""
    raw(GO)
    raw(
        "mkdir -p /srv/go && cd /usr/lib && tar --transform 's,^go-1.19,go,'"
        " -chzf /srv/go/go.tar.gz go-1.19/bin go-1.19/VERSION go-1.19/src/runtime"
        " --no-recursion go-1.19/pkg go-1.19/pkg/tool"
    )
    digest = raw("sha256sum </srv/go/go.tar.gz").split()[0]

    def recipe(more: str) -> str:
        source = f'source="file:///srv/go/go.tar.gz", checksum="{digest}"'
        return f'go_toolchain("1.19.8", {source}, {more})'

    assert statuses(converge(module_host, recipe("default=True"))) == ["changed"]
    assert raw("command -v go; GOROOT= go env GOROOT").split() == [
        "/usr/local/bin/go",
        "/opt/go/1.19.8",
    ]
    assert statuses(converge(module_host, recipe("default=True"))) == ["ok"]

    # A change that leaves size and time of modification as they were is seen as well.
    raw(
        "cd /opt/go/1.19.8/src/runtime && t=$(stat -c %.Y proc.go) &&"
        " sed -i 1s/./#/ proc.go && touch -d @$t proc.go"
    )
    [step] = converge(module_host, recipe("default=True"))
    assert step.change is not None
    assert step.change.fields == {"differing": (("src/runtime/proc.go",), ())}

    # A new inode with the same content, as a backup leaves it, is no change.
    raw("cd /opt/go/1.19.8 && cp -a VERSION x && mv x VERSION")
    assert statuses(converge(module_host, recipe("default=True"))) == ["ok"]

    assert statuses(converge(module_host, recipe('action="remove"'))) == ["changed"]
    assert raw("command -v go; ls -d /opt/go 2>/dev/null || :") == "/usr/bin/go"


def test_a_link_of_others_is_not_replaced_and_a_wrong_archive_not_installed(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    raw(
        "mkdir -p /srv/node/n/bin && cd /srv/node && cp /bin/true n/bin/node && tar -cf n.tar n"
        " && cp n.tar bad.tar && echo x >>bad.tar && ln -s /bin/true /usr/local/bin/node"
    )
    digest = raw("sha256sum </srv/node/n.tar").split()[0]

    def recipe(name: str, more: str = "default=True") -> str:
        source = f'source="file:///srv/node/{name}.tar", checksum="{digest}"'
        return f'node_runtime("20.1", {source}, {more})'

    [step] = converge(module_host, recipe("bad"))
    assert "has the checksum" in fault(step)
    assert raw("ls -A /opt/node") == ""

    [step] = converge(module_host, recipe("n"))
    assert "/usr/local/bin/node leads to /bin/true, which is of no toolchain" in fault(step)
    assert raw("readlink /usr/local/bin/node") == "/bin/true"
    [step] = converge(module_host, recipe("n"))
    assert "cannot be the default: /usr/local/bin/node leads to /bin/true" in fault(step)

    raw("rm /usr/local/bin/node")
    assert statuses(converge(module_host, recipe("n"))) == ["changed"]
    assert raw("readlink /usr/local/bin/node") == "/opt/node/20.1/bin/node"


def test_an_archive_beside_the_recipe_is_sent(
    module_host: KitchenHost, converge: Converge, raw: Raw, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    with tarfile.open(tmp_path / "files/node.tar", "w") as archive:
        program = tarfile.TarInfo("node/bin/node")
        program.size, program.mode = len(text := b"#!/bin/sh\necho v20\n"), 0o755
        archive.addfile(program, io.BytesIO(text))
    recipe = 'node_runtime("20.2", source="node.tar", path="/srv/sent")'
    assert statuses(converge(module_host, recipe)) == ["changed"]
    assert raw("/srv/sent/bin/node; ls -A /srv/sent") == "v20\nbin"
    assert statuses(converge(module_host, recipe)) == ["ok"]


PROGRAM = """
mkdir -p /srv/src/ruby && cd /srv/src/ruby
printf '%s\\n' '#!/bin/sh' 'echo "prefix=${1#--prefix=}" >config.mk' >configure; chmod 755 configure
cat >Makefile <<'END'
include config.mk
ruby: ruby.c
\ttcc -DPREFIX='"$(prefix)"' -o $@ ruby.c
install: ruby
\tmkdir -p $(DESTDIR)$(prefix)/bin && cp ruby $(DESTDIR)$(prefix)/bin
	echo "$(DESTDIR)$(prefix)" >/srv/installed
END
printf '%s\\n' '#include <stdio.h>' 'int main(void) { puts(PREFIX)LINE_END }' >ruby.c
sed 's/LINE_END/;/' -i ruby.c; tar -C /srv/src -cf /srv/good.tar ruby
sed 's/;//' -i ruby.c; tar -C /srv/src -cf /srv/bad.tar ruby
"""


def test_sources_are_built_and_a_failed_build_leaves_what_was_there(
    module_host: KitchenHost, converge: Converge, plan: Converge, raw: Raw
) -> None:
    raw(PROGRAM)
    raw("apt-get purge -y -qq make 2>/dev/null || :")

    def recipe(name: str) -> str:
        digest = raw(f"sha256sum </srv/{name}.tar").split()[0]
        source = f'source="file:///srv/{name}.tar", checksum="{digest}"'
        return f'ruby_runtime("3.0", {source}, build=True, default=True)'

    [step] = plan(module_host, recipe("good"))
    assert "needs the tool make" in fault(step)
    raw(TOOLS)
    [step] = converge(module_host, recipe("bad"))
    assert "the build has failed" in fault(step)
    assert "ruby.c:2: error: " in fault(step)
    assert "build /opt/ruby/3.0 of file:///srv/bad.tar" in fault(step)
    assert raw("ls -A /opt/ruby; ls -A /usr/local/bin | grep ruby || :") == ""

    assert statuses(converge(module_host, recipe("good"))) == ["changed"]
    assert raw("/usr/local/bin/ruby; ls -A /opt/ruby/3.0") == "/opt/ruby/3.0\nbin"
    assert raw("cat /srv/installed") == "/opt/ruby/3.0", "it is installed at its final place"
    assert statuses(converge(module_host, recipe("good"))) == ["ok"]

    [step] = converge(module_host, recipe("bad"))
    assert step.status == "failed"
    assert raw("/usr/local/bin/ruby; ls -A /opt/ruby/3.0") == "/opt/ruby/3.0\nbin"
    assert statuses(converge(module_host, recipe("good"))) == ["ok"]
