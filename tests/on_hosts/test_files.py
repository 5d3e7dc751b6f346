"""Files on a real host, as root and by sudo, judged by what the host itself says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost

pytestmark = pytest.mark.hosts

USERS = pytest.mark.parametrize("user", ["root", "admin"])


def said(host: KitchenHost, command: str) -> str:
    return str(host.run(command).stdout)


def twice(converge: Any, host: KitchenHost, recipe: str, user: str) -> None:
    """Everything changes, and then nothing does."""
    first, second = (converge(host, recipe, user=user) for _ in range(2))
    assert {str(step.error) for step in first} == {"None"}
    assert {step.status for step in first} == {"changed"}
    assert {step.status for step in second} == {"ok"}


@USERS
def test_owners_modes_and_names(converge: Any, module_host: KitchenHost, user: str) -> None:
    recipe = f"""
        group("crew-{user}")
        directory("/srv/{user} ünï", owner="nobody", group="crew-{user}", mode=0o2770)
        file("/srv/{user} ünï/日本 '$x'", content="ünïcode\\n", owner="www-data", mode="0640")
        link("/srv/{user} ünï/link", to="日本 '$x'")
        file("/srv/{user}-setuid", content="x", owner="daemon", group="crew-{user}", mode="4750")
    """
    twice(converge, module_host, recipe, user)

    stat = "stat -c '%a %U %G %F'"
    folder = f"'/srv/{user} ünï'"
    crew = f"crew-{user}"
    assert said(module_host, f"{stat} {folder}") == f"2770 nobody {crew} directory\n"
    name = f"{folder}/\"日本 '\\$x'\""
    assert said(module_host, f"{stat} {name}") == f"640 www-data {crew} regular file\n"
    assert said(module_host, f"cat {folder}/link") == "ünïcode\n"
    assert said(module_host, f"{stat} /srv/{user}-setuid").startswith(f"4750 daemon {crew} ")


@USERS
def test_twenty_megabytes(
    converge: Any, module_host: KitchenHost, tmp_path: Path, user: str
) -> None:
    data = bytes(range(256)) * 80_000
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "big").write_bytes(data)

    twice(converge, module_host, f'file("/srv/big-{user}", source="big", backup=False)', user)

    digest = said(module_host, f"sha256sum < /srv/big-{user}").split()[0]
    assert digest == hashlib.sha256(data).hexdigest()
    assert said(module_host, "find /srv /var/tmp -name '*cook-*'") == ""


@USERS
def test_a_template_is_checked_before_it_counts(
    converge: Any, module_host: KitchenHost, tmp_path: Path, user: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "sudoers.j2").write_text("{{ who }} ALL=(ALL) {{ what }}\n")
    path = f"/etc/sudoers.d/{user}-test"

    def recipe(what: str) -> str:
        return f"""
            template("{path}", source="sudoers.j2", mode="0440", verify="visudo -cf {{path}}",
                     variables=dict(who="nobody", what="{what}"))
        """

    twice(converge, module_host, recipe("/bin/true"), user)
    before = said(module_host, f"stat -c '%i %a %Y %U' {path}; cat {path}")
    [failed] = converge(module_host, recipe("not a rule ((("), user=user)

    assert failed.status == "failed"
    assert "expected a fully-qualified path name" in str(failed.error)
    assert said(module_host, f"stat -c '%i %a %Y %U' {path}; cat {path}") == before
    assert said(module_host, "ls -A /etc/sudoers.d | grep cook || :") == ""


@USERS
def test_a_command_as_somebody_else(converge: Any, module_host: KitchenHost, user: str) -> None:
    out = f"/tmp/out-{user}"
    text = f"{{ id -un; id -gn; pwd; umask; cat; }} > {out}"
    recipe = f"""
        execute("x", command="{text}", user="games", group="www-data", cwd="/usr/games",
                umask="0027", input="in", creates="{out}")
        execute("by number", command="(id -un; id -gn; echo $HOME) >{out}.n", user=5, group="33",
                cwd="/usr/games", creates="{out}.n")
    """
    twice(converge, module_host, recipe, user)

    assert said(module_host, f"cat {out}") == "games\nwww-data\n/usr/games\n0027\nin"
    assert said(module_host, f"cat {out}.n") == "games\nwww-data\n/usr/games\n"
    assert said(module_host, f"stat -c '%a %U %G' {out}") == "640 games www-data\n"


def test_a_look_touches_nothing(converge: Any, plan: Any, module_host: KitchenHost) -> None:
    seen = "find /etc /srv /usr/local /root /home -printf '%p %m %u %g %s %T@ %i\\n' | sort"
    converge(module_host, 'file("/srv/there", content="old")')
    before = said(module_host, seen)

    steps = plan(
        module_host,
        """
        directory("/srv/new", owner="nobody")
        file("/srv/new/file", content="x")
        file("/srv/there", content="new", mode="0600", verify="touch /srv/oops")
        file("/etc/motd", action="delete")
        link("/srv/link", to="nowhere")
        execute("touch /srv/oops2")
        """,
    )

    assert {step.status for step in steps} == {"changed"}
    assert said(module_host, seen) == before


def test_a_deletion_never_crosses_a_mount(
    converge: Any, plan: Any, module_host: KitchenHost
) -> None:
    """A bind mount has the same device as the folder above it; so it is looked up by its name."""
    made = said(
        module_host,
        "mkdir -p '/srv/kept data' '/srv/del/a/b c' && echo kept > '/srv/kept data/file'"
        " && mount --bind '/srv/kept data' '/srv/del/a/b c' && echo made",
    )
    assert made == "made\n"
    for recipe in (
        'directory("/srv/del", action="delete", recursive=True)',
        'directory("/srv/del/a/b c", action="delete", recursive=True)',
        'file("/srv/del", content="x", force_unlink=True)',
        'file("/srv/del", action="delete", force_unlink=True)',
    ):
        for run in (plan, converge):
            [step] = run(module_host, recipe)
            assert step.status == "failed"
            assert "mounted at /srv/del/a/b c" in str(step.error)
            assert step.error.phase in {"plan", "probe"}
    assert said(module_host, "cat '/srv/kept data/file'; umount '/srv/del/a/b c'") == "kept\n"

    [step] = converge(module_host, 'directory("/srv/del", action="delete", recursive=True)')
    assert step.status == "changed"
    assert said(module_host, "cat '/srv/kept data/file'; ls -d /srv/del") == "kept\n"


def test_a_link_that_another_user_has_planted_is_not_followed(
    converge: Any, plan: Any, module_host: KitchenHost
) -> None:
    before = said(
        module_host,
        "echo victim > /etc/victim; ln -s /etc/victim /tmp/planted; ln -s /etc /tmp/folder"
        "; chown -h games /tmp/planted /tmp/folder; stat -c '%a %U' /etc /etc/victim",
    )
    for recipe in (
        'file("/tmp/planted", content="x", mode="0666")',
        'directory("/tmp/folder", mode="0777", owner="games")',
        'file("/tmp/folder/victim", content="x")',
        'link("/tmp/folder/victim2", to="x")',
        'file("/tmp/folder/victim", action="delete")',
    ):
        for run in (plan, converge):
            [step] = run(module_host, recipe)
            assert step.status == "failed", recipe
            assert "symbolic link of the user games" in str(step.error)
    after = said(module_host, "stat -c '%a %U' /etc /etc/victim; cat /etc/victim")
    assert after == f"{before}victim\n"

    follow = 'file("/tmp/planted", content="x", manage_symlink_source=True)'
    own = 'file("/tmp/own", content="x", become_user="games")'
    said(module_host, "touch /tmp/its; ln -s its /tmp/own; chown -h games: /tmp/own /tmp/its")
    steps = converge(module_host, f"{follow}\n{own}")
    assert [str(step.error) for step in steps] == ["None", "None"]


def test_what_cannot_be_changed_is_said_by_the_plan(plan: Any, module_host: KitchenHost) -> None:
    said(
        module_host,
        "mkdir /srv/ro; mount -t tmpfs -o size=1m none /srv/ro; echo x > /srv/ro/file"
        "; mount -o remount,ro /srv/ro; echo x > /srv/fixed; chattr +i /srv/fixed"
        "; mkdir -p '/srv/deep/.a b'; echo x > '/srv/deep/.a b/f'; chattr +i '/srv/deep/.a b/f'",
    )
    for recipe, why in (
        ('file("/srv/ro/new", content="x")', "mounted read-only"),
        ('file("/srv/ro/file", mode="0600")', "mounted read-only"),
        ('directory("/srv/ro/new")', "mounted read-only"),
        ('link("/srv/ro/new", to="x")', "mounted read-only"),
        ('file("/srv/fixed", content="y")', "marked immutable"),
        ('file("/srv/fixed", action="delete")', "marked immutable"),
        ('directory("/srv/deep", action="delete", recursive=True)', "/srv/deep/.a b/f is marked"),
    ):
        [step] = plan(module_host, recipe)
        assert step.status == "failed", recipe
        assert why in str(step.error)
    [step] = plan(module_host, 'file("/srv/ro/file", content="x\\n")')
    assert step.status == "ok"
    said(module_host, "umount /srv/ro; chattr -i /srv/fixed '/srv/deep/.a b/f'")


BROKEN = {
    "/etc/sudoers.d/broken": ("admin ALL=(ALL\n", "visudo"),
    "/etc/ssh/sshd_config.d/broken.conf": ("Prot 2222\n", "sshd"),
    "/var/spool/cron/crontabs/games": ("61 * * * * true\n", "crontab"),
    "/etc/fstab": ("LABEL=x /mnt\nproc\n", "findmnt"),
    "/etc/systemd/system/broken.service": ("[Service]\nExecStrt=/bin/true\n", "systemd-analyze"),
    "/etc/nftables.conf": ("table inet {\n", "nft"),
}
WHOLE = {
    "/etc/sudoers.d/whole": "games ALL=(ALL) /bin/true\n",
    "/etc/ssh/sshd_config.d/whole.conf": "X11Forwarding no\n",
    "/var/spool/cron/crontabs/games": "1 * * * * true\n",
    "/etc/fstab": "LABEL=nowhere /mnt/nowhere ext4 noauto 0 0\n",
    "/etc/systemd/system/whole.service": "[Service]\nExecStart=/opt/is/yet/to/come\n",
    "/etc/systemd/system/whole.timer": "[Timer]\nOnCalendar=daily\n",
    "/etc/nftables.conf": "table inet x {\n}\n",
}


def test_files_that_a_program_reads_are_checked_by_it(
    converge: Any, module_host: KitchenHost
) -> None:
    for path, (content, program) in BROKEN.items():
        before = said(module_host, f"cat {path} 2>/dev/null || echo nothing")
        [step] = converge(module_host, f"file({path!r}, content={content!r})")
        assert step.status == "failed", path
        assert f"{program} does not accept the new file" in str(step.error)
        assert said(module_host, f"cat {path} 2>/dev/null || echo nothing") == before
    recipe = "\n".join(f"file({path!r}, content={content!r})" for path, content in WHOLE.items())
    steps = converge(module_host, recipe)
    assert [str(step.error) for step in steps if step.error] == []
    unchecked = 'file("/etc/systemd/system/x.timer", content="[Timer", verify=[])'
    assert [step.status for step in converge(module_host, unchecked)] == ["changed"]


def test_a_check_sees_the_ending_of_the_file_and_is_named_if_it_fails(
    converge: Any, module_host: KitchenHost
) -> None:
    verify = "systemd-analyze verify {path}"
    recipe = """file("/srv/app.service", content="[Service]\\n%s=/bin/true\\n", verify="%s")"""
    [step] = converge(module_host, recipe % ("ExecStart", verify))
    assert str(step.error) == "None"
    [step] = converge(module_host, recipe % ("Exec", verify))
    assert f"the check `{verify}` of the new file failed" in str(step.error)


def test_a_loop_of_links_is_named_by_the_plan(plan: Any, module_host: KitchenHost) -> None:
    said(module_host, "ln -s two /srv/one; ln -s one /srv/two")
    for recipe in (
        'file("/srv/one", content="x")',
        'file("/srv/one/file", content="x")',
        'directory("/srv/one/new", recursive=True)',
        'link("/srv/one/link", to="x")',
    ):
        [step] = plan(module_host, recipe)
        assert "is a symbolic link in a loop of links" in str(step.error), recipe


def test_a_file_of_the_kernel_is_written_in_place(
    converge: Any, plan: Any, module_host: KitchenHost
) -> None:
    path = "/proc/sys/net/ipv4/conf/all/log_martians"
    [step] = plan(module_host, f'file("{path}", content="1\\n")')
    assert "atomic_update=False" in str(step.error.hint)
    twice(converge, module_host, f'file("{path}", content="1\\n", atomic_update=False)', "root")
    assert said(module_host, f"cat {path}; ls -A /run | grep cook || :") == "1\n"
