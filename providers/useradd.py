"""Users, by useradd(8), usermod(8), userdel(8) and chpasswd(8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Risk,
    Thing,
    join,
    keep_output,
    options,
    provides,
    sh,
)
from cookbook.providers import account_changes, home, logins
from cookbook.providers.account_answers import (
    answer_of_key,
    answers_of_home,
    check_number,
    clear_password,
    compares,
    has_key,
    looked_up,
    missing_for_key,
    names_of_groups,
    needed_by,
    shadow_fields,
    wanted_state,
    warning_of,
)
from cookbook.providers.accounts import ACCOUNT, NO_PASSWORD, State
from cookbook.providers.getent import GROUP, PASSWD, people
from cookbook.providers.home import HOMES, Place, make_home
from cookbook.providers.mounts import remove_tree
from cookbook.providers.stat import TARGET
from cookbook.providers.user_processes import BUSY, PROCESSES, in_use, process_in
from cookbook.resources.user import User

_HASH: LiteralString = (
    "s=$(getent shadow {}) && printf %s \"$(printf '%s\\n' \"$s\" | cut -d: -f2 | sed 's/^!*//')\""
)

# userdel(8) leaves the crontab: the next user of that name would have these jobs.
_CRONTAB: LiteralString = (
    "for f in /var/spool/cron/crontabs/{} /var/spool/cron/{}; do"
    ' [ ! -f "$f" ] || { echo "$f"; break; }; done'
)

_BUSY = "process of "
"""The beginning of the name of a record of `preflight`; no user has a blank in its name."""

_BUSY_RECORD: LiteralString = """p=$({}); [ -z "$p" ] || printf '%s\\0%s\\0\\0' {} "$p\""""


_REMOVED = "userdel removes no user who is in use"
_CHANGED = "usermod changes neither number nor home of a user who is in use"


def _going(change: Change[State]) -> State | None:
    """Return the state of an account that is to be removed; None if there is none."""
    return change.found if change.wanted is None else None


def _is_refused(user: User, account: str | None) -> bool:
    """Return whether another number or home is declared than the account has."""
    if account is None:
        return False
    _name, _x, uid, _gid, _comment, home, *_ = account.partition("\n")[0].split(":")
    moves = user.home is not None and user.home != (home.rstrip("/") or home)
    return moves or user.uid not in (None, int(uid))


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
        if compares(user):
            asked.append(logins.ask_same(user.identity, user.clear or ""))
        if has_key(user):
            asked += [logins.ask_key(user.identity, user.ssh_key_type), logins.KEYGEN]
        return [*asked, *(table.about(name, loose=True) for table, name in needed_by(user))]

    def parse(self, user: User, *answers: str | None) -> State:
        """Read the four lines of `ACCOUNT`, and one of `HOMES`."""
        removed = user.manage_home and "remove" in user.doing
        count = answers_of_home(user)
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
        same = compares(user) and answers[count] == "same\n"
        key = (answer_of_key(user, answers) or "").split()
        hashed, *days = shadow_fields(shadow)
        locked, expire_date, inactive, least, most, warn = days
        moves = user.home is not None and user.home != (path.rstrip("/") or path)
        return State(
            int(uid),
            gid if str(user.gid) == gid or not group else group,
            comment,
            path.rstrip("/") or path,
            shell,
            tuple(sorted(filter(None, groups.split(",")))),
            Content.of(clear_password(user)) if same else hashed,
            locked,
            expire_date,
            inactive,
            least,
            most,
            warn,
            ssh_key=None if not has_key(user) else user.ssh_key_type if "key" in key else "",
            home_made=None if there is None else there.own or (moves and there.wanted),
            gid=int(gid),
            manage_home=user.manage_home,
            force=user.force,
            names=names_of_groups(user, answers),
            place=there,
            clear=same,
            ssh_folder="folder" in key,
            no_shell=any(t is TARGET and line is None for t, _, line in looked_up(user, answers)),
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
            wanted = wanted_state(user, found, locked)
            if found is not None:
                home.check_move(user.identity, found.home, user.home, found.place)
        password = wanted.password or (found.password if found is not None else NO_PASSWORD)
        if wanted.locked is False and password == NO_PASSWORD:
            raise HostError(
                f"{user.identity} has no password that could be unlocked",
                hint="declare one: unlocked and without a password, the account is open to all",
            )
        change = Change(found, wanted, warning=warning_of(user, found))
        return (
            replace(change, note=account_changes.note_of(change))
            if change.kind == "update"
            else change
        )

    def besides(self, user: User) -> Sequence[Probe]:
        """Ask for a process of a user that is to be removed, renumbered or moved; and a crontab."""
        name = user.identity
        if "remove" in user.doing:
            return [BUSY.about(name, loose=True), Probe(sh(_CRONTAB, name, name), loose=True)]
        changes = {"create", "modify", "manage"} & {*user.doing}
        if not changes or (user.uid is None and user.home is None):
            return []
        return [BUSY.about(name, loose=True), ACCOUNT.about(name)]

    def warning(self, user: User, process: str | None, other: str | None) -> str | None:
        """
        Name a process for which userdel(8) or usermod(8) would refuse, or a crontab that stays.

        `other` is the path of the crontab, or the account of a user that is not to be removed.
        """
        found = []
        number = process_in(process)
        if "remove" not in user.doing:
            told = number and _is_refused(user, other)
            return in_use(user.identity, number, _CHANGED) if told else None
        if number and not user.force:
            found.append(in_use(user.identity, number, _REMOVED))
        if path := (other or "").strip():
            found.append(f"the crontab of {user.identity} stays: {path} (`rm` it, if it is to go)")
        return "; ".join(found) or None

    def contents(self, user: User) -> Mapping[str, bytes]:
        """Return the password hash, which a state names by its digest."""
        if user.password is None:
            return {}
        if user.clear:
            return {Content.of(clear_password(user)): clear_password(user)}
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
        for table, name, line in looked_up(user, answers):
            if table is GROUP and line is None:
                yield Thing("group", name)
            elif table is TARGET and line is None and shell != name:
                yield Thing("path", name)
            elif table is PASSWD and line is not None:
                check_number(user, line)
        yield from missing_for_key(user, answers)
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
            yield account_changes.create(name, wanted)
        elif words := account_changes.modify(change):
            yield account_changes.moving(name, change, sh("usermod {} {}", words, name))
        if found is not None and "home_made" in change.fields:
            yield make_home(name, wanted.home or found.home or f"/home/{name}")
        yield from account_changes.login(name, change)
        yield from account_changes.key_pair(name, change)

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
        if change.found is not None and (key := account_changes.removed_key(change)):
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
        """Ask for the content of the homes, and for a process of each user, to be removed."""
        going = [(name, found) for name, change in changes if (found := _going(change))]
        if not going:
            return None
        homes = home.listing(
            (name, found.home, found.ssh_key or "") for name, found in going if found.manage_home
        )
        asked = [
            sh(_BUSY_RECORD, sh(PROCESSES, name), f"{_BUSY}{name}")
            for name, found in going
            if found.uid is not None and not found.force
        ]
        return join([*asked, *([homes] if homes else [])], "\n") if asked or homes else None

    def objection(self, name: str, said: str, going: Collection[Thing]) -> str | None:
        """Return the reason: a process of the user, or files of others in the home."""
        records = dict(one.split("\0", 1) for one in said.split("\0\0") if one.startswith(_BUSY))
        if number := records.get(f"{_BUSY}{name}", "").strip("\0\n"):
            return in_use(name, number, _REMOVED)
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
