"""Users, by useradd(8), usermod(8), userdel(8) and chpasswd(8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Risk,
    Table,
    Thing,
    hint,
    join,
    keep_output,
    options,
    provides,
    secret,
    sh,
)
from cookbook.providers import home, logins
from cookbook.providers.getent import GROUP, PASSWD, people
from cookbook.providers.home import HOMES, Place, make_home
from cookbook.providers.mounts import remove_tree
from cookbook.providers.stat import TARGET
from cookbook.resources.user import User

NO_PASSWORD = Content.of(b"")
"""The hash of an account that never had one: useradd(8) makes them so, and locked."""

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class State:
    """
    A user as passwd(5), shadow(5) and group(5) have it.

    A state goes into plans and histories, so the hash of the password is not in
    it, only its digest; `contents` has the hash.
    """

    uid: int | None = None
    group: str | None = None
    """The primary group: its name, or the number where that is asked for or all there is."""
    comment: str | None = None
    home: str | None = None
    shell: str | None = None
    groups: tuple[str, ...] | None = None
    password: Content | None = secret()
    locked: bool | None = None
    expire_date: str | None = None
    inactive: int | None = None
    min_days: int | None = None
    max_days: int | None = None
    warn_days: int | None = None
    ssh_key: str | None = None
    """The type of the key pair in the home; empty if there is none of the type."""
    home_made: bool | None = None
    """
    True if a managed home exists: useradd(8) and usermod(8) change the account first, and may fail
    at the home.
    """
    gid: int | None = hint()
    """The number of the primary group, as found: it goes with the user, and comes back."""
    system: bool = hint(default=False)
    manage_home: bool = hint(default=False)
    non_unique: bool = hint(default=False)
    force: bool = hint(default=False)
    names: tuple[tuple[str, str], ...] = hint(default=())
    """Groups that are declared by number, and their names."""
    place: Place | None = hint()
    clear: bool = hint(default=False)
    """True if `password` names the password in the clear, not its hash."""
    key_bits: int | None = hint()
    key_pair: Content | None = hint()
    """The archive of a key pair that was removed."""
    ssh_folder: bool = hint(default=False)
    """True if the folder of the key pair exists."""
    no_shell: bool = hint(default=False)
    """True if the declared shell does not exist."""


_HASH: LiteralString = "printf %s \"$(getent shadow {} | cut -d: -f2 | sed 's/^!*//')\""

_PROCESSES: LiteralString = (
    "find /proc -mindepth 1 -maxdepth 1 -name '[1-9]*' -user {} 2>/dev/null | sed 's,.*/,,;q'"
)

# Four lines for each user there is: of passwd(5), of shadow(5), the name of the
# primary group, the groups it is named in. Only root can read shadow.
_LINES = """\
BEGIN { FS = ":"; n = ARGC; ARGC = 1 }
$0 == "-" { part++; next }
part == 0 { passwd[$1] = $0; primary[$1] = $4; next }
part == 1 { shadow[$1] = $0; next }
{ name[$3] = $1; k = split($4, m, ",")
  for (i = 1; i <= k; i++) in_[m[i]] = in_[m[i]] "," $1 }
