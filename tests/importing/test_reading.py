"""What is read out of the answers of a host."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cookbook.importing import accounts, cron, files, firewall, packages, services, system
from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.ownership import Ownership
from cookbook.importing.questions import LARGEST, QUESTIONS, Seen


def entry(path: str, kind: str = "f", mode: str = "644", size: int = 1, to: str = "") -> str:
    return f"{kind}\t{mode}\troot\troot\t{size}\t{path}\t{to}"


def seen(contents: dict[str, bytes] | None = None, **texts: Any) -> Seen:
    entries = texts.pop("entries", ())
    return Seen({"entries": "\0".join(entries), **texts}, contents or {})


def read_files(one: Seen) -> list[HostItem]:
    return list(files.files(one, Ownership(one)))


def names(found: list[HostItem]) -> list[str]:
    return [one.identity for one in found if isinstance(one, Declaration)]


def test_files_of_packages_and_of_the_system_are_left_alone() -> None:
    digest = hashlib.md5(b"as shipped", usedforsecurity=False).hexdigest()
    there = seen(
        {"/etc/new": b"x", "/etc/changed": b"y", "/etc/profile": b"as shipped"},
        entries=[
            entry("/etc/kept"),
            entry("/etc/changed", mode="640"),
            entry("/etc/new"),
            entry("/etc/shadow"),
            entry("/etc/profile"),
            entry("/etc/link", "l", to="../x"),
            entry("/etc/rc2.d/S01x", "l"),
            entry("/etc/ssh/ssh_host_rsa_key"),
        ],
        owned="a.list:/etc/kept\na.list:/etc/changed\n",
        conffiles=f"installed a\n /etc/kept {'0' * 32}\n /etc/changed {'1' * 32}\n",
        sums=f"{'0' * 32}  /etc/kept\n{'2' * 32}  /etc/changed\n",
    )
    there = Seen(there.texts, there.contents, shipped=frozenset({(digest, "profile")}))
    assert names(read_files(there)) == [
        "cookbook_file[/etc/changed]",
        "link[/etc/link]",
        "cookbook_file[/etc/new]",
    ]
    [changed] = [one for one in read_files(there) if "changed" in str(one)]
    assert isinstance(changed, Declaration)
    assert changed.properties["mode"] == "0640"


def test_secrets_and_large_files_are_listed_with_a_declaration_to_complete() -> None:
    there = seen(
        {"/etc/app.ini": b"password = hunter2\n"},
        entries=[
            entry("/etc/app.ini"),
            entry("/etc/app.key", mode="600"),
            entry("/etc/big", size=LARGEST + 1),
            entry("/etc/gone"),
        ],
    )
    found = [one for one in read_files(there) if isinstance(one, LeftOut)]
    assert [(one.what, one.reason) for one in found] == [
        ("/etc/app.ini", "it has a secret in line 1"),
        ("/etc/app.key", "its name is one of secrets: it was not read"),
        ("/etc/big", "262145 bytes are more than 256 KiB"),
        ("/etc/gone", "it could not be read"),
    ]
    owned = 'owner="root", group="root", mode="0600"'
    assert found[1].hint == f'file("/etc/app.key", content=secret("etc_app_key"), {owned})'
    assert [one.path for one in files.wanted_files(Ownership(there))] == [
        "/etc/app.ini",
        "/etc/gone",
    ]


def test_a_path_that_leads_elsewhere_is_not_taken() -> None:
    hostile = ["/etc/../../home/ann/.bashrc", "etc/x", "/etc/./x"]
    there = seen(dict.fromkeys(hostile, b"x"), entries=[entry(path) for path in hostile])
    assert list(there.entries()) == []


def test_a_removed_conffile_is_deleted() -> None:
    there = seen(
        conffiles=f"installed a\n /etc/gone {'0' * 32}\nconfig-files b\n /etc/b {'1' * 32}\n"
    )
    [one] = read_files(there)
    assert isinstance(one, Declaration)
    assert (one.identity, one.properties) == ("file[/etc/gone]", {"action": "delete"})


def test_a_unit_and_a_part_of_one() -> None:
    paths = ["/etc/systemd/system/a.service", "/etc/systemd/system/cron.service.d/own.conf"]
    there = seen(dict.fromkeys(paths, b"[Service]\n"), entries=[entry(path) for path in paths])
    first, second = read_files(there)
    assert isinstance(first, Declaration)
    assert isinstance(second, Declaration)
    assert first.identity == "systemd_unit[a.service]"
    assert second.properties["drop_in"] == "own"
    assert second.instead is not None
    assert second.instead.kind == "cookbook_file"


def test_who_is_made_by_hand() -> None:
    there = seen(
        passwd="root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/p:/bin/sh\n"
        "worker:x:998:998::/w:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
        group="root:x:0:\npostgres:x:104:\nssl-cert:x:105:postgres,worker\nworker:x:998:www-data\n"
        "ann:x:1000:\nadm:x:4:ann,www-data\n",
        scripts="root adm\nadduser --system postgres\nadduser postgres ssl-cert\n"
        "addgroup ssl-cert\n",
    )
    own = accounts.ByHand(there)
    assert list(own.users) == ["worker", "ann"]
    assert own.groups_of("ann") == ["adm"]
    assert {one.name: dict(one.properties) for one in accounts.groups(there)} == {
        "worker": {"system": True, "members": ["www-data"]},
        "ann": {"gid": 1000},
        "adm": {"members": ["www-data"]},
    }


def test_crontabs() -> None:
    folder = "/var/spool/cron/crontabs"
    marked = b"# head\n# cook: nightly\n5 4 * * 1-5 /bin/a  b\n# cook: boot\n@reboot c\n"
    there = seen(
        {
            f"{folder}/root": marked,
            f"{folder}/ann": b"1 2 * * * x\n",
            f"{folder}/eve": b"PASSWORD=hunter2\n",
        },
        entries=[entry(f"{folder}/{name}", mode="600") for name in ("root", "ann", "eve")],
    )
    nightly, boot, whole, left = cron.jobs(there)
    assert isinstance(nightly, Declaration)
    assert nightly.properties == {"minute": 5, "hour": 4, "weekday": "1-5", "command": "/bin/a  b"}
    assert isinstance(boot, Declaration)
    assert boot.properties == {"time": "reboot", "command": "c"}
    assert isinstance(whole, Declaration)
    assert whole.identity == f"cookbook_file[{folder}/ann]"
    assert left == LeftOut("cron", "eve", "the crontab has a secret in line 1")


def test_services_that_differ_from_their_packages() -> None:
    there = seen(
        units="nginx.service enabled enabled\nrsync.service disabled enabled\n"
        "nftables.service enabled enabled\nown.service enabled enabled\nx.target masked enabled\n"
        "y.service masked enabled\nsystemd-a.service disabled enabled\n",
        active="nginx.service loaded active\nown.service loaded active\n",
        helper="nginx.service.dsh-also\nnginx.service\nrsync.service.dsh-also\nrsync.service\n"
        "nftables.service.dsh-also\n",
        aliases="x.target\n",
        entries=[
            entry("/etc/systemd/system/own.service"),
            entry("/etc/systemd/system/x.target", "l", to="/dev/null"),
            entry("/etc/systemd/system/y.service", "l", to="/dev/null"),
        ],
    )
    units = services.Units(there, Ownership(there))
    found = {
        one.identity: one.properties
        for one in services.services(units)
        if isinstance(one, Declaration)
    }
    assert {name: one.get("action", one.get("to")) for name, one in found.items()} == {
        "service[nftables]": "enable",
        "service[own]": ["enable", "start"],
        "service[rsync]": ["stop", "disable"],
        "service[y]": ["stop", "mask"],
        "link[/etc/systemd/system/x.target]": "/dev/null",
    }


def test_mounts_and_swap() -> None:
    there = seen(
        fstab="UUID=1-2 / ext4 defaults 0 1\n# x\nUUID=3-4 /srv/my\\040data ext4 noatime 0 2\n"
        "//nas/a /mnt cifs username=a,password=hunter2 0 0\n/swap none swap sw 0 0\n"
        "/dev/b none swap sw\n/idle none swap sw\n/gone none swap sw\n",
        swaps="Filename Type Size Used Priority\n/swap file 1048572 0 -2\n",
        fstab_swaps="1073741824 /swap\n16777216 /idle\n",
    )
    found = list(system.mounts(there))
    assert [one.name for one in found if isinstance(one, Declaration)] == [
        *["/srv/my data"] * 2,
        "/swap",
    ]
    data, swap = found[2], found[-1]
    assert isinstance(data, Declaration)
    assert data.properties == {
        "device": "3-4",
        "device_type": "uuid",
        "fstype": "ext4",
        "options": ["noatime"],
        "passno": 2,
        "action": ["mount", "enable"],
    }
    assert isinstance(swap, Declaration)
    assert swap.properties == {"size": 1024, "persist": True}
    left = [one for one in found if isinstance(one, LeftOut)]
    assert [one.what for one in left] == ["/", "/mnt", "/dev/b", "/idle", "/gone"]
    *_, partition, idle, gone = left
    assert partition.reason == "swap on a partition: the installer of the system makes it"
    assert idle.reason == "the kernel does not use it: swap_file would"
    assert (idle.hint, gone.hint) == ('swap_file("/idle", size=16, persist=True)', "")


def test_names_of_other_hosts() -> None:
    hosts = (
        "127.0.0.1 localhost\n::1 ip6\nff02::1 all\n127.0.1.1 web1\n192.0.2.7 db1.example.com db1\n"
    )
    [one] = system.names_of_hosts(seen(hosts=hosts, hostname="web1\n"))
    assert isinstance(one, Declaration)
    assert (one.name, one.properties) == (
        "db1.example.com",
        {"ip": "192.0.2.7", "aliases": ["db1"]},
    )


def test_recommended_packages_are_as_they_are() -> None:
    there = seen(
        needs="db\t\t, libdb\ttools, helper\nlibdb\tvirtual\t\t\nhelper\t\tvirtual\t\n"
        "web\t\tvirtual | x\t\n",
        priorities="db\toptional\tno\n",
    )
    found = packages.as_recommended(
        there, [packages.declared_package(name) for name in ("db", "web")]
    )
    assert {one.name: dict(one.properties) for one in found if isinstance(one, Declaration)} == {
        "db": {"install_recommends": False},
        "web": {},
        "helper": {"install_recommends": False},
    }


@given(st.dictionaries(st.sampled_from(sorted(QUESTIONS)), st.text()), st.binary())
def test_no_answer_is_taken_for_more_than_text(texts: dict[str, str], data: bytes) -> None:
    there = Seen(
        texts | {"entries": f"f\t644\ta\tb\t1\t/etc/x\t\0{texts.get('entries', '')}"},
        {"/etc/x": data},
    )
    ownership = Ownership(there)
    units = services.Units(there, ownership)
    services.notifying(files.files(there, ownership), units)
    for found in (
        services.services(units),
        accounts.groups(there),
        accounts.homes(there),
        cron.jobs(there),
        system.names(there),
        system.language(there),
        system.mounts(there),
        system.names_of_hosts(there),
        firewall.packet_filter(there, set()),
        packages.as_recommended(there, []),
        packages.owners_to_declare(there, ["a"], {}),
    ):
        list(found)
