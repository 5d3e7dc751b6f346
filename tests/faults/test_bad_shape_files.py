"""No room, no inode, no right, something in the way: a file is the old one or the new one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cookbook.errors import Locked
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.script.lock import Holder
from cookbook.transport.paramiko_ssh.transport import SshTransport
from tests.faults.shape import Converge, do, failed, lingering, mounted, undone
from tests.on_hosts.conftest import Cook
from tests.waiting import LONG

pytestmark = pytest.mark.hosts
__all__ = ["lingering"]


@pytest.mark.parametrize(
    ("options", "lines"), [("size=16k", 50_000), ("nr_inodes=2", 1)], ids=["bytes", "inodes"]
)
@pytest.mark.parametrize("user", ["root", "admin"])
def test_a_full_file_system_is_named_and_the_file_stays(
    module_host: KitchenHost, converge: Converge, options: str, lines: int, user: str
) -> None:
    """C24, C26."""
    recipe = f'file("/srv/full/a", content={"new" + chr(10)!r} * {lines})'
    with mounted(module_host, "/srv/full", options):
        do(module_host, "echo old >/srv/full/a")
        [step] = converge(module_host, recipe, user=user)
        said = failed(step, "C24-file" if lines > 1 else "C26-file")
        assert said.startswith("a file system is full\n`write /srv/full/a` ended")
        assert "df -i" in said
        assert do(module_host, "cat /srv/full/a; ls -A /srv/full") == "old\na"


def test_what_is_no_file_has_no_room_either(module_host: KitchenHost, converge: Converge) -> None:
    """C26: folders and links."""
    with mounted(module_host, "/srv/full", "nr_inodes=1"):
        recipes = {"folder": 'directory("/srv/full/d")', "link": 'link("/srv/full/l", to="/")'}
        for kind, recipe in recipes.items():
            [step] = converge(module_host, recipe)
            assert failed(step, f"C26-{kind}").startswith("a file system is full\n")
        assert do(module_host, "ls -A /srv/full") == ""


def test_written_in_place_it_is_the_old_one_again(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C24, C39: where nothing can take its place, what did not fit is taken back."""
    recipe = 'file("/srv/place", content="new\\n" * 3000, atomic_update=False)'
    with mounted(module_host, "/srv/full", "size=8k"):
        do(module_host, "yes old | head -c 5000 >/srv/full/f; touch /srv/place")
        with undone(module_host, "mount --bind /srv/full/f /srv/place", "umount /srv/place"):
            before = do(module_host, "stat -c %i%a /srv/place; sha256sum </srv/place")
            [step] = converge(module_host, recipe)
            assert failed(step, "C24-in-place").startswith("a file system is full\n")
            after = do(module_host, "stat -c %i%a /srv/place; sha256sum </srv/place")
            assert after == before


def test_no_room_for_a_large_file_on_its_way(module_host: KitchenHost, converge: Converge) -> None:
    """C24: /var/tmp."""
    recipe = 'file("/srv/large", content="new\\n" * 200_000)'
    with mounted(module_host, "/var/tmp", "size=64k"):
        [step] = converge(module_host, recipe)
        said = failed(step, "C24-on-its-way")
        assert said.startswith("a file system is full\n")
        assert "/var/tmp" in said
        assert do(module_host, "ls -A /var/tmp; ls /srv/large 2>&1 || :").startswith("ls: cannot")


def test_no_room_for_what_we_keep_costs_no_change(module_host: KitchenHost, cook: Cook) -> None:
    """C24: stash, manifest and lock; nothing that is there by halves is believed."""
    do(module_host, "echo old >/etc/kept.conf")
    recipe = 'file("/etc/kept.conf", content="new\\n" * 500)\n'
    full = "head -c 20000 /dev/zero >/var/lib/cook/z 2>/dev/null || :"
    with (
        mounted(module_host, "/var/lib/cook", "size=16k"),
        mounted(module_host, "/run/cook", "nr_inodes=1"),
    ):
        do(module_host, full)
        told = cook(module_host, "converge", recipe=recipe)
        assert told["status"] == 0, told
        assert do(module_host, "wc -l </etc/kept.conf") == "500"
        assert do(module_host, "find /var/lib/cook/stash -type f") == ""
        again = cook(module_host, "converge", recipe=recipe)
        assert again["status"] == 0
        assert [r["status"] for r in again["hosts"][module_host.name]["resources"]] == ["ok"]


