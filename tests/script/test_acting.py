"""To be somebody else for one command, in every shell; see tests/on_hosts/test_become_user.py."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
from collections.abc import Iterator

import pytest

from cookbook.errors import RecipeError
from cookbook.hosts.probing import gather
from cookbook.hosts.session import INLINE_CONTENT, Session
from cookbook.language.probe import Probe
from cookbook.plugins.manager import catalog
from cookbook.resources import execute, file
from cookbook.script.program import Ask, Do, Outcome, Pace, Program
from cookbook.script.run_as import NO_USER, PATH, as_user
from cookbook.script.shell import Command, Content, script, sh
from cookbook.testing import DEBIAN, declare
from cookbook.transport.contract import Reply, run
from cookbook.transport.local import LocalTransport
from tests.quick import first_in_check
from tests.script.test_wire import FINE, HOSTILE, SHELLS

USER = "nobody" if os.geteuid() == 0 else getpass.getuser()
"""Without root's rights, we can be nobody but ourselves."""


@pytest.fixture(params=first_in_check(SHELLS), ids="_".join)
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    session = Session(LocalTransport(request.param))
    yield session
    session.close()


def ask(session: Session, text: str, user: str = USER) -> Outcome:
    [outcome] = session.run([Ask(as_user(user, script(text)))])
    return outcome


def test_who_that_is(session: Session) -> None:
    said = ask(session, 'id -un; pwd; umask; echo "$USER $LOGNAME $LC_ALL"; echo ~; echo "$HOME"')
    name, folder, umask, names, home, variable = said.text.splitlines()
    assert (name, folder, umask, names) == (USER, "/", "0022", f"{USER} {USER} C")
    assert home == variable == os.path.expanduser(f"~{USER}")  # noqa: PTH111 - of a user


