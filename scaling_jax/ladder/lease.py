"""The right to write into a group's folder: one process at a time, the newest attempt first.

    folder/writer.lock   locked by the kernel for as long as its holder lives; says who that is
    folder/attempt       number of the newest attempt; older ones end before they write again

The lock alone keeps two writers apart, on every file system that has locks over all machines that
mount it (a local disk, NFS 4, Lustre, Ceph). The number makes a process that was given up, but
lives on where nobody reaches it, let go of the lock soon, so that its replacement can begin. A file
system without locks is left with the number, which an old attempt reads just before each write: it
can then still be in the middle of one.
"""

import errno
import os
import socket
import time
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError
from scaling_jax.files import write_atomically

_POLL_SECONDS = 0.1
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def newest_attempt(folder: Path) -> int:
    """Return the number of the newest attempt at a group, 0 if nobody has counted.

    Raises:
        LadderError: The number cannot be read.
    """
    path = folder / "attempt"
    try:
        return int(path.read_text("utf-8"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise LadderError(f"cannot read {path} ({error}); remove it, and start again") from None


class Lease:
    """A context in which this process, and no other, writes into a folder.

    Args:
        folder: The folder; it is made.
        attempt: Number of this attempt; any that is lower gives way to it. None takes the newest
            number there is, which makes nobody give way.
        patience: Seconds to wait for a holder to end.

    Raises:
        LadderError: Another process holds the lease, or a newer attempt has been made.
    """

    def __init__(self, folder: Path, *, attempt: int | None = None, patience: float = 0.0):
        self._folder, self._attempt, self._patience = folder, attempt, patience
        self._file: Any = None
        self._checked = 0.0

    def __enter__(self) -> "Lease":
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / "writer.lock").open("a+")
        except OSError as error:
            raise LadderError(
                f"cannot write into {self._folder}: {error.strerror or error}"
            ) from None
        try:
            self._announce()
            self._wait()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()  # and with it goes the lock

    def check(self, *, every: float = 0.0) -> None:
        """Return if this attempt is still the newest.

        Args:
            every: Seconds from the last look within which none is taken.

        Raises:
            LadderError: A newer one has been made; nothing may be written any more.
        """
        if time.monotonic() - self._checked < every:
            return
        newest = newest_attempt(self._folder)
        if newest > (self._attempt or 0):
            raise LadderError(
                f"attempt {self._attempt} at {self._folder} was given up for attempt {newest}; "
                "that one goes on"
            )
        self._checked = time.monotonic()

    def _announce(self) -> None:
        newest = newest_attempt(self._folder)
        if self._attempt is None:
            self._attempt = newest
        elif self._attempt > newest:
            write_atomically(self._folder / "attempt", f"{self._attempt}\n")

    def _wait(self) -> None:
        until = time.monotonic() + self._patience
        while not _lock(self._file):
            self.check()
            if time.monotonic() >= until:
                self._file.seek(0)
                holder = self._file.read().strip() or "another process"
                raise LadderError(
                    f"{self._folder} is being trained by {holder}; wait for it to end, or end it, "
                    "and start again"
                )
            time.sleep(_POLL_SECONDS)
        self.check()
        self._sign()

    def _sign(self) -> None:
        """Say who holds the lease, for the error of whoever wants it."""
        try:
            self._file.truncate(0)
            self._file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            self._file.flush()
        except OSError as error:
            raise LadderError(
                f"cannot write into {self._folder}: {error.strerror or error}"
            ) from None


def _lock(file: Any) -> bool:
    """Return whether the file's lock is this process's now, or there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return True
        raise LadderError(f"cannot lock {file.name}: {error.strerror or error}") from None
    return True
