"""What is known of the words of a host, in the words of real tools."""

from __future__ import annotations

import pytest

from cookbook.text.diagnosis import cause_of, why

SAID = {
    "mv: cannot move 'a' to 'b': No space left on device": "a file system is full",
    "E: You don't have enough free space in /var/cache/apt/archives/.": "a file system is full",
    "dpkg: error processing archive x.deb (--unpack):\n cannot copy: No space left on device": (
        "a file system is full"
    ),
    "/bin/sh: 3: printf: printf: I/O error": "a file could not be written",
    "/bin/sh: 2: echo: echo: I/O error": "a file could not be written",
    "touch: cannot touch 'x': Read-only file system": "the file system is mounted read-only",
    "useradd: /etc/passwd.7: Read-only file system\nuseradd: cannot lock /etc/passwd; try again"
    " later.": "the file system is mounted read-only",
    "fatal: sha1 file '/srv/wc/.git/index.lock' write error. Out of diskspace": (
        "a file system is full"
    ),
    "OSError: [Errno 98] Address already in use\nx.service is Result=exit-code": "another program",
    "x.socket: Failed to create listening socket (127.0.0.1:80): Address already in use\n"
    "x.socket: Failed to listen on sockets: Input/output error": "another program has that port",
    "docker: Bind for 127.0.0.1:80 failed: port is already allocated": "another program has",
    "sh: 1: cannot create /usr/x: Read-only file system\n"
    "app.service: Main process exited, code=exited, status=2/INVALIDARGUMENT": (
        "the service may not write there: its unit protects"
    ),
    "cannot look into /home/ann/.ssh": "who acts there has no right to it",
    "must be privileged to use -u": "who acts there has no right to it",
    "useradd: cannot lock /etc/passwd; try again later.": "the lists of users and groups",
    "mv: cannot move 'a' to 'b': Device or resource busy": "something is mounted at that",
    "rm: cannot remove 'a/b': Device or resource busy": "something is mounted there, or below",
    "cat: a: Too many levels of symbolic links": "symbolic links there point to each other",
    "/bin/sh: 2: eval: [[: not found": "that is written for bash",
    "sh: source: not found": "that is written for bash",
    "/bin/sh: 2: eval: sourcecode: not found": "a program it wants is not there",
    "/bin/sh: 1: Cannot fork": "no more processes",
    "bash: fork: retry: Resource temporarily unavailable": "no more processes",
    "sh: can't fork: Resource temporarily unavailable": "no more processes",
    "sudo: unable to fork: Resource temporarily unavailable": "no more processes",
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'": "an earlier run of",
    "usermod: user ann is currently used by process 1": "the user is logged in",
    "chmod: changing permissions of 'x': Operation not permitted": "the kernel refuses it",
    "/bin/sh: eval: line 3: useradd: not found": "a program it wants is not there",
    "bash: line 1: nft: command not found": "a program it wants is not there",
    "curl: (6) Could not resolve host: example.org": "the host cannot look up names",
    "npm ERR! code ENOSPC\nnpm ERR! nospc ENOSPC: no space left on device, write": (
        "a file system is full"
    ),
    "write /var/tmp/go-build/b001/pkg.a: no space left on device": "a file system is full",
    "Your disk is out of space. Free some space to be able to install your bundle.": (
        "a file system is full"
    ),
    "file_put_contents(): Write of 12047 bytes failed with errno=28 No sp": "a file system is full",
    "open /srv/x: read-only file system": "the file system is mounted read-only",
    "internal/x: /usr/lib/go/compile: signal: killed": "a program that it started was killed",
    "make: *** [Makefile:2: all] Killed": "a program that it started was killed",
    "npm ERR!   code: 'ECONNREFUSED',": "a server does not answer",
    "Failed to open TCP connection to 127.0.0.1:9 (Connection refused - connect(2))": (
        "a server does not answer"
    ),
    "E: Failed to fetch http://a/b.deb  Connection refused": "a package source cannot be read",
    "npm ERR! request failed, reason: getaddrinfo ENOTFOUND npm.example.org": (
        "the host cannot look up names"
    ),
    "ERROR: Cannot install app==1.0 and web==1.0 because these package versions have conflicting"
    " dependencies.": "requirements contradict each other",
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": (
        "the file that was fetched is not the one"
    ),
    "npm ERR! code EINTEGRITY": "the file that was fetched is not the one",
    "the content of https://a/b has the checksum 0a1, not 0a2": "the file that was fetched is not",
    "ERROR: No matching distribution found for native==1.0": "no index has a version",
    "gzip: stdin: unexpected end of file\ntar: Unexpected EOF in archive": "the archive is cut off",
    "xz: (stdin): Unexpected end of input": "the archive is cut off",
}


@pytest.mark.parametrize("said", SAID)
def test_the_cause_is_named(said: str) -> None:
    cause = cause_of(said, 1)
    assert cause is not None
    assert cause.what.startswith(SAID[said])
    assert cause.hint


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (137, "it was killed by signal 9 (SIGKILL)"),
        (153, "it was killed by signal 25 (SIGXFSZ)"),
        (126, "a program cannot be executed there"),
        (127, "a program it wants is not there"),
    ],
)
def test_a_status_of_the_shell_has_a_cause(status: int, what: str) -> None:
    cause = cause_of("", status)
    assert cause is not None
    assert cause.what == what


@pytest.mark.parametrize("status", [None, 0, 1, 2, 100, 128, 255])
def test_what_nobody_knows_is_shown_as_it_was_said(status: int | None) -> None:
    assert why("we forked the repository: fine", status) == {}
