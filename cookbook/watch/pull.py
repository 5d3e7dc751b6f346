"""
Pull mode: a host takes the revision that it converges itself to from a git repository.

Nothing of a revision is read, and no code of it is run, before its signature was verified by keys
that are on the host. git(1) does the work; its hooks, filters and the settings of the user have no
effect on the verification.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cookbook.errors import PullError
from cookbook.retry import Retry, growing
from cookbook.text.bounded_io import content_of, parsed_json
from cookbook.text.bounded_program import ProgramEnd, ProgramStopped, run_bounded
from cookbook.text.diagnosis import why
from cookbook.text.json_shape import shaped
from cookbook.text.secret_marks import secret_in
from cookbook.text.user_dirs import private_folder, replace_private, state_folder

_FETCH_TIMEOUT = 600.0
_GIT_TIMEOUT = 120.0
_STALE = 600.0
"""Seconds after which a file that git makes for a moment was left by a git that was killed."""
_PATIENCE = 2.0
"""Seconds that the lock of a repository is waited for."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"(?!-)(?!.*\.\.)[A-Za-z0-9_./-]+")

_PACKAGES = {"git": "git", "gpg": "gnupg"}

_PASSWORD = re.compile(r"://(?!\[)[^/@:]*:(?![0-9]*/)[^@]*@")
"""A password in an address; what stands before a slash is the port of a server."""

_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"),
    *("-c", "protocol.ext.allow=never", "-c", "fetch.recurseSubmodules=false"),
    *("-c", "transfer.fsckObjects=true", "-c", "advice.detachedHead=false"),
)
_WANTED = "refs/cook/wanted"


@dataclass(frozen=True)
class TrustedKeys:
    """The keys of which one must have signed a revision."""

    signers: Path | None = None
    """A file of allowed signers, see ssh-keygen(1)."""
    keyring: Path | None = None
    """A file of public keys of OpenPGP, armored or not."""

    def check(self) -> None:
        """Raise PullError unless only root and the user can write the file and its folder."""
        path = self.path
        try:
            places = (path.resolve(strict=True), path.resolve(strict=True).parent)
            states = [place.stat() for place in places]
        except OSError as error:
            raise PullError(f"{path}: {error.strerror}") from None
        for place, state in zip(places, states, strict=True):
            sticky = stat.S_ISDIR(state.st_mode) and state.st_mode & stat.S_ISVTX
            foreign = state.st_uid not in (0, os.getuid())
            if foreign or (state.st_mode & 0o022 and not sticky):
                raise PullError(
                    f"{place}: others can write it, and so could decide what is trusted",
                    hint=f"chown root {place}; chmod go-w {place}",
                )

    @property
    def path(self) -> Path:
        """The file with the keys."""
        found = self.signers if self.signers is not None else self.keyring
        if found is None:
            raise PullError("no keys are named, so nothing could be verified")
        return found


