"""Checkpoints of a group by Orbax: the newest whole one is where a killed group goes on."""

import errno
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError

_SLACK = 64 << 10  # bytes of a checkpoint beside its arrays


@dataclass
class Position:
    """How far a group has come.

    Attributes:
        phase: Number of the phase it is in.
        step: Next step of that phase's run.
        seconds: Training time of the present run up to here.
        trunk_seconds: Of the trunk, up to where the present run left it.
        diverged: For each lane the step at which its present run diverged, or -1.
        trunk_diverged: The same for the trunk.
    """

    phase: int
    step: int
    seconds: float
    trunk_seconds: float
    diverged: list[int]
    trunk_diverged: list[int]


class Checkpoints:
    """The checkpoints in a folder; the last two are kept.

    Args:
        folder: Where they are; made when the first is saved.
        identity: Digest of what is trained; checkpoints of anything else are refused.
    """

    def __init__(self, folder: Path, identity: str):
        self._folder, self._identity, self._opened = folder.absolute(), identity, None

    @property
    def _manager(self) -> Any:
        if self._opened is None:
            import orbax.checkpoint as ocp

            options = ocp.CheckpointManagerOptions(
                max_to_keep=2,
                create=True,
                enable_async_checkpointing=False,
                cleanup_tmp_directories=True,  # what a kill left half-written
            )
            self._opened = ocp.CheckpointManager(self._folder, options=options)
        return self._opened

    def save(self, number: int, position: Position, arrays: Any) -> None:
        """Save under a rising number.

        Raises:
            LadderError: It cannot be written; the one before is kept.
        """
        import orbax.checkpoint as ocp

        document = {"identity": self._identity, "position": asdict(position)}
        try:
            self._check_room(arrays)
            self._manager.save(
                number,
                args=ocp.args.Composite(
                    arrays=ocp.args.StandardSave(arrays), position=ocp.args.JsonSave(document)
                ),
                force=True,
            )
        except Exception as error:  # Orbax and its storage raise many kinds
            raise LadderError(
                f"cannot write a checkpoint to {self._folder} ({_reason(error, self._folder)}); "
                "the last one is kept: free space or mend the folder, and start the ladder again"
            ) from error

    def _check_room(self, arrays: Any) -> None:
        """Say that a disk is full before Orbax does, whose threads say it in hundreds of lines."""
        import jax

        self._folder.mkdir(parents=True, exist_ok=True)
        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)) + _SLACK
        if shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def restore(self, structure: Any) -> tuple[int, Position, Any] | None:
        """Return number, position and arrays of the newest checkpoint, or None.

        Args:
            structure: A function of the position that gives the arrays' shapes.

        Raises:
            LadderError: The newest checkpoint is damaged or of another group.
        """
        if not self._folder.is_dir():
            return None
        import orbax.checkpoint as ocp

        number = self._manager.latest_step()
        if number is None:
            return None
        try:
            found = self._manager.restore(
                number, args=ocp.args.Composite(position=ocp.args.JsonRestore())
            )
            document = found["position"]
            position = Position(**document["position"])
            if document["identity"] != self._identity:
                raise LadderError(
                    f"the checkpoint in {self._folder} is of other runs; move it away"
                )
            arrays = self._manager.restore(
                number,
                args=ocp.args.Composite(arrays=ocp.args.StandardRestore(structure(position))),
            )["arrays"]
        except LadderError:
            raise
        except Exception as error:
            raise LadderError(
                f"checkpoint {number} in {self._folder} is damaged ({_reason(error)}): remove the "
                f"folder {self._folder / str(number)} to go on from the one before"
            ) from error
        return number, position, arrays

    def close(self) -> None:
        """Wait for what is being written, and close."""
        if self._opened is not None:
            self._opened.close()


def _reason(error: Exception, folder: Path | None = None) -> str:
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or (folder and folder.exists() and shutil.disk_usage(folder).free < _SLACK):
        return "no space left on device"
    return " ".join(str(error).split())[:200] or type(error).__name__
