"""What an editor must accept, and what it must reject; tests/test_typing.py checks it."""

from typing import assert_type

from cookbook.language.change import Change
from cookbook.recipe import delayed, immediate, node
from cookbook.resources import File, Group, execute, file, group, template
from cookbook.script.shell import sh

www = group("www", gid=33, system=True, members=["alice"])
assert_type(www, Group)
assert_type(file("/etc/motd", mode=0o644, owner=0), File)
file("/etc/issue", content=b"\0", action=["create", "touch"], notifies=[delayed("create", www)])
template("/etc/x.conf", variables={"port": node.vars.get("port", 80)}, only_if="test -d /etc")
execute("true", only_if=lambda node: node.facts.codename == "bookworm", returns=[0, 3])
assert_type(node.facts.memory, int)
sh("getent group {}", input())

group("www", gid="33")  # error
group("www", action="crate")  # error
group("www", 33)  # error
group("www", colour="red")  # error
group()  # error
file("/x", mode=6.44)  # error
file("/x", action=["create", "vanish"])  # error
file("/x", notifies=immediate("create", www))  # error
www.gid = 3  # error
node.fact  # error
Change(Group("x"), None).wanted.gid  # error
name = input()
sh(f"getent group {name}")  # error: pyright
sh("getent group " + name)  # error: pyright
