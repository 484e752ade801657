"""Which account the servers run as, and which folders that account can reach.

PostgreSQL refuses to run as root, so root's servers drop to an unprivileged account; an
ordinary user's servers run as that user. Starting them is in `lifecycle.py`.
"""

import os
import pwd
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

DEFAULT_ACCOUNTS = ("jishi", "nobody")  # the first that exists


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account that owns a server's files and runs its processes."""

    name: str
    uid: int
    gid: int


def server_account(wanted: str | None = None) -> Account:
    """The account to run servers as.

    Args:
        wanted: Name to drop to when we are root; ignored for an ordinary user, who can
            only run servers as themselves.

    Raises:
        StackError: The wanted account does not exist, or is root.
    """
    if os.geteuid() != 0:
        return Account(name=_name_of(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    for name in (wanted,) if wanted else DEFAULT_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            raise StackError(
                f"account {name!r} is root, and PostgreSQL refuses to run as root",
                remedy="name an unprivileged account: export JISHI_STACK_ACCOUNT=nobody",
            )
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    tried = wanted or " or ".join(DEFAULT_ACCOUNTS)
    raise StackError(
        f"PostgreSQL refuses to run as root, and there is no account {tried} to drop to",
        remedy="useradd --system jishi, or set JISHI_STACK_ACCOUNT to an unprivileged account",
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        # Containers run under made-up uids. Mosquitto does not care; initdb says so itself.
        return str(uid)


def unreachable_part(path: Path, account: Account) -> Path | None:
    """The first part of `path` that `account` may not enter, if any.

    Only the ordinary permission bits count; access lists beyond them are not looked at.
    """
    if account.uid == os.geteuid():
        return None if os.access(path, os.F_OK) else path
    for part in (*reversed(path.parents), path):
        try:
            info = part.stat()
        except OSError:
            return part
        if not stat.S_ISDIR(info.st_mode):
            return None
        if info.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif info.st_gid == account.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not info.st_mode & bit:
            return part
    return None


def make_private_dir(path: Path, account: Account) -> None:
    """Create `path` (mode 0700) for `account`, or hand an existing one over to it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _own(path, account, mode=0o700)


def _own(path: Path, account: Account, *, mode: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, account.uid, account.gid)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Replace `path` by a file with `text`, mode 0600, at once and for good.

    Args:
        path: Its folder may belong to an unprivileged account, so nothing that lies there
            under a guessable name is followed or written through.
        text: The content.
        account: Who shall own the file; `None` is the caller.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if account is not None and os.geteuid() == 0:
                os.fchown(file.fileno(), account.uid, account.gid)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