@dataclass(frozen=True)
class Accepted:
    """The last revision that was accepted from a repository."""

    commit: str
    ref: str


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class PulledRepository:
    """A repository in the state folder, and the files of the revision that was accepted last."""

    def __init__(self, url: str, folder: Path | None = None) -> None:
        """`folder` is the private folder of this repository; by default below the state."""
        if url.startswith("-") or "::" in url:
            raise PullError(f"{url!r} is no address of a repository")
        if _PASSWORD.search(url) or secret_in(url):
            raise PullError(
                f"{_shown(url)}: an address with a password would be seen in the unit file and in"
                " the list of processes",
                hint="a credential helper of git has it, see gitcredentials(7); or use an SSH key",
            )
        self.url = url
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self.folder = folder or state_folder() / "pull" / name
        self._git_dir = self.folder / "repository.git"
        self.work = self.folder / "work"
        """The files of the accepted revision."""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other pulls of this repository away. Raises PullError if one is at work."""
        private_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            # On a busy machine it was seen held for a moment right after a pull had ended; by what,
            # was not found. A pull that is really at work takes longer.
            tries = Retry(growing(0.05), within=_PATIENCE)
            while not _taken(lock):
                if not tries.again():
                    raise PullError(
                        "another pull of this repository is at work", hint="its run goes on; wait"
                    )
            yield

    def accept(self, ref: str, keys: TrustedKeys, *, allow_older: bool = False) -> str:
        """
        Fetch a revision, verify it, and put its files into `work`; return its commit.

        A name without `refs/` is a branch. Raises PullError if it cannot be fetched, is not signed
        by a trusted key, or is no descendant of the one that was accepted last.
        """
        keys.check()
        self._tidy()
        try:
            commit = self._taken_in(ref, keys, allow_older=allow_older)
        except PullError:
            if not self._git_dir.exists() or self._is_sound():
                raise
            # What a host that has lost its power, or a full disk, has left. The note of the last
            # revision is no part of it, so an older one is refused as before.
            shutil.rmtree(self._git_dir, ignore_errors=True)
            commit = self._taken_in(ref, keys, allow_older=allow_older)
        self._remember(Accepted(commit, ref))
        self._pack()
        return commit

    def _taken_in(self, ref: str, keys: TrustedKeys, *, allow_older: bool) -> str:
        self._fetch(ref)
        commit = self._verified(ref, keys)
        self._check_age(commit, allow_older=allow_older)
        self._check_out(commit)
        return commit

    def _tidy(self) -> None:
        """Remove what a git has left that was killed; a lock of it would refuse all others."""
        ended = time.time() - _STALE
        left = (
            *self.folder.glob("index-*"),
            *self._git_dir.glob("*.lock"),
            *self._git_dir.glob("refs/**/*.lock"),
            *self._git_dir.glob("objects/pack/*tmp_*"),
            *self._git_dir.glob("objects/??/tmp_obj_*"),
        )
        for path in left:
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < ended or path.stat().st_mtime > time.time() + _STALE:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _is_sound(self) -> bool:
        """Return whether git can read all that the repository has."""
        words = ("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        try:
            return self._run(words, timeout=_FETCH_TIMEOUT).status == 0
        except PullError:
            return True  # it is not known

    def _pack(self) -> None:
        """Have git pack what has become many files, while the lock is held; it may fail."""
        with contextlib.suppress(PullError):
            words = ("-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
            self._run(words, timeout=_FETCH_TIMEOUT)

    @property
    def accepted(self) -> Accepted | None:
        """The revision that was accepted last; None before the first."""
        path = self.folder / "accepted.json"
        try:
            return shaped(Accepted, parsed_json(content_of(path)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise PullError(
                f"{path} cannot be read, so it is not known which revision was the last: {why}",
                hint="--allow-older, after a look at it; or remove it",
            ) from None

    def _remember(self, accepted: Accepted) -> None:
        path = self.folder / "accepted.json"
        replace_private(path, json.dumps(vars(accepted)))

    def _fetch(self, ref: str) -> None:
        if not _REF.fullmatch(ref):
            raise PullError(f"{ref!r} is no name of a branch, tag or commit")
        if not self._git_dir.is_dir():
            self._git("init", "--quiet", "--bare", str(self._git_dir), folder=self.folder)
        given = _COMMIT.fullmatch(ref) or ref.startswith("refs/")
        source = ref if given else f"refs/heads/{ref}"
        words = ("fetch", "--quiet", "--no-tags", "--force", "--", self.url, f"{source}:{_WANTED}")
        done = self._run(words, timeout=_FETCH_TIMEOUT, own_settings=True)
        if done.status != 0:
            known = why(done.error_text)
            named = "`git ls-remote` lists what there is; a tag is named as refs/tags/NAME"
            raise PullError(
                f"{ref} of {_shown(self.url)} cannot be fetched: {_last(done)}",
                hint=known.get("hint", named),
                cause=known.get("cause"),
            )

    def _verified(self, ref: str, keys: TrustedKeys) -> str:
        """Return the commit, if it, or the tag that names it, is signed by a trusted key."""
        kind = self._git("cat-file", "-t", _WANTED)
        what = self._git("rev-parse", "--verify", "--end-of-options", _WANTED)
        commit = self._git("rev-parse", "--verify", "--end-of-options", f"{_WANTED}^{{commit}}")
        command = "verify-tag" if kind == "tag" else "verify-commit"
        with self._verifier(keys) as (settings, environment):
            done = self._run((*settings, command, what), environment=environment)
        if done.status != 0:
            said = _last(done) or "it has no signature"
            raise PullError(
                f"{ref} of {_shown(self.url)} ({commit[:12]}) is not signed by a key of"
                f" {keys.path}: {said}",
                hint="nothing of it was run; sign it: git commit -S",
            )
        return commit

    @contextlib.contextmanager
    def _verifier(self, keys: TrustedKeys) -> Iterator[tuple[Sequence[str], Mapping[str, str]]]:
        """
        Yield settings and environment of git by which only signatures of these keys are good.

        git chooses the program by the kind of the signature, so the others are replaced by one that
        always fails: a keyring of the user must not vouch where only SSH keys are trusted.
        """
        no = "/bin/false"
        if keys.signers is not None:
            signers = keys.signers.resolve()
            yield (
                (
                    *("-c", f"gpg.program={no}", "-c", f"gpg.openpgp.program={no}"),
                    *("-c", f"gpg.x509.program={no}", "-c", "gpg.ssh.program=ssh-keygen"),
                    *("-c", f"gpg.ssh.allowedSignersFile={signers}"),
                ),
                {},
            )
            return
        with tempfile.TemporaryDirectory(prefix="cook-pull-") as home:
            try:
                imported = _program(
                    ["gpg", "--homedir", home, "--batch", "--quiet", "--import", str(keys.path)]
                )
                if imported.status != 0:
                    raise PullError(f"{keys.path} is no keyring: {_last(imported)}")
                yield (
                    (
                        *("-c", f"gpg.ssh.program={no}", "-c", f"gpg.x509.program={no}"),
                        *("-c", "gpg.program=gpg", "-c", "gpg.openpgp.program=gpg"),
                    ),
                    {"GNUPGHOME": home},
                )
            finally:
                with contextlib.suppress(PullError):  # then no agent was begun
                    _program(["gpgconf", "--homedir", home, "--kill", "all"])

    def _check_age(self, commit: str, *, allow_older: bool) -> None:
        if allow_older or (last := self.accepted) is None or last.commit == commit:
            return
        done = self._run(("merge-base", "--is-ancestor", last.commit, commit))
        if done.status == 0:
            return
        back = self._run(("merge-base", "--is-ancestor", commit, last.commit)).status == 0
        how = "is older than" if back else "does not come after"
        raise PullError(
            f"{commit[:12]} {how} {last.commit[:12]}, which was accepted last",
            hint="nothing of it was run; --allow-older, if going back is what you want",
        )

    def _check_out(self, commit: str) -> None:
        """Replace the files in `work` by those of a commit."""
        fresh = self.folder / "work.new"
        for old in (fresh, self.folder / "work.old"):
            shutil.rmtree(old, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory(prefix="index-", dir=self.folder) as index:
            self._git(
                *("--work-tree", str(fresh), "checkout", "--quiet", "--force", commit, "--", "."),
                environment={"GIT_INDEX_FILE": f"{index}/index"},
                folder=fresh,
            )
        if self.work.exists():
            self.work.rename(self.folder / "work.old")
        fresh.rename(self.work)
        shutil.rmtree(self.folder / "work.old", ignore_errors=True)

    def _git(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> str:
        done = self._run(words, environment=environment, folder=folder)
        if done.status != 0:
            raise PullError(f"git {words[0]} has failed: {_last(done)}", **why(done.error_text))
        return done.text

    def _run(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        timeout: float = _GIT_TIMEOUT,
        own_settings: bool = False,
    ) -> ProgramEnd:
        """Run git; with `own_settings` with those of the user, which may have credentials."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        given = {
            **kept,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_DIR": str(self._git_dir),
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
            **(environment or {}),
        }
        if not own_settings:
            given |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        return _program(["git", *_SAFE, *words], folder or self.folder, given, timeout)


def _program(
    words: Sequence[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = _GIT_TIMEOUT,
) -> ProgramEnd:
    """Run a program to its end. Raises PullError if it is not there, or takes too long."""
    name = words[0]
    try:
        return run_bounded(words, seconds=timeout, folder=folder, environment=environment)
    except FileNotFoundError:
        raise PullError(
            f"there is no {name}(1) on this host", hint=f"install it: {_PACKAGES.get(name, name)}"
        ) from None
    except OSError as error:
        raise PullError(f"{name} cannot be run: {error.strerror}") from None
    except ProgramStopped as stopped:
        raise PullError(f"{name} {stopped}") from None


def _shown(url: str) -> str:
    """Return an address without a user and a password, whatever letters these have."""
    user = r"(?<=://).*@" if _PASSWORD.search(url) else r"(?<=://)[^/]*@"
    return re.sub(user, "", url)


def _last(done: ProgramEnd) -> str:
    """Return the last lines of what a program said, in one."""
    lines = [line.strip() for line in done.error_text.splitlines() if line.strip()]
    return "; ".join(lines[-3:])