END { for (i = 1; i < n; i++) if ((u = ARGV[i]) in passwd)
  printf "%s\\n%s\\n%s\\n%s\\n", passwd[u], shadow[u], name[primary[u]], in_[u] }"""


def _ask(names: Sequence[str]) -> Command:
    # Status 2 says that some key is not there (getent(1)); any other is an error.
    text = sh(
        "p=$(getent passwd {} || [ $? = 2 ]) && s=$(getent shadow {} || [ $? = 2 ])"
        ' && g=$(getent group) && printf "%s\\n" "$p" - "$s" - "$g" | awk {} {}',
        list(names),
        list(names),
        _LINES,
        list(names),
    )
    return replace(text, called=f"look up the users {' '.join(names)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")[:-1]  # a comment may have what Unicode calls the end of a line
    blocks = ["".join(f"{line}\n" for line in lines[at : at + 4]) for at in range(0, len(lines), 4)]
    found = {block.partition(":")[0]: block for block in blocks}
    return ((key, found[key]) for key in keys if key in found)


ACCOUNT = Table(_ask, _split)
"""All there is to know about users; four processes, however many they are."""


@provides(User)
class UseraddProvider(Provider[User, State]):
    """Asks the name service, changes the local files."""

    def probe(self, user: User) -> Sequence[Probe]:
        """Ask for the account, its managed home, the groups and the number."""
        asked = [ACCOUNT.about(user.identity)]
        if user.manage_home:
            removed = "remove" in user.doing
            place = HOMES.about(home.key(user.identity, user.home or "", removed=removed))
            # A home that is left without its account is still to be removed.
            inside = home.inside_of(user.identity, user.home)
            asked = [place, *asked, inside] if removed else [*asked, place]
        if _compares(user):
            asked.append(logins.ask_same(user.identity, user.clear or ""))
        if _has_key(user):
            asked += [logins.ask_key(user.identity, user.ssh_key_type), logins.KEYGEN]
        return [*asked, *(table.about(name, loose=True) for table, name in _needed(user))]

    def parse(self, user: User, *answers: str | None) -> State:
        """Read the four lines of `ACCOUNT`, and one of `HOMES`."""
        removed = user.manage_home and "remove" in user.doing
        count = _answers_of_home(user)
        account, place, *_ = *answers[:count], None
        if removed:
            account, place = place, account
        there = Place.parse(place) if place is not None else None
        if removed and there is not None:
            there = replace(there, inside=answers[2] or "")
        if account is None:
            return State(
                home=there.path if there else None, home_made=True, manage_home=True, place=there
            )
        passwd, shadow, group, groups = account.split("\n")[:4]
        _name, _x, uid, gid, comment, path, shell = passwd.split(":")
        same = _compares(user) and answers[count] == "same\n"
        key = (_answer_of_key(user, answers) or "").split()
        hashed, *days = _secrets(shadow)
        locked, expire_date, inactive, least, most, warn = days
        moves = user.home is not None and user.home != (path.rstrip("/") or path)
        return State(
            int(uid),
            gid if str(user.gid) == gid or not group else group,
            comment,
            path.rstrip("/") or path,
            shell,
            tuple(sorted(filter(None, groups.split(",")))),
            Content.of(_clear(user)) if same else hashed,
            locked,
            expire_date,
            inactive,
            least,
            most,
            warn,
            ssh_key=None if not _has_key(user) else user.ssh_key_type if "key" in key else "",
            home_made=None if there is None else there.own or (moves and there.wanted),
            gid=int(gid),
            manage_home=user.manage_home,
            force=user.force,
            names=_names(user, answers),
            place=there,
            clear=same,
            ssh_folder="folder" in key,
            no_shell=any(t is TARGET and line is None for t, _, line in _looked_up(user, answers)),
        )

    def plan(self, user: User, found: State | None) -> Change[State]:
        """Plan the declared properties; undeclared ones stay as they are."""
        doing = set(user.doing)
        if "remove" in doing:
            if found is None or not user.manage_home:
                return Change(found, None)
            home.check_removal(user.identity, found.uid, found.place)
            return Change(found, None, note=f"removes {found.home}, too")
        if found is None and "create" not in doing:
            if "modify" in doing:
                raise HostError(f"there is no user {user.identity} to modify")
            return Change(None, None)
        locked = "lock" in doing if doing & {"lock", "unlock"} else None
        if not doing & {"create", "modify", "manage"}:
            wanted = State(locked=locked)
        else:
            wanted = _wanted(user, found, locked)
            if found is not None:
                home.check_move(user.identity, found.home, user.home, found.place)
        password = wanted.password or (found.password if found is not None else NO_PASSWORD)
        if wanted.locked is False and password == NO_PASSWORD:
            raise HostError(
                f"{user.identity} has no password that could be unlocked",
                hint="declare one: unlocked and without a password, the account is open to all",
            )
        change = Change(found, wanted, warning=_warning(user, found))
        return replace(change, note=_note(change)) if change.kind == "update" else change

    def besides(self, user: User) -> Sequence[Probe]:
        """Ask for the processes of a user that is to be removed."""
        if "remove" not in user.doing or user.force:
            return []
        return [Probe(sh(_PROCESSES, user.identity), loose=True)]

    def warning(self, user: User, said: str) -> str | None:
        """Name a process that userdel(8) would refuse to leave without its user."""
        if not (number := said.strip()):
            return None
        return (
            f"process {number} of {user.identity} runs: userdel removes no user who is in use"
            f" (`loginctl terminate-user {user.identity}` ends all of them)"
        )

    def contents(self, user: User) -> Mapping[str, bytes]:
        """Return the password hash, which a state names by its digest."""
        if user.password is None:
            return {}
        if user.clear:
            return {Content.of(_clear(user)): _clear(user)}
        data = str.__str__(user.password).lstrip("!").encode()
        return {Content.of(data): data}

    def missing(self, user: User, *answers: str | None) -> Iterable[Thing]:
        """
        Yield groups and a shell that do not exist, the folder for a home that is moved, and tools.

        Raises HostError for a number that another user has.
        """
        if "remove" in user.doing:
            return
        shell = (answers[0] or "").partition("\n")[0].rpartition(":")[2]
        for table, name, line in _looked_up(user, answers):
            if table is GROUP and line is None:
                yield Thing("group", name)
            elif table is TARGET and line is None and shell != name:
                yield Thing("path", name)
            elif table is PASSWD and line is not None:
                _check_number(user, line)
        yield from _missing_for_key(user, answers)
        place = Place.parse(answers[1]) if user.manage_home and answers[1] else None
        if place is not None and place.own and not place.parent:
            yield Thing("path", place.path.rpartition("/")[0])

    def about(self, user: User) -> Iterable[Thing]:
        """Yield the user, its number, and the path of a managed home."""
        yield Thing("user", user.identity)
        if user.uid is not None and not user.non_unique:
            yield Thing("uid", str(user.uid))
        if user.manage_home and user.home is not None:
            yield Thing("path", user.home)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the commands for the account first, then for the login."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            manage = found is not None and found.manage_home
            if found is not None and found.uid is None and found.home is not None:
                yield remove_tree(found.home)
                return
            force = found is not None and found.force
            userdel = sh("userdel {} {}", options(remove=manage, force=force), name)
            yield home.unmounted(name, userdel) if manage else userdel
            return
        if found is None:
            if wanted.gid is not None and wanted.group is not None:
                group = sh("getent group {} >/dev/null", wanted.group)
                yield sh("{} || groupadd --gid {} {}", group, wanted.gid, wanted.group)
            yield _create(name, wanted)
        elif words := _modify(change):
            yield _moving(name, change, sh("usermod {} {}", words, name))
        if found is not None and "home_made" in change.fields:
            yield make_home(name, wanted.home or found.home or f"/home/{name}")
        yield from _login(name, change)
        yield from _key_pair(name, change)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a change of the groups, the shell or the password of the login user."""
        if name not in way.users or change.kind == "create":
            return "no"
        if change.wanted is None:
            return "will"
        return "may" if change.fields.keys() - {"comment"} else "no"

    def alters(self, user: User, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the user, and the groups that it joins or leaves."""
        yield Thing("user", user.identity)
        differs = change.fields if change is not None else {}
        for uid in differs.get("uid", ()):
            yield Thing("uid", str(uid))
        if (group := differs.get("group", (None,))[0]) is not None:
            yield Thing("primary group", group)
        pair = change.fields.get("groups", ((), ())) if change is not None else ((), user.groups)
        yield from (Thing("group", name) for name in {*(pair[0] or ())} ^ {*(pair[1] or ())})

    def removes(self, user: User, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the user; userdel(8) may remove the group of that name, and the home."""
        if "remove" not in user.doing:
            return
        yield from (Thing("user", user.identity), Thing("group", user.identity))
        found = change.found if change is not None else None
        if user.manage_home and (home := found.home if found is not None else user.home):
            yield Thing("tree", home)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the hash of the password; for a new user, whether the home existed."""
        if change.found is None and change.wanted is not None and change.wanted.manage_home:
            home = change.wanted.home or f"/home/{name}"
            return sh("if [ -e {} ]; then echo there; fi", home)
        kept = []
        if change.found is not None and (change.wanted is None or "password" in change.fields):
            kept.append(sh("echo password $({})", keep_output(sh(_HASH, name))))
        if change.found is not None and (key := _removed_key(change)):
            kept.append(sh("echo key $({})", logins.keep_key(name, key)))
        return join(kept, "; ") if kept else None

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Note a home that existed before: it is not removed with the user."""
        if change.wanted is not None and kept == "there\n":
            return replace(change, wanted=replace(change.wanted, manage_home=False))
        digests = dict(line.split(" ", 1) for line in kept.splitlines() if " " in line)
        found = change.found
        if found is None:
            return change
        if (found.password is None or found.clear) and "password" in digests:
            # A plan without a key does not contain the digest; what is kept is the hash.
            found = replace(found, password=Content(digests["password"].strip()), clear=False)
        if "key" in digests:
            found = replace(found, key_pair=Content(digests["key"].strip()))
        return replace(change, found=found)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe a home that is removed."""
        found = change.found
        if change.wanted is None and found is not None and found.manage_home:
            return f"what is in {found.home}"
        return super().lost(name, change)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """One that was made is removed, with the home that was made with it."""
        if change.found is None and now is not None and change.wanted is not None:
            return Change(replace(now, manage_home=change.wanted.manage_home), None)
        if change.found is not None and change.found.uid is None:
            return Change(now, now)
        back = super().back(name, change, now)
        if back.wanted is None or now is None:
            return back
        key = back.wanted.ssh_key if now.ssh_key is not None else None
        return replace(back, wanted=replace(back.wanted, home_made=now.home_made, ssh_key=key))

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask for the content of the homes that would be removed."""
        return home.listing(
            (name, change.found.home, change.found.ssh_key or "")
            for name, change in changes
            if change.wanted is None and change.found is not None and change.found.manage_home
        )

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason that others have files in the home that would be removed."""
        return home.objection(name, said, going)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the user and, as useradd(8) does, a group of that name."""
        if change.wanted is None:
            return
        yield Thing("user", name)
        if change.wanted.uid is not None:
            yield Thing("user", str(change.wanted.uid))
        if change.found is None and change.wanted.group is None:
            yield Thing("group", name)
        if change.found is None and change.wanted.manage_home:
            yield Thing("path", change.wanted.home or f"/home/{name}")

    def everything(self) -> Command:
        """Ask for the accounts of people."""
        return sh("getent passwd")

    def unmanaged(self, text: str, declared: Sequence[User]) -> Iterable[tuple[str, Thing]]:
        """Yield those with a number from 1000 on that are not declared."""
        known = {user.identity for user in declared}
        return [(name, Thing("user", name)) for name in people(text) if name not in known]


def _needed(user: User) -> list[tuple[Table, str]]:
    """
    Return what has to be looked up: groups, and the user who has the number.

    By name; a group that brings itself is known to a plan by its name only.
    """
    primary = [user.gid] if isinstance(user.gid, str) and not user.gid.isdigit() else []
    needed = [(GROUP, name) for name in (*primary, *(user.groups or ()))]
    shell = [(TARGET, user.shell)] if user.shell and _alters_account(user) else []
    alone = user.uid is not None and not user.non_unique and "remove" not in user.doing
    return [*needed, *([(PASSWD, str(user.uid))] if alone else []), *shell]


def _looked_up(
    user: User, answers: Sequence[str | None]
) -> Iterator[tuple[Table, str, str | None]]:
    """Yield what had to be looked up, with the answers."""
    needed = _needed(user)
    lines = answers[len(answers) - len(needed) :] if needed else ()
    return ((table, name, line) for (table, name), line in zip(needed, lines, strict=True))


def _answers_of_home(user: User) -> int:
    """Return the number of the answers about the account and its home."""
    removed = "remove" in user.doing
    return (3 if removed else 2) if user.manage_home else 1


def _compares(user: User) -> bool:
    """Return whether the host has to compare a password with its hash."""
    return user.clear is not None and _alters_account(user)


def _clear(user: User) -> bytes:
    return str.__str__(user.clear or "").encode()


def _has_key(user: User) -> bool:
    return user.generate_ssh_key and _alters_account(user)


def _alters_account(user: User) -> bool:
    return bool({"create", "modify", "manage"} & {*user.doing})


def _answer_of_key(user: User, answers: Sequence[str | None]) -> str | None:
    return answers[_answers_of_home(user) + _compares(user)] if _has_key(user) else None


def _missing_for_key(user: User, answers: Sequence[str | None]) -> Iterator[Thing]:
    """Yield ssh-keygen(1), and a home that is not made with the account."""
    if not _has_key(user):
        return
    if answers[_answers_of_home(user) + _compares(user) + 1] is None:
        yield Thing("tool", "ssh-keygen")
    there = (_answer_of_key(user, answers) or "").split()
    if answers[0] is not None and "home" not in there and not user.manage_home:
        yield Thing("path", answers[0].split("\n")[0].split(":")[5])


def _names(user: User, answers: Sequence[str | None]) -> tuple[tuple[str, str], ...]:
    """Return the names of groups that are declared by number: usermod(8) takes both."""
    looked = _looked_up(user, answers)
    lines = [(name, line) for table, name, line in looked if table is GROUP and line is not None]
    return tuple((name, line.partition(":")[0]) for name, line in lines if name.isdigit())


def _check_number(user: User, line: str) -> None:
    """Raise HostError where another user has the number."""
    owner = line.partition(":")[0]
    if owner != user.identity:
        raise HostError(
            f"{user.identity} cannot have uid {user.uid}: {owner} has it",
            hint="choose another uid, or declare non_unique=True for two accounts of one number",
        )


def _secrets(shadow: str) -> tuple[Any, ...]:
    """Digest of the hash, whether it is locked, when the account expires, days of its ages."""
    if not shadow:
        return (None,) * 7
    _name, field, _last, least, most, warn, inactive, expire, *_ = shadow.split(":")
    hashed = field.lstrip("!")
    date = (_EPOCH + dt.timedelta(int(expire))).isoformat() if expire else ""
    digest = Content.of(hashed.encode("utf-8", "surrogateescape"))
    days = (int(text) if text else -1 for text in (inactive, least, most, warn))
    return digest, field != hashed, date, *days


def _wanted(user: User, found: State | None, locked: bool | None) -> State:  # noqa: FBT001 - three-valued
    password = None
    if user.password is not None:
        field = str.__str__(user.password)
        password = Content.of(_clear(user) if user.clear else field.lstrip("!").encode())
        if locked is None and field.startswith("!") and not user.clear:
            locked = True
        elif locked is None and (found is None or found.password == NO_PASSWORD):
            locked = False  # only the lack of a password locked it; an explicit lock stays
    return State(
        user.uid,
        None if user.gid is None else str(user.gid),
        user.comment,
        user.home,
        user.shell,
        _groups(user, found),
        password,
        locked,
        user.expire_date,
        user.inactive,
        user.min_days,
        user.max_days,
        user.warn_days,
        user.ssh_key_type if user.generate_ssh_key else None,
        system=user.system,
        manage_home=user.manage_home,
        non_unique=user.non_unique,
        force=user.force,
        home_made=True if user.manage_home else None,
        names=found.names if found is not None else (),
        clear=user.clear is not None,
        key_bits=user.ssh_key_bits,
    )


def _warning(user: User, found: State | None) -> str | None:
    """Return a warning of a shell that does not exist, where the account has it already."""
    if found is None or not found.no_shell or found.shell != user.shell:
        return None
    return f"the shell {user.shell} does not exist: {user.identity} cannot log in"


def _groups(user: User, found: State | None) -> tuple[str, ...] | None:
    if user.groups is None:
        return None
    kept = found.groups or () if found is not None and user.append_groups else ()
    names = dict(found.names) if found is not None else {}
    return tuple(sorted({*kept, *(names.get(group, group) for group in user.groups)}))


def _note(change: Change[State]) -> str | None:
    """Return a remark on effects that are easily overlooked."""
    notes = []
    differs = change.fields
    if "groups" in differs and (
        gone := set(differs["groups"][0] or ()) - set(differs["groups"][1])
    ):
        notes.append(f"leaves {', '.join(sorted(gone))}")
    if {"uid", "home"} & differs.keys():
        notes.append("usermod refuses while the user has a process")
    if "uid" in differs:
        notes.append("files outside of the home keep the old number")
    return "; ".join(notes) or None


def _create(name: str, wanted: State) -> Command:
    words = options(
        uid=wanted.uid,
        gid=wanted.group,
        comment=wanted.comment,
        home_dir=wanted.home,
        shell=wanted.shell,
        groups=",".join(wanted.groups) if wanted.groups else None,
        expiredate=wanted.expire_date,
        inactive=wanted.inactive,
        non_unique=wanted.non_unique,
        system=wanted.system,
        create_home=wanted.manage_home,
        no_create_home=not wanted.manage_home,
    )
    if wanted.group is not None:
        return sh("useradd {} {}", words, name)
    # A group of that name may be there already; useradd would refuse to make it.
    text = sh(
        'set --; if getent group {} >/dev/null; then set -- --gid {}; fi; useradd "$@" {} {}',
        name,
        name,
        words,
        name,
    )
    return replace(text, called=sh("useradd {} {}", words, name).shown)


def _moving(name: str, change: Change[State], usermod: Command) -> Command:
    """
    Return the command, or the same with the home of the account taken back where it stays.

    Status 12 says that usermod(8) has changed passwd(5), and could not move the home.
    """
    if change.found is None or not _moves(change):
        return usermod
    old = change.found.home
    text = sh(
        "{} || { s=$?; [ $s != 12 ] || [ ! -d {} ] || usermod --home {} {}; exit $s; }",
        usermod,
        old,
        old,
        name,
    )
    return replace(text, called=usermod.shown)


def _moves(change: Change[State]) -> bool:
    """Return whether a home is moved: where there is none, usermod(8) has nothing to move."""
    found, wanted = change.found, change.wanted
    there = found is None or found.place is None or found.place.own
    return "home" in change.fields and wanted is not None and wanted.manage_home and there


def _modify(change: Change[State]) -> Command:
    """Return the command with the options that differ."""
    wanted = change.wanted
    assert wanted is not None  # noqa: S101 - it is modified
    new = {name: pair[1] for name, pair in change.fields.items()}
    before, after = set((change.found or wanted).groups or ()), set(new.get("groups", ()))
    only_more = "groups" in new and before <= after
    groups = ",".join(sorted(after - before if only_more else after)) if "groups" in new else None
    return options(
        uid=new.get("uid"),
        non_unique="uid" in new and wanted.non_unique,
        gid=new.get("group"),
        comment=new.get("comment"),
        home=new.get("home"),
        move_home=_moves(change),
        shell=new.get("shell"),
        append=only_more,
        groups=groups,
        expiredate=new.get("expire_date"),
        inactive=new.get("inactive"),
    )


def _login(name: str, change: Change[State]) -> Iterator[Command]:
    """Password and lock. A new password would open a lock, so it brings its own."""
    found, new = change.found, change.fields
    locked = new["locked"][1] if "locked" in new else found is not None and found.locked
    if "password" in new:
        digest = new["password"][1]
        clear = change.wanted is not None and change.wanted.clear
        digest = digest if digest != NO_PASSWORD else None
        yield logins.set_password(name, digest, clear=clear, locked=bool(locked))
    elif "locked" in new and found is not None:
        yield sh("usermod {} {}", options(lock=locked, unlock=not locked), name)
    ages = ("min_days", "max_days", "warn_days")
    yield from logins.set_ages(name, {field: new[field][1] for field in ages if field in new})


def _removed_key(change: Change[State]) -> str | None:
    """Return the type of the key pair that a change removes: only an undo does."""
    before, after = change.fields.get("ssh_key", (None, None))
    return before if change.wanted is not None and after == "" else None


def _key_pair(name: str, change: Change[State]) -> Iterator[Command]:
    """Make the key pair, or remove the one that an earlier run has made."""
    before, after = change.fields.get("ssh_key", (None, None))
    wanted = change.wanted
    if after and wanted is not None:
        if wanted.key_pair is not None:
            yield logins.restore_key(name, after, wanted.key_pair)
        else:
            yield logins.generate(name, after, wanted.key_bits)
    elif before and wanted is not None:
        yield logins.remove_key(name, before, folder=not wanted.ssh_folder)
