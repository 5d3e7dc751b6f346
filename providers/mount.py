"""Mounted file systems, by mount(8), the kernel's table of mounts and fstab(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers.fstab import (
    FSTAB,
    RELOAD,
    ask_point,
    escaped,
    format_line,
    last_line,
    unescaped,
)
from cookbook.providers.line_lists import ListItem, edit_line, keep_line, with_line
from cookbook.providers.mount_options import complete, satisfied, settable
from cookbook.providers.stat import TARGET
from cookbook.resources.mount import Mount


@dataclass(frozen=True)
class State(ListItem):
    """A mount point: what is mounted there, and its line in fstab."""

    device: str | None = None
    """The mounted device; empty if none is."""
    fstype: str | None = None
    options: str | None = None
    fstab: str | None = None
    """Its line in /etc/fstab without the mount point; empty if there is none."""
    live: bool = hint(default=False)
    """True if the options are those that the kernel shows."""
    bind: bool = hint(default=False)
    point: str = hint(default="")


# Of several that are mounted at a point, the last one is seen. A folder that is mounted elsewhere
# (`bind`) has a root in the table that is not `/`: the mount of the same device around it says
# where it is. A device may have several names; so may such a folder.
_ASK: LiteralString = r"""
p={}; d={}; w={}; b={}; o={}
m=$(p=$p awk '{ n = 7; while ($n != "-") n++ }
$5 == ENVIRON["p"] { o = $6; m = split($(n + 3), s, ",")
for (i = 1; i <= m; i++) if (s[i] == "ro" && ("," o ",") ~ /,rw,/) sub(/rw/, "ro", o)
else if (s[i] != "rw" && s[i] != "ro") o = o "," s[i]
l = $(n + 1) " " o; s0 = $(n + 2); dev = $3; root = $4; next }
{ c++; cd[c] = $3; cr[c] = $4; cp[c] = $5 }
END { if (l == "") exit; k = "plain"
for (i = 1; root != "/" && i <= c; i++) { r = cr[i] == "/" ? "" : cr[i]
if (cd[i] == dev && index(root "/", r "/") == 1) { k = "bind"
s0 = (cp[i] == "/" ? "" : cp[i]) substr(root, length(r) + 1); break } }
print k, s0, l }' /proc/self/mountinfo) || exit
[ "$m" ] || exit 0
k=${m%% *}; m=${m#* }; s=${m%% *}; e=other
case $s in /dev/loop*) f=/sys/block/${s#/dev/}/loop/backing_file
[ ! -r "$f" ] || s=$(cat "$f") ;; esac
if [ "$s" = "$w" ]; then e=same
elif [ "$b" ]; then [ ! "$d" -ef "$o" ] || e=same
elif [ "$k" = plain ]; then
case $d in UUID=*|LABEL=*|PARTUUID=*|PARTLABEL=*) r=$(findfs "$d" 2>/dev/null) || r= ;;
/*) r=$(readlink -f -- "$d") || r= ;; *) r= ;; esac
[ ! "$r" ] || [ "$r" != "$(readlink -f -- "$s")" ] || e=same; fi
echo "$e $k $m"
"""

# What is mounted is not touched: a server that is gone would have stat(1) wait for ever.
_FOLDER: LiteralString = """\
while read -r _ _ _ _ m _; do [ "$m" != {} ] || exit 0; done </proc/self/mountinfo
[ -d {} ] || exit 4"""

_HELPED = ("nfs", "nfs4", "cifs", "smb3", "glusterfs", "ceph", "ntfs-3g", "davfs")
"""Types that need a program of their own: mount.TYPE."""


@provides(Mount)
class MountProvider(Provider[Mount, State]):
    """Device, type and options of what is mounted, and the line for the next boot."""

    again = frozenset({"remount"})

    def probe(self, mount: Mount) -> Sequence[Probe]:
        """Ask the kernel and fstab; then for mount point, device and program."""
        point, source = mount.identity, mount.source
        words = (escaped(point), source, escaped(source), "bind" if mount.bind else "", point)
        ask = replace(sh(_ASK.strip(), *words), called=f"look at the mount point {point}")
        folder = replace(sh(_FOLDER, escaped(point), point), called=f"look for the folder {point}")
        asked = [Probe(ask), ask_point(point), Probe(folder, absent=4, loose=True)]
        if source.startswith("/"):
            asked.append(TARGET.about(source, loose=True))
        if mount.fstype in _HELPED:
            tool = sh("PATH=$PATH:/sbin:/usr/sbin command -v {} || exit 4", f"mount.{mount.fstype}")
            asked.append(Probe(tool, absent=4, loose=True))
        return asked

    def parse(self, mount: Mount, live: str, line: str, *_: str | None) -> State:
        """Return what is mounted, under the name of the recipe if it is that, and the line."""
        found = last_line(line)
        raw, fstab = (found.raw, found.entry) if found is not None else (None, "")
        same, kind, device, fstype, options = live.split(" ", 4) if live else ("",) * 5
        name = mount.source if same == "same" else unescaped(device)
        return State(
            FSTAB,
            raw,
            device=name,
            fstype=fstype,
            options=options.strip(),
            fstab=fstab,
            live=True,
            bind=mount.bind or kind == "bind",
            point=mount.identity,
        )

    def plan(self, mount: Mount, found: State | None) -> Change[State]:
        """Compare what the actions want."""
        now = found or State(FSTAB, device="", fstype="", options="", fstab="")
        wanted = State(FSTAB, bind=mount.bind, point=mount.identity)
        act = None
        for action in mount.doing:
            if action == "mount":
                wanted = _mounted(mount, now, wanted)
            elif action in ("umount", "unmount"):
                wanted = replace(wanted, device="", fstype="", options="")
            elif action == "remount":
                act = "remount" if now.device else None
            elif action == "enable":
                wanted = replace(wanted, fstab=_entry(mount))
            elif action == "disable":
                wanted = replace(wanted, fstab="")
        kept = replace(
            wanted,
            device=now.device if wanted.device is None else wanted.device,
            fstab=now.fstab if wanted.fstab is None else wanted.fstab,
        )
        return Change(found, kept, act, _note(now, wanted))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Mount before fstab is written, so that what cannot be mounted is not there at boot."""
        found, wanted = change.found or State(), change.wanted or State(device="", fstab="")
        yield from _live(name, found, wanted, change)
        if change.act == "remount":
            yield sh("mount -o remount -- {}", name)
        entry, before = wanted.fstab, found.fstab or ""
        if entry is not None and entry != before:
            line = wanted.raw if wanted.raw is not None else format_line(escaped(name), entry)
            yield edit_line(found, replace(wanted, path=FSTAB), line if entry else None)
            yield RELOAD

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask for what an undo restores besides the line."""
        side = change.found or change.wanted
        return keep_line(replace(side, path=FSTAB)) if side is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add it to the change."""
        return with_line(change, kept)

    def missing(self, mount: Mount, *answers: str | None) -> Iterator[Thing]:
        """Yield mount point, device and program, unless the action only removes."""
        if "mount" not in mount.doing:
            return
        rest = list(answers[2:])
        if rest.pop(0) is None:
            yield Thing("path", mount.identity)
        if mount.source.startswith("/") and rest.pop(0) is None:
            yield Thing("path", mount.source)
        if mount.fstype in _HELPED and rest.pop(0) is None:
            yield Thing("tool", f"mount.{mount.fstype}")

    def about(self, mount: Mount) -> Iterable[Thing]:
        """Yield the mount point, and fstab."""
        return [Thing("mount", mount.identity), Thing("path", FSTAB)]

    def alters(self, mount: Mount, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the mount point, and all that is seen below it."""
        live = change is None or {"device", "options"} & change.fields.keys()
        below = [Thing("tree", mount.identity)] if live else []
        return [Thing("mount", mount.identity), *below]

    def removes(self, mount: Mount, change: Change[State] | None) -> Iterable[Thing]:
        """Nothing: the folder stays."""
        return []

    def there(self, state: State | None) -> bool:
        """Return whether something is mounted, or will be."""
        return state is not None and bool(state.device or state.fstab)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to what was mounted, and to the former line."""
        before, done = change.found, change.found or change.wanted
        now = now or State(FSTAB, device="", fstype="", options="", fstab="", point=name)
        if done is not None:
            now = replace(now, digest=done.digest, modified=done.modified)
        if before is None:
            before = State(FSTAB, device="", fstype="", options="", fstab="", point=name)
        return super().back(name, replace(change, found=before), now)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: programs, accounts or homes may vanish, or become read-only."""
        live = {"device", "options"} & change.fields.keys()
        first = name.split("/")[1]
        return "may" if live and first in ("", "etc", "home", "root", "usr", "var", "run") else "no"


def _mounted(mount: Mount, now: State, wanted: State) -> State:
    """Return what `mount` wants; options that satisfy stay as they are."""
    fstype = now.fstype or ""
    same = now.device == mount.source
    helped = fstype.startswith(("fuse", "nfs")) and mount.fstype in (fstype, *_HELPED)
    typed = fstype if mount.fstype in ("auto", "none") or mount.bind or helped else mount.fstype
    if same and now.options and satisfied(mount.wishes, now.options, fstype, bind=mount.bind):
        return replace(wanted, device=now.device, fstype=typed, options=now.options)
    fresh = mount.fstype if not same else typed
    return replace(wanted, device=mount.source, fstype=fresh, options=",".join(mount.wishes))


def _entry(mount: Mount) -> str:
    options = ",".join(mount.wishes) or "defaults"
    kind = "none" if mount.bind and mount.fstype == "auto" else mount.fstype
    device = mount.source.startswith(("/", "UUID=", "LABEL=")) and not mount.bind
    check = mount.passno if mount.passno is not None else (2 if device else 0)
    return f"{escaped(mount.source)} {kind} {options} {mount.dump} {check}"


def _note(now: State, wanted: State) -> str | None:
    if wanted.device and now.device and now.device != wanted.device:
        return f"unmounts {now.device} first"
    return None


def _live(name: str, found: State, wanted: State, change: Change[State]) -> Iterator[Command]:
    """Yield the commands for what is mounted now."""
    fields = change.fields.keys() & {"device", "fstype", "options"}
    if not fields or wanted.device is None:
        return
    text = wanted.options or ""
    options = [one for one in (settable(text) if wanted.live else text).split(",") if one]
    if found.device and {"device", "fstype"} & fields:
        yield sh("umount -- {}", name)
    elif found.device:
        bind = "bind," if wanted.bind else ""
        words = complete([one for one in options if one not in ("bind", "rbind")])
        yield sh("mount -o {} -- {} {}", f"remount,{bind}{words}", wanted.device, name)
        return
    if wanted.device:
        if wanted.live and wanted.bind:
            options = ["bind", *options]
        typed = wanted.fstype not in (None, "", "auto", "none") and not wanted.bind
        kind = sh("-t {}", wanted.fstype) if typed else sh("")
        words = ",".join(options) or "defaults"
        yield sh("mount {} -o {} -- {} {}", kind, words, wanted.device, name)
