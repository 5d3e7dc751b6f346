"""`go_build` and `make` by real compilers: what has them build again, what a failure leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge, Cook
from tests.on_hosts.manifest import fault, statuses

pytestmark = pytest.mark.hosts

Raw = Callable[[str], str]

TOOLS = "git make tcc libc6-dev golang-go"

GO = """
id -u app >/dev/null 2>&1 || useradd -rm app; mkdir -p /srv/shop/bin /srv/shop/src; cd /srv/shop/src
printf 'module shop\\ngo 1.19\\n' >go.mod; printf 'bin/\\n*.log\\n' >.gitignore
printf 'package main\\nfunc main() { println("one") }\\n' >main.go; chown -R app: /srv/shop
"""
COMMIT = (
    "su app -c 'cd /srv/shop/src; git add -A; git -c user.name=a -c user.email=a@b commit -qm x'"
)

BUILD = 'go_build("/srv/shop/bin/shop", source="/srv/shop/src", environment={"GOPROXY": "off"})'


def fields(steps: list[Step]) -> set[str]:
    """Return what one step has changed."""
    [step] = steps
    assert step.status in ("changed", "ok"), step.error
    return set(step.change.fields) if step.change is not None else set()


@pytest.fixture
def raw(module_host: KitchenHost) -> Raw:
    """Raw commands on the host, which has the compilers; one that fails is an error."""

    def run(command: str) -> str:
        done = module_host.run(command, timeout=900)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    run(
        "command -v tcc go >/dev/null || { apt-get update -qq &&"
        f" apt-get install -y -qq --no-install-recommends {TOOLS} >/dev/null; }}"
    )
    return run


@pytest.fixture
def shop(raw: Raw) -> Raw:
    """A program in Go, in a repository of the user `app`."""
    raw("rm -rf /srv/shop /srv/go /var/lib/cook /usr/local/bin/*")
    raw(GO)
    raw("su app -c 'cd /srv/shop/src && git init -q -b main'")
    raw(COMMIT)
    return raw


def test_a_program_is_built_again_if_its_sources_have_changed(
    module_host: KitchenHost, converge: Converge, plan: Converge, shop: Raw
) -> None:
    assert "source" in fields(plan(module_host, BUILD))
    assert statuses(converge(module_host, BUILD)) == ["changed"]
    assert shop("/srv/shop/bin/shop 2>&1; stat -c '%U %a' /srv/shop/bin/shop") == "one\napp 755"
    assert statuses(converge(module_host, BUILD)) == ["ok"]

    # A local edit, a new file, and an edit that leaves the times as they were.
    shop("cd /srv/shop/src && sed -i s/one/two/ main.go && chown app: main.go")
    assert fields(converge(module_host, BUILD)) == {"source"}
    assert shop("/srv/shop/bin/shop 2>&1") == "two"
    shop("printf 'package main\\nfunc init() { print(1) }\\n' >/srv/shop/src/new.go")
    assert fields(converge(module_host, BUILD)) == {"source"}
    assert shop("/srv/shop/bin/shop 2>&1") == "1two"
    shop(
        "cd /srv/shop/src && t=$(stat -c %.Y new.go) && sed -i s/1/2/ new.go &&"
        " touch -d @$t new.go && echo x >x.log"
    )
    assert fields(converge(module_host, BUILD)) == {"source"}
    assert shop("/srv/shop/bin/shop 2>&1") == "2two"

    # The same files in a commit are another revision; what git ignores is not.
    shop(COMMIT)
    assert fields(converge(module_host, BUILD)) == {"source"}
    shop("echo y >>/srv/shop/src/x.log")
    assert statuses(converge(module_host, BUILD)) == ["ok"]
    assert shop("ls -A /srv/shop/bin /var/tmp | grep cook || :") == ""


def test_a_program_is_built_again_by_another_version_and_with_other_arguments(
    module_host: KitchenHost, converge: Converge, shop: Raw
) -> None:
    shop(
        "mkdir -p /srv/go/bin; printf '#!/bin/sh\\ncase $1 in version) echo go version go1.%s ;;"
        ' *) exec /usr/bin/go "$@" ;; esac\\n\' 98 >/srv/go/bin/go; chmod 755 /srv/go/bin/go'
    )
    recipe = BUILD.replace("environment", 'toolchain="/srv/go", environment')
    assert statuses(converge(module_host, recipe)) == ["changed"]
    shop("sed -i s/1[.]98/1.99/ /srv/go/bin/go")
    [step] = converge(module_host, recipe)
    assert step.change is not None
    assert step.change.fields == {"toolchain": ("go version go1.98", "go version go1.99")}

    assert fields(converge(module_host, recipe.replace('"off"', '"off", "X": "1"'))) == {
        "arguments"
    }
    shop("echo x >>/srv/shop/bin/shop")
    recipe = recipe.replace('"off"', '"off", "X": "1"')
    assert fields(converge(module_host, recipe)) == {"differing"}
    assert shop("/srv/shop/bin/shop 2>&1") == "one"


def test_a_failed_build_leaves_the_former_program_and_shows_why(
    module_host: KitchenHost, converge: Converge, plan: Converge, shop: Raw
) -> None:
    assert statuses(converge(module_host, BUILD)) == ["changed"]
    shop("cd /srv/shop/src && sed -i 's/println/printl/' main.go")
    [step] = converge(module_host, BUILD)
    assert "./main.go:2:15: undefined: printl" in fault(step)
    assert shop("/srv/shop/bin/shop 2>&1; ls -A /srv/shop/bin /var/tmp | grep cook || :") == "one"
    assert fields(plan(module_host, BUILD)) == {"source"}

    shop("cd /srv/shop/src && printf 'package x\\n' >main.go")
    [step] = converge(module_host, BUILD)
    assert "the package is no program" in fault(step)
    assert shop("/srv/shop/bin/shop 2>&1; ls -A /srv/shop/bin /var/tmp | grep cook || :") == "one"


def test_a_build_runs_as_the_owner_of_the_sources_who_cannot_reach_other_files(
    module_host: KitchenHost, converge: Converge, plan: Converge, shop: Raw
) -> None:
    """The program comes into a folder of root, but not through a link of the user."""
    shop(
        "su app -c 'cd /srv/shop/src; git config core.fsmonitor \"touch /srv/shop/evil; false\"'"
        "; mkdir -p /srv/go/bin; printf '#!/bin/sh\\nid -un >>/srv/shop/who; exec /usr/bin/go"
        ' "$@"\\n\' >/srv/go/bin/go; chmod 755 /srv/go/bin/go'
    )
    recipe = BUILD.replace("environment", 'toolchain="/srv/go", environment')
    recipe = recipe.replace("/srv/shop/bin/shop", "/usr/local/bin/shop")
    assert statuses(plan(module_host, recipe)) == ["changed"]
    assert shop("ls /srv/shop") == "bin\nsrc\nwho", "a question runs no program of the sources"
    assert statuses(converge(module_host, recipe)) == ["changed"]
    assert shop("stat -c '%U %a' /usr/local/bin/shop; sort -u /srv/shop/who") == "root 755\napp"
    assert shop("stat -c '%n %U' /srv/shop/evil 2>/dev/null || :") in ("", "/srv/shop/evil app")

    shop("useradd -r other; install -d -o other /srv/other")
    [step] = converge(module_host, BUILD.replace("/srv/shop/bin", "/srv/other"))
    assert "app may not write into /srv/other" in fault(step)
    assert shop("ls -A /srv/other") == ""

    # A link in place of the program is replaced, and not followed.
    shop("echo secret >/etc/victim; rm -f /srv/shop/bin/shop; ln -s /etc/victim /srv/shop/bin/shop")
    assert statuses(converge(module_host, BUILD)) == ["changed"]
    assert shop("cat /etc/victim; stat -c %F /srv/shop/bin/shop") == "secret\nregular file"


def test_a_plan_knows_that_the_sources_are_yet_to_come(
    module_host: KitchenHost, plan: Converge, shop: Raw
) -> None:
    assert shop("ls -A /srv/shop/bin") == ""
    recipe = """
        directory("/srv/new")
        file("/srv/new/main.go", content="package main\\nfunc main() {}\\n")
        go_build("/srv/shop/bin/new", source="/srv/new")
    """
    [*_, step] = plan(module_host, recipe)
    assert step.status == "unknown"

    # An edit of the same recipe makes what is known of the sources stale.
    edit = 'file("/srv/shop/src/main.go", content="package main\\nfunc main() {}\\n")\n'
    [_, step] = plan(module_host, edit + BUILD)
    assert step.status == "unknown"


def test_a_program_is_built_again_in_the_run_that_makes_another_version_the_default(
    module_host: KitchenHost, converge: Converge, plan: Converge, shop: Raw
) -> None:
    recipe = ""
    for version in ("1.97", "1.98"):
        digest = shop(
            f"mkdir -p /srv/go/{version}/bin; cd /srv/go; printf '#!/bin/sh\\ncase $1 in version)"
            f' echo go version go%s ;; *) exec /usr/bin/go "$@" ;; esac\\n\' {version}'
            f" >{version}/bin/go; chmod 755 {version}/bin/go; tar -cf {version}.tar {version};"
            f" sha256sum <{version}.tar"
        ).split()[0]
        source = f'source="file:///srv/go/{version}.tar", checksum="{digest}"'
        recipe += (
            f'go_toolchain("{version}", {source}, default=node.vars["default"] == "{version}")\n'
        )
    recipe += BUILD

    # What is not the default may lose links to that one, as far as a plan can know.
    for default, second in (("1.97", "unknown"), ("1.98", "changed")):
        given = {"default": default}
        planned = plan(module_host, recipe, variables=given)
        assert statuses(planned) == ["changed", second, "unknown"]
        steps = converge(module_host, recipe, variables=given)
        assert statuses(steps) == ["changed"] * 3
        assert steps[2].change is not None
        assert steps[2].change.fields["toolchain"][1] == f"go version go{default}"
        assert statuses(converge(module_host, recipe, variables=given)) == ["ok"] * 3


C = """
rm -rf /srv/tool /usr/local/bin/tool /var/lib/cook; mkdir -p /srv/tool/o; cd /srv/tool
printf '#include <stdio.h>\\nint main(void) { puts("one"); return 0; }\\n' >main.c
cat >Makefile <<'END'
CC = tcc
tool: o/main.o
\t$(CC) -o $@ o/main.o
o/main.o: main.c
\t$(CC) -c -o $@ main.c
install: tool
\techo broken >$(DESTDIR)/usr/local/bin/tool
\tinstall -m 755 tool $(DESTDIR)/usr/local/bin
clean:
\trm -f tool o/main.o
END
"""

MAKE = (
    'make("/srv/tool", targets="install", variables={"CC": "tcc"}, creates="/usr/local/bin/tool")'
)


def test_make_is_run_again_if_its_sources_have_changed_but_not_for_its_products(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    raw(C)
    assert statuses(converge(module_host, MAKE)) == ["changed"]
    assert raw("/usr/local/bin/tool; cd /srv/tool; ls tool o/main.o") == "one\no/main.o\ntool"
    assert statuses(converge(module_host, MAKE)) == ["ok"]
    raw("make -C /srv/tool clean")
    assert statuses(converge(module_host, MAKE)) == ["ok"]

    raw("sed -i s/one/two/ /srv/tool/main.c")
    assert fields(converge(module_host, MAKE)) == {"source"}
    assert raw("/usr/local/bin/tool") == "two"
    raw("echo '/* new */' >/srv/tool/new.h")
    assert fields(converge(module_host, MAKE)) == {"source"}

    # The program is there, and yet it is not the one that was made.
    raw("cp /bin/true /usr/local/bin/tool")
    assert fields(converge(module_host, MAKE)) == {"differing"}
    assert raw("/usr/local/bin/tool") == "two"

    # Another compiler.
    raw("ln -s /usr/bin/tcc /usr/local/bin/mycc")
    other = MAKE.replace('"tcc"', '"mycc"')
    assert fields(converge(module_host, other)) == {"arguments"}
    raw(
        "rm /usr/local/bin/mycc; printf '#!/bin/sh\\n[ $1 = --version ] && echo mycc 2 || exec tcc"
        ' "$@"\\n\' >/usr/local/bin/mycc; chmod 755 /usr/local/bin/mycc'
    )
    assert fields(converge(module_host, other)) == {"toolchain"}


def test_what_another_build_makes_of_the_same_sources_counts_only_if_it_may_be_a_source(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    raw(C)
    raw(
        "cd /srv/tool && printf 'gen:\\n\\techo $(V) >gen.txt\\n"
        "use:\\n\\tcp gen.txt used.txt\\n' >>Makefile"
    )

    def recipe(value: str) -> str:
        place = 'source="/srv/tool"'
        return f"""
            make("gen", {place}, targets="gen", variables={{"V": "{value}"}})
            make("use", {place}, targets="use", creates="/srv/tool/used.txt")
            make("tool", {place}, targets="tool")
        """

    assert statuses(converge(module_host, recipe("1"))) == ["changed"] * 3
    assert statuses(converge(module_host, recipe("1"))) == ["ok"] * 3
    # What was there when `use` and `tool` were made is a source of theirs; used.txt is none of gen.
    assert statuses(converge(module_host, recipe("2")))[:2] == ["changed", "changed"]
    assert raw("cat /srv/tool/used.txt") == "2"
    assert statuses(converge(module_host, recipe("2"))) == ["ok"] * 3


def test_an_undo_removes_what_make_has_made_among_the_sources(
    module_host: KitchenHost, cook: Cook, raw: Raw
) -> None:
    raw(C)
    assert cook(module_host, "converge", recipe=MAKE)["status"] == 0
    assert raw("cd /srv/tool && ls tool o/main.o") == "o/main.o\ntool"
    assert cook(module_host, "undo", "last", "--yes", "--partial")["status"] == 0
    assert raw("cd /srv/tool && find . | sort") == ".\n./Makefile\n./main.c\n./o"
    assert raw("ls -A /usr/local/bin /var/lib/cook/builds | grep tool || :") == ""


def test_a_failed_make_puts_back_what_it_has_broken(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    raw(C)
    assert statuses(converge(module_host, MAKE)) == ["changed"]
    raw("cd /srv/tool && sed -i 's/755 tool/755 no-tool/' Makefile")
    [step] = converge(module_host, MAKE)
    assert "make: *** [Makefile:8: install] Error 1" in fault(step)
    assert raw("/usr/local/bin/tool; ls -A /usr/local/bin /var/tmp | grep cook || :") == "one"

    raw("cd /srv/tool && sed -i 's/no-tool/tool/' Makefile && sed -i 's/;//' main.c")
    [step] = converge(module_host, MAKE)
    assert "main.c:2: error: " in fault(step)
    assert raw("/usr/local/bin/tool") == "one"

    raw("sed -i 's/ return/; return/' /srv/tool/main.c")
    [step] = converge(module_host, MAKE.replace("bin/tool", "bin/tool2"))
    assert "make has not made /usr/local/bin/tool2" in fault(step)


def test_sources_that_an_outer_repository_ignores_are_compared_by_content(
    module_host: KitchenHost, converge: Converge, raw: Raw
) -> None:
    raw(C)
    raw(
        "rm -rf /srv/outer; mkdir /srv/outer; cp -r /srv/tool /srv/outer/tool; cd /srv/outer;"
        " git init -q; echo tool >.gitignore; git add .;"
        " git -c user.name=a -c user.email=a@b commit -qm x"
    )
    recipe = MAKE.replace("/srv/tool", "/srv/outer/tool")
    assert statuses(converge(module_host, recipe)) == ["changed"]
    assert statuses(converge(module_host, recipe)) == ["ok"]
    raw("sed -i s/one/two/ /srv/outer/tool/main.c")
    assert fields(converge(module_host, recipe)) == {"source"}
    assert raw("/usr/local/bin/tool") == "two"