def test_two_runs_are_kept_apart_where_no_lock_file_can_be_made(
    module_host: KitchenHost, target: Any
) -> None:
    """C24, C25, C45."""
    with mounted(module_host, "/run/cook", "ro"):
        one, two = (Session(SshTransport(target(module_host))) for _ in range(2))
        try:
            one.begin(Holder("one", "now"))
            with pytest.raises(Locked, match="another run is at work here"):
                two.begin(Holder("two", "now"))
        finally:
            one.close()
            two.close()
        three = Session(SshTransport(target(module_host)))
        three.begin(Holder("three", "now"), patience=LONG)  # sshd ends the shell a little later
        three.close()


ETC_IS_FULL = """
mkdir -p /mnt/etc && mount -t tmpfs none /mnt/etc && cp -a /etc/. /mnt/etc
used() { df --output=$1 -k /mnt/etc | tail -n 1 | tr -d ' '; }
mount -o remount,size=$(used used)k,nr_inodes=$(used iused) /mnt/etc
head -c 1M /dev/zero >>/mnt/etc/hostname 2>/dev/null || :
mount --bind /mnt/etc /etc
"""


def test_accounts_stay_as_they_are_where_etc_is_full(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C24."""
    accounts = "cat /etc/passwd /etc/shadow /etc/group /etc/gshadow | sha256sum; ls -A /etc"
    with undone(module_host, ETC_IS_FULL, "umount -l /etc; umount -l /mnt/etc"):
        before = do(module_host, accounts)
        for recipe in ('user("carl")', 'group("crew")', 'file("/etc/x", content="x")'):
            [step] = converge(module_host, recipe)
            text = "C24-accounts" if recipe.startswith("user") else None
            assert failed(step, text).startswith("a file system is full\n"), recipe
        assert do(module_host, accounts) == before


def test_a_crontab_stays_where_var_is_full(module_host: KitchenHost, converge: Converge) -> None:
    """C24."""
    with mounted(module_host, "/var/spool/cron/crontabs", "size=4k,mode=1730,gid=101"):
        do(module_host, "echo '1 1 1 1 1 old' | crontab -")
        recipe = 'cron("new", command="true " + "x" * 9000)'
        [step] = converge(module_host, recipe)
        assert "No space left on device" in failed(step, "C24-crontab")
        assert do(module_host, "crontab -l") == "1 1 1 1 1 old"


@pytest.fixture
def read_only(module_host: KitchenHost) -> Iterator[KitchenHost]:
    """Whoever logs in by ssh finds / read-only, but for what is in memory: /run and /tmp."""
    folder = "/etc/systemd/system/ssh.service.d"
    unit = (
        f"printf '[Service]\\nProtectSystem=strict\\nReadWritePaths=/run /tmp\\n' >{folder}/ro.conf"
    )
    # systemd counts starts: six within 10 s would be too many.
    restart = "systemctl daemon-reload && systemctl reset-failed ssh && systemctl restart ssh"
    with undone(
        module_host, f"mkdir -p {folder} && {unit} && {restart}", f"rm -r {folder}; {restart}"
    ):
        yield module_host


IN_LINE = """
file("/etc/hostname")
directory("/etc/cron.d", mode="0755")
user("root")
service("cron", action=["enable", "start"])
"""


@pytest.mark.parametrize("user", ["root", "admin"])
def test_with_nothing_to_do_a_read_only_host_is_in_line(
    read_only: KitchenHost, converge: Converge, user: str
) -> None:
    """C25."""
    steps = converge(read_only, IN_LINE, user=user)
    assert {step.status for step in steps} == {"ok"}


def test_a_read_only_host_can_be_planned_for_and_says_why_nothing_is_done(
    read_only: KitchenHost, converge: Converge, plan: Converge
) -> None:
    """C25."""
    cause = "the file system is mounted read-only\n"
    place = "{} is on a file system that is mounted read-only\n"
    recipes = {
        'file("/etc/hostname", content="other\\n")': (place.format("/etc"), "C25-file"),
        'file("/srv/large", content="x" * 400_000)': (place.format("/srv"), None),
        'directory("/srv/new")': (place.format("/srv"), "C25-folder"),
        'user("carl")': ("the lists of users and groups cannot be locked", "C25-accounts"),
        'firewall_rule("web", port=80)': (cause, "C25-firewall"),
    }
    before = do(read_only, "cat /etc/hostname; nft list ruleset")
    for recipe, (said, text) in recipes.items():
        foreseen = recipe.startswith(("file", "directory"))
        assert plan(read_only, recipe)[0].status == ("failed" if foreseen else "changed")
        assert failed(converge(read_only, recipe)[0], text).startswith(said), recipe
    assert do(read_only, "cat /etc/hostname; nft list ruleset") == before


PLACES = """
rm -rf /srv/d /srv/t; mkdir -p /srv/d /srv/t; cd /srv/d
for f in link hard bound; do echo old >/srv/t/$f; done
ln -s /srv/t/link link; ln -s /srv/t/none dangling; ln -s /srv/void/x nowhere; ln /srv/t/hard hard
touch bound; mount --bind /srv/t/bound bound; mkdir folder; echo old >plain
for f in immutable appended; do echo old >$f; done; chattr +i immutable; chattr +a appended
mkdir locked grows; chattr +i locked
echo old >grows/x; ln -s x grows/link; mkdir grows/below; chattr +a grows
"""
AWAY = (
    "cd /srv/d; umount bound; chattr -i immutable locked; chattr -a appended grows; rm -rf /srv/d"
)


@pytest.fixture(scope="module")
def places(module_host: KitchenHost) -> Iterator[KitchenHost]:
    with undone(module_host, PLACES, AWAY):
        yield module_host


@pytest.mark.parametrize(
    ("name", "more", "now"),
    [
        ("link", "", "new\n/srv/t/link"),
        ("dangling", "", "new\n/srv/t/none"),
        ("hard", "", "new\n/srv/d/hard"),
        ("bound", ", atomic_update=False", "new\n/srv/d/bound"),
    ],
)
def test_it_is_written_where_it_belongs(
    places: KitchenHost, converge: Converge, name: str, more: str, now: str
) -> None:
    """C39."""
    if name == "bound":
        do(places, "echo old >/srv/t/bound")
    recipe = f'file("/srv/d/{name}", content="new\\n"{more})'
    assert [step.status for step in converge(places, recipe)] == ["changed"]
    assert do(places, f"cat /srv/d/{name}; readlink -f /srv/d/{name}") == now
    assert [step.status for step in converge(places, recipe)] == ["ok"]
    if name == "hard":
        assert do(places, "cat /srv/t/hard") == "old", "the other name keeps what it had"


MOUNTED = "something is mounted at that very path"
IMMUTABLE = "/srv/d/immutable is marked immutable"
APPENDED = "/srv/d/appended is marked append-only"
GROWS = "/srv/d/grows is marked append-only: nothing in it can be replaced or removed"
IN_THE_WAY = {
    "mounted-write": ('file("/srv/d/bound", content="new")', MOUNTED, "atomic"),
    "mounted-delete": (
        'file("/srv/d/bound", action="delete")',
        "something is mounted there",
        "a deletion never crosses a mount",
    ),
    "immutable-write": ('file("/srv/d/immutable", content="new")', IMMUTABLE, "chattr -i"),
    "immutable-mode": ('file("/srv/d/immutable", mode="0600")', IMMUTABLE, "chattr -i"),
    "immutable-delete": ('file("/srv/d/immutable", action="delete")', IMMUTABLE, "chattr -i"),
    "append-only": ('file("/srv/d/appended", content="new")', APPENDED, "chattr -a"),
    "append-only-mode": ('file("/srv/d/appended", mode="0600")', APPENDED, "chattr -a"),
    "append-only-folder-write": ('file("/srv/d/grows/x", content="new")', GROWS, "chattr -a"),
    "append-only-folder-new": ('file("/srv/d/grows/y", content="new")', GROWS, "chattr -a"),
    "append-only-folder-delete": ('file("/srv/d/grows/x", action="delete")', GROWS, "chattr -a"),
    "append-only-folder-link": ('link("/srv/d/grows/link", to="y")', GROWS, "chattr -a"),
    "append-only-folder-folder": (
        'directory("/srv/d/grows/below", action="delete")',
        GROWS,
        "chattr -a",
    ),
    "immutable-folder": (
        'file("/srv/d/locked/x", content="new")',
        "/srv/d/locked is marked immutable",
        "chattr -i",
    ),
    "folder": ('file("/srv/d/folder", content="new")', "/srv/d/folder is a", "force_unlink"),
    "leads-nowhere": ('file("/srv/d/nowhere", content="new")', "the link leads", "/srv/void/x"),
    "below-a-file": ('file("/srv/d/plain/x", content="new")', "something above it", "remove it"),
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_is_in_the_way_is_named(places: KitchenHost, converge: Converge, name: str) -> None:
    """C39: and all is as it was, with nothing of ours beside it."""
    look = "cd /srv/d; ls -laR --time-style=+ . | grep -v ' \\.\\.$'; cat bound immutable appended"
    before = do(places, look)
    recipe, cause, step = IN_THE_WAY[name]
    said = failed(converge(places, recipe)[0], f"C39-{name}")
    assert said.startswith(cause)
    assert step in said
    assert do(places, look) == before


def test_what_an_append_only_folder_allows_is_done(places: KitchenHost, converge: Converge) -> None:
    recipe = 'file("/srv/d/grows/x", mode="0640")\ndirectory("/srv/d/grows/new")\n'
    steps = converge(places, recipe)
    assert [(step.status, step.error) for step in steps] == [("changed", None)] * 2
    assert do(places, "stat -c %a /srv/d/grows/x /srv/d/grows/new").split() == ["640", "755"]


def test_an_entry_of_the_manifest_is_whole_or_not_there(
    module_host: KitchenHost, cook: Cook
) -> None:
    """C24: a line that did not fit spoils no other."""
    recipe = "".join(f'file("/etc/m{i}", content="x")\n' for i in range(60))
    with mounted(module_host, "/var/lib/cook", "size=8k"):
        told = cook(module_host, "converge", recipe=recipe)
        assert told["status"] == 0, told
        lines = do(module_host, "cat /var/lib/cook/manifest/*").splitlines()
        whole = [line for line in lines if line.endswith("}")]
        assert len(whole) >= len(lines) - 1
        assert all(json.loads(line) for line in whole)


SELINUX = """
mkdir -p /mnt/fs && mount -t tmpfs none /mnt/fs && mkdir /mnt/fs/cgroup /mnt/fs/selinux
echo 1 >/mnt/fs/selinux/enforce; mount --rbind /sys/fs/cgroup /mnt/fs/cgroup
mount --rbind /mnt/fs /sys/fs
printf '#!/bin/sh\\necho "$@" >>/run/relabelled\\n' >/usr/local/bin/chcon
chmod 755 /usr/local/bin/chcon; echo old >/srv/labelled; : >/run/relabelled
"""


def test_a_file_that_replaces_another_has_its_label(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C34: as far as it can be seen without SELinux: by a chcon(1) that only takes notes."""
    recipe = 'file("/srv/labelled", content="new\\n")\nfile("/srv/unlabelled", content="new\\n")'
    with undone(module_host, SELINUX, "umount -l /sys/fs /mnt/fs; rm /usr/local/bin/chcon"):
        assert [step.status for step in converge(module_host, recipe)] == ["changed", "changed"]
    [line] = do(module_host, "cat /run/relabelled").splitlines()
    assert line.startswith("--reference=/srv/labelled -- /srv/.cook-")
