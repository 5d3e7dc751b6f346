"""
Why a command on a host failed, in plain words: what the system said, its cause, the next step.

The words are those of strerror(3) and of the tools themselves; commands are run with LC_ALL=C,
so they are English. What is not known here is shown as it was said.
"""

from __future__ import annotations

import re
import signal
from typing import NamedTuple, TypedDict


class Diagnosis(NamedTuple):
    """A cause on the host, and the step that removes it."""

    what: str
    hint: str


EXHAUSTED = "no more processes can be started there"
"""The cause if a host has no room for a process: then no login is possible either."""

_KNOWN: tuple[tuple[str, Diagnosis], ...] = (
    # What fills a disk breaks much else, which is then said, too: so it comes first.
    (
        (
            r"(?i)no space left on device|\berrno=28\b|out of disk ?space|disk is out of space|"
            r"insufficient space on your system|(don't have|not) enough free space"
        ),
        Diagnosis(
            "a file system is full",
            "`df -h` and, where that shows room, `df -i` on the host say which: make room there",
        ),
    ),
    (
        r"cook_as: there is no user",
        Diagnosis("there is no such user there", "declare the user before this resource"),
    ),
    (
        r"cook_as: (it is not allowed to become|there is no sudo)",
        Diagnosis(
            "the login user may not become that user",
            "log in with `become`, which root may do; or have sudoers allow it without a password",
        ),
    ),
    (
        r"Disk quota exceeded",
        Diagnosis("the disk quota is used up", "`quota` on the host says whose: make room there"),
    ),
    (
        # systemd adds an "Input/output error" of its own to the socket that it cannot open.
        r"(?i)address (is )?already in use|port is already allocated",
        Diagnosis(
            "another program has that port or address",
            "`ss -ltnp` on the host names it: stop it, or take another port",
        ),
    ),
    (
        r"(?s)\A(?=.*\.service: Main process exited).*Read-only file system",
        Diagnosis(
            "the service may not write there: its unit protects /usr, /boot and /etc, or more",
            'let it by settings={"ReadWritePaths": "/the/folder"} of app_service, or'
            " hardening=False; or its file system is read-only: `findmnt -O ro`",
        ),
    ),
    (
        r"(?i)read-only file system",
        Diagnosis(
            "the file system is mounted read-only",
            "if that is not intended, look for errors of the disk: `findmnt -O ro`, `dmesg`",
        ),
    ),
    (
        r"dpkg was interrupted|you must manually run '?.*dpkg --configure -a",
        Diagnosis(
            "an earlier run of dpkg was cut off in the middle",
            '`dpkg --configure -a` there ends it; package("NAME", repair=True) does that first',
        ),
    ),
    (
        r"error processing (package|archive) ",
        Diagnosis(
            "dpkg could not install a package, or end what was begun with one before",
            "see what its script says; `dpkg --audit` on the host lists what is half done",
        ),
    ),
    (
        r"apt --fix-broken install|unmet dependencies|needs to be reinstalled, but",
        Diagnosis(
            "packages there do not fit each other, or are half installed",
            'package("NAME", repair=True) repairs what needs no removal; see `apt-get check` there',
        ),
    ),
    (
        r"Error: Lock .*held|waited \d+ s for a lock|Could not get lock",
        Diagnosis(
            "another program holds the lock of the package manager",
            "wait until it has ended, or give it longer: lock_timeout=600",
        ),
    ),
    (
        r"holding the xtables lock|xtables lock is held",
        Diagnosis(
            "another program holds the lock of the firewall",
            "wait until it has ended; what stays there for minutes hangs",
        ),
    ),
    (
        r"(rm|rmdir): .*Device or resource busy|a file system is mounted at",
        Diagnosis(
            "something is mounted there, or below it",
            "unmount it first (`findmnt` lists all): a deletion never crosses a mount",
        ),
    ),
    (
        r"(?i)too many levels of symbolic links|the links form a loop",
        Diagnosis(
            "symbolic links there point to each other in a loop",
            "`namei -l PATH` on the host shows them: remove one, or declare the path that is meant",
        ),
    ),
    (
        r"Device or resource busy|are on different file ?systems|Invalid cross-device link",
        Diagnosis(
            "something is mounted at that very path, so that nothing can take its place",
            "unmount it (`findmnt` lists all); a file can be written in place: atomic_update=False",
        ),
    ),
    (
        r"(?i)text file busy",
        Diagnosis(
            "a program that is running has that file open", "stop it first (`fuser -v FILE`)"
        ),
    ),
    (
        r"(?i)(cannot|can't|unable to) v?fork|v?fork(:| failed)",
        Diagnosis(
            EXHAUSTED,
            "a limit is reached: `ulimit -u`, or TasksMax in `systemctl status user.slice`",
        ),
    ),
    (
        r"(?i)cannot allocate memory|out of memory|memory exhausted|malloc.*fail",
        Diagnosis("memory has run out there", "`free -m` and `dmesg` on the host name the process"),
    ),
    (
        # The program that started it tells so, and ends with a status of its own.
        r"signal: killed|(?m:\] Killed$)|Killed signal terminated program",
        Diagnosis(
            "a program that it started was killed",
            "memory may have run out: `journalctl -k -g oom` on the host says so",
        ),
    ),
    (
        r"Input/output error|Structure needs cleaning",
        Diagnosis("the disk has errors", "`dmesg` on the host says of which; it may need fsck(8)"),
    ),
    (
        r"Stale file handle|Transport endpoint is not connected|Host is down",
        Diagnosis("a network file system has gone", "mount it anew; `findmnt` says from where"),
    ),
    (
        r"(?i)too many open files",
        Diagnosis("too many files are open there", "`ulimit -n` and `sysctl fs.file-nr` tell"),
    ),
    (
        r"cannot lock /etc/\w+; try again later|unable to lock .*file|existing lock file",
        Diagnosis(
            "the lists of users and groups cannot be locked: another program is at them, "
            "or /etc is full or read-only",
            "`ls -l /etc/*.lock` shows whose lock was left behind, `findmnt -T /etc` the rest",
        ),
    ),
    (
        r"is currently used by process",
        Diagnosis(
            "the user is logged in, or has a program running",
            "have it ended first (`pkill -KILL -u NAME`; stop what starts it), and run again",
        ),
    ),
    (
        r"(printf|echo|cat|write)(:| error).*I/O error",
        Diagnosis(
            "a file could not be written: its file system is full, or its disk has errors",
            "`df -h`, `df -i` and `dmesg` on the host say which",
        ),
    ),
    (
        r"account is (currently )?not available",
        Diagnosis(
            "the account there has no shell", "come as another user, or give it one: usermod -s"
        ),
    ),
    (
        r"Temporary failure (resolving|in name resolution)|Could not resolve|ENOTFOUND|EAI_AGAIN",
        Diagnosis(
            "the host cannot look up names", "look at /etc/resolv.conf there, and its network"
        ),
    ),
    (
        r"package versions have conflicting dependencies|ResolutionImpossible",
        Diagnosis(
            "requirements contradict each other, so no versions fit all of them",
            "change one of those that are named; a package of the recipe counts as well",
        ),
    ),
    (
        (
            r"DO NOT MATCH THE HASHES|Checksum mismatch for|EINTEGRITY|SHA256 checksums? mismatch"
            r"|checksum verification of the file failed|has the checksum \w+, not "
        ),
        Diagnosis(
            "the file that was fetched is not the one that the digest is of",
            "compare with the digest that its publisher tells: the file was replaced or cut off, "
            "or the digest is of another version",
        ),
    ),
    (
        r"No matching distribution found for",
        Diagnosis(
            "no index has a version that meets the requirement and fits that Python",
            "look for its name and versions in the index, and for which Pythons it has wheels",
        ),
    ),
    (
        r"tar: Unexpected EOF in archive|(gzip|xz|bzip2|zstd): .*(?i:unexpected end|truncated)",
        Diagnosis(
            "the archive is cut off",
            "have its source complete, and compare its size and digest with the publisher's",
        ),
    ),
    (
        r"it was not fetched within \d+ s, which is the limit",
        Diagnosis(
            "a package source is too slow",
            "another mirror, or more time: `timeout=`; what was fetched is kept, and continued",
        ),
    ),
    (
        r"Release file for \S+ is expired",
        Diagnosis(
            "a package source is out of date",
            "its mirror is not updated any more, or the clock is wrong: see `date` there",
        ),
    ),
    (
        r"E: Failed to fetch \S+",
        Diagnosis(
            "a package source cannot be read",
            "its server does not answer, or not with the file: try the address there with curl",
        ),
    ),
    (
        r"ECONNREFUSED|(?i:connection refused)|ETIMEDOUT|EHOSTUNREACH|(?i:no route to host)",
        Diagnosis(
            "a server does not answer",
            "is its address right, does it run, and does a firewall or proxy keep the host away?",
        ),
    ),
    (
        r"Operation not permitted",
        Diagnosis(
            "the kernel refuses it to every user",
            "is it marked immutable (`lsattr -d PATH`; `chattr -i PATH` takes that away), "
            "or is this a container without that right?",
        ),
    ),
    (
        r"the link leads nowhere",
        Diagnosis(
            "the link leads nowhere: the folder that its file would be in is not there",
            "declare that folder before, or force_unlink=True with manage_symlink_source=False",
        ),
    ),
    (
        r"which is no folder|Not a directory",
        Diagnosis("something above it is no folder", "remove it first, or correct the path"),
    ),
    (
        r"(?m): (command )?not found$",
        Diagnosis(
            "a program it wants is not there", "declare the package that brings it before this"
        ),
    ),
    (
        r"Permission denied|cannot look into |must be privileged to use -u",
        Diagnosis(
            "who acts there has no right to it",
            "become: sudo in hosts.yml gives root; `namei -l PATH` on the host shows the rights",
        ),
    ),
)

