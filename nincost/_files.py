"""Writes a file whole or not at all.

A file is written beside its target under a temporary name, locked, and renamed. A killed process
leaves one `.nincost-*.tmp` at most, which the next write into that folder removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nincost.errors import OutputError

_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")


def _is_device(path: Path) -> bool:
    """A pipe or device such as /dev/stdout, which must not be replaced by a file.

    The standard streams count wherever the shell has sent them: `> file` makes a file of them.
    """
    if str(path).startswith(_STREAMS):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: str | Path, *, force: bool) -> None:
    """Refuse early what `write_file` would refuse after the work is done."""
    target = Path(path)
    try:
        target.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long, a loop of links, a zero byte
        raise OutputError(
            f"{str(path)!r} cannot be a file: {getattr(error, 'strerror', None) or error}: "
            "choose another name"
        ) from error
    if _is_device(target):
        return
    if target.is_dir():
        raise OutputError(f"{str(path)!r} is a folder: give a file's name")
    if target.exists() and not force:
        raise OutputError(f"{str(path)!r} exists already: give --force to overwrite it")
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {str(folder)!r}: make it, or write somewhere else")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{str(folder)!r} cannot be written to: choose another folder")


def write_file(path: str | Path, content: str | bytes, *, force: bool = False) -> None:
    """Write `content` (text as UTF-8) to a new file beside `path`, then rename it to `path`.

    Killed in between (SIGKILL, power), a process leaves a file `.nincost-XXXXXXXX.tmp`, which the
    next result written into that folder removes.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")
    check_writable(path, force=force)
    target = Path(path).resolve()  # a link stays a link; its target is replaced
    try:
        if _is_device(Path(path)):
            with open(path, "ab") as stream:
                stream.write(content)
            return
        _remove_left(target.parent)
        with _temporary(target.parent) as (file, name):
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                name.chmod(target.stat().st_mode & 0o777)
            name.replace(target)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"{str(path)!r} could not be written: {error.strerror or error}: "
            "free some space or choose another folder"
        ) from error


_PREFIX, _SUFFIX = ".nincost-", ".tmp"


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file and its name, locked while this process writes it, and gone if not renamed."""
    while True:
        name = folder / f"{_PREFIX}{secrets.token_hex(4)}{_SUFFIX}"
        try:
            # Its mode is what the process's umask leaves of this, as of any file.
            number = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue
        file = os.fdopen(number, "w+b")
        if lock(file) is not False and name.exists():
            break
        file.close()  # another process removed it as one that was left behind
    try:
        yield file, name
    finally:
        with contextlib.suppress(OSError):
            name.unlink()
        with contextlib.suppress(OSError):  # a full disk was reported already
            file.close()


def _remove_left(folder: Path) -> None:
    """Remove what killed processes left: temporary files that nobody holds locked."""
    try:
        names = os.listdir(folder)
    except OSError:  # one may write into it, but not look
        return
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            left = folder / name
            with contextlib.suppress(OSError), open(left, "r+b") as file:
                if lock(file):
                    left.unlink()


def lock(file: IO[bytes] | int) -> bool | None:
    """Lock a file or a folder by its number until it is closed.

    False where another has locked it, None where there are no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno == errno.EWOULDBLOCK else None
    return True


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/nincost`, else `~/.cache/nincost`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "nincost"