def test_the_environment_is_of_that_user_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that the login has set is seen, whatever its value looks like."""
    login = {
        "XDG_RUNTIME_DIR": "/run/user/0",
        "SUDO_USER": "admin",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run",
        "LINES_OF_IT": "a\nexport ;false\nexport PATH=/evil\n",
        "EDITOR": "vi; id",
    }
    for name, value in login.items():
        monkeypatch.setenv(name, value)
    entry = pwd.getpwnam(USER)
    said = ask(session, "unset PWD OLDPWD SHLVL _; env -0").text.split("\0")
    assert sorted(filter(None, said)) == sorted(
        [
            f"HOME={entry.pw_dir}",
            "LANGUAGE=",
            "LC_ALL=C",
            f"LOGNAME={USER}",
            f"PATH={PATH}",
            f"SHELL={entry.pw_shell}",
            f"USER={USER}",
        ]
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_reaches_nobody_else(session: Session, text: str) -> None:
    outcomes = session.run([Ask(FINE), Ask(as_user(USER, script(text))), Ask(FINE)])
    assert [outcomes[0].text, outcomes[2].text] == ["fine\n", "fine\n"]
    if (expected := HOSTILE[text]) is not None and text not in (
        "return 3",
        "read line; echo got $line",
    ):
        assert (outcomes[1].status, outcomes[1].stdout) == expected


def test_a_user_who_is_not_there(session: Session) -> None:
    outcome = ask(session, "echo never", "nobody-there")
    assert (outcome.status, outcome.text) == (NO_USER, "")
    assert outcome.complaint == "cook_as: there is no user nobody-there"


def test_contents_are_read_by_that_user_however_long(session: Session) -> None:
    short, long = b"a'b\n\n\xff", b"it's\n" * INLINE_CONTENT
    contents: dict[str, bytes] = {Content.of(data): data for data in (short, long)}
    text = 'content {} | wc -c; id -un; echo "$cook_stage"'
    parts = [Do(sh(text, Content(d)), 9, user=USER) for d in contents]
    said = [outcome.text.split() for outcome in session.run(parts, contents)]
    assert [words[:2] for words in said] == [[str(len(short)), USER], [str(len(long)), USER]]
    staged = {folder for words in said for folder in words[2:]}
    [there] = session.run([Ask(sh("ls -d -- {}", sorted(staged)))])
    assert staged == set(there.text.split())
    session.close()
    assert all(folder.endswith(f"-{USER}") for folder in staged)
    for folder in staged:  # others have folders of their own there
        assert not os.path.exists(folder)  # noqa: PTH110 - a path of a host


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file over")
def test_no_script_holds_a_long_content(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows a script as raw bytes, once, whoever reads it, and leaves with the session."""
    long = b"it's\0" * INLINE_CONTENT
    scripts: list[int] = []
    payloads: list[int] = []
    exchange = session.connection.transport.exchange

    def record(program: Program, pace: Pace) -> Reply:
        scripts.append(len(program.script))
        payloads.append(sum(map(len, program.payload)))
        return exchange(program, pace)

    monkeypatch.setattr(session.connection.transport, "exchange", record)
    digest = Content.of(long)
    read = sh("content {} | sha256sum; id -un", digest)
    parts = [Do(read, 9, user=USER), Do(read, 9), Do(read, 9, user="daemon")]
    said = [outcome.text.split() for outcome in session.run(parts, {digest: long})]
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert said == [[digest, "-", user] for user in (USER, me, "daemon")]
    assert max(scripts) < 20_000
    assert sum(payloads) == len(long)
    [left] = session.run([Ask(sh('stat -c "%U %a" "$cook_stage"*/*'))])
    assert sorted(left.text.splitlines()) == ["daemon 644", f"{USER} 644", f"{me} 600"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a file over")
def test_a_content_for_another_user_alone_is_on_the_host_once(session: Session) -> None:
    long = b"it's\0" * INLINE_CONTENT
    digest = Content.of(long)
    session.run([Do(sh("content {} >/dev/null", digest), 9, user=USER)], {digest: long})
    [left] = session.run([Ask(sh('stat -c %U "$cook_stage"*/*'))])
    assert left.text.split() == [USER]


def test_a_binary_content_is_whole(session: Session) -> None:
    data = bytes(range(256))
    digest = Content.of(data)
    part = Do(sh("content {} | od -An -v -tx1 | tr -d ' \\n'", digest), 9, user=USER)
    [outcome] = session.run([part], {digest: data})
    assert bytes.fromhex(outcome.text) == data


def test_the_nonce_of_the_frames_is_not_told() -> None:
    """Whoever knows it could write frames of his own, if he had our streams."""
    told = as_user(USER, sh("set"))
    program = Program((Ask(told), Do(sh("set"), 9, user=USER), Do(sh("set"), 9, True, USER)))
    lines = program.script.decode().splitlines()
    assert [line.partition(";")[0] for line in lines if program.nonce in line] == [
        f"cook_nonce={program.nonce}"
    ]
    with contextlib.closing(LocalTransport()) as transport:
        said = run(transport, program)
    assert [outcome.status for outcome in said] == [0, 0, 0]
    assert all(b"cook_nonce" in o.stdout and program.nonce not in o.text for o in said)


def test_a_program_without_users_does_not_pay_for_them() -> None:
    assert b"cook_as()" not in Program((Ask(FINE), Do(FINE, 9))).script


def test_users_do_not_share_a_question() -> None:
    def about(user: str | None) -> Probe:
        return Probe(sh("id -un"), user=user)

    asked = [question.command.text for question in gather(map(about, [None, "a", "b", "a", None]))]
    assert asked == ["id -un", "cook_as a 'id -un'", "cook_as b 'id -un'"]


@pytest.mark.parametrize("name", ["", "-x", "a b", "~", "a/b", "$(id)", "a\n", "0"])
def test_what_cannot_be_a_user_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="cannot be the name of a user"):
        file("/x", become_user=name)


def test_two_ways_to_say_who_runs_it_are_one_too_many() -> None:
    with pytest.raises(RecipeError, match="two ways"):
        execute("x", user="a", become_user="b")


def test_an_error_says_who_ran_it() -> None:
    assert as_user("app", Command("secret", "***")).brief == "*** (as app)"


@pytest.mark.parametrize(
    ("text", "brief"),
    [
        ("execute('make', user='app')", "make (as app)"),
        ("execute('x', command=['a', 'b c'], user='app', input='y')", "a 'b c' (as app)"),
        ("execute('make', login=True)", "make (as root)"),
        ("execute('make', user='app', sensitive=True)", "*** (as app)"),
        ("execute('make')", "make"),
    ],
)
def test_an_error_names_the_command_of_the_recipe(text: str, brief: str) -> None:
    [declared] = declare(text)
    provider = catalog().choose(declared.resource, DEBIAN)
    [command] = provider.commands("x", provider.plan(declared.resource, None))
    assert command.brief == brief