_BASHISM = (
    r"(?m): (\[\[|\(\(|source|declare|typeset|pushd|popd|shopt|let|mapfile|readarray|function):"
    r" (command )?not found$"
)
"""Words of bash(1) that sh(1) takes for programs."""

_OF_BASH = Diagnosis(
    "that is written for bash, and sh(1) runs it",
    'have bash run it: command=["bash", "-c", "..."]; or write it for sh: [ ], and `.` for source',
)

_BY_STATUS = {
    126: Diagnosis(
        "a program cannot be executed there",
        "does it lack the right (chmod +x), or is its file system mounted noexec (`findmnt -T`)?",
    ),
    127: Diagnosis(
        "a program it wants is not there", "declare the package that brings it before this"
    ),
}
"""The messages of sh(1) for a command that it could not run, by exit status."""

_BY_SIGNAL = {
    signal.SIGKILL: "memory may have run out: `journalctl -k -g oom` on the host says so",
    signal.SIGXFSZ: "it has written more than `ulimit -f` lets it",
    signal.SIGXCPU: "it has run longer than `ulimit -t` lets it",
    signal.SIGSYS: "a filter of system calls forbids what it does",
}


class Why(TypedDict, total=False):
    """The fields of an error that a cause sets."""

    cause: str
    hint: str


def why(said: str, status: int | None = None) -> Why:
    """Return the cause and the next step for an error; nothing if the cause is unknown."""
    cause = cause_of(said, status)
    return {} if cause is None else {"cause": cause.what, "hint": cause.hint}


def cause_of(said: str, status: int | None = None) -> Diagnosis | None:
    """
    Return the cause of a failed command, by its last output and exit status; None if unknown.

    >>> cause_of("mv: cannot move: No space left on device").what
    'a file system is full'
    >>> cause_of("/bin/sh: 2: eval: [[: not found", 127).what
    'that is written for bash, and sh(1) runs it'
    >>> cause_of("", 137).what
    'it was killed by signal 9 (SIGKILL)'
    """
    if re.search(_BASHISM, said):
        return _OF_BASH
    found = (cause for pattern, cause in _KNOWN if re.search(pattern, said))
    return _BY_STATUS.get(status or 0) or next(found, None) or _killed(status)


def _killed(status: int | None) -> Diagnosis | None:
    """Return the cause for a signal; a shell adds 128 to its number."""
    try:
        by = signal.Signals((status or 0) - 128)
    except ValueError:
        return None
    hint = _BY_SIGNAL.get(by, "a user or a process of the host has ended it")
    return Diagnosis(f"it was killed by signal {by:d} ({by.name})", hint)
