"""Artefacts on disk: written whole or not at all, and told by the digest of their content."""

from __future__ import annotations

import ctypes
import glob
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block succeeds.

    The block may create a file or a folder there. If it raises, what it wrote is removed and
    whatever stood at ``path`` stays as it was.

    Raises:
        UnwritableError: if the disk is full, or nothing may be written there.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        yield draft
        _swap(draft, path)
    except Exception as error:
        if reason := unwritable(error, path.parent):
            raise UnwritableError(
                f"{path}: expected to write it, found: {reason}, with {room(path.parent)} free. "
                "What stood there is as it was, and nothing half-written is left. Make room or "
                "give the workflow's user the right to write there, then materialize again"
            ) from error
        raise
    finally:
        with suppress(OSError):
            _remove(draft)


class UnwritableError(OSError):
    """An artefact could not be written, for want of room or of the right to."""


_NO_ROOM: Final = ("No space left on device", "Disk quota exceeded", "Read-only file system")
_DENIED: Final = "Permission denied"


def unwritable(error: Exception, folder: Path | None = None) -> str | None:
    """Why nothing can be written, if an error says so.

    Told by the text: the errors of DuckDB, Polars and safetensors have no number.

    Args:
        error: of whatever library.
        folder: what is to be written; a permission that is missing elsewhere is another matter.
    """
    told = str(error)
    of_folder = folder is not None and f"{folder}/" in told
    reasons = [*_NO_ROOM, _DENIED] if of_folder else _NO_ROOM
    return next((reason for reason in reasons if reason in told), None)


def room(folder: Path) -> str:
    """What is free on the disk of a folder, or of the first one above it that exists."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return f"{shutil.disk_usage(there).free / 1e9:.1f} GB"


def _sweep(path: Path) -> None:
    """Remove what a killed process has left of earlier drafts; younger ones may be at work."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with suppress(FileNotFoundError):  # another process has put it in its place
            if _DRAFT.search(left.name) and time.time() - left.lstat().st_mtime > _STALE:
                _remove(left)


_DRAFT: Final = re.compile(r"\.[0-9a-f]{8}(\.old)?$")
_STALE: Final = 86400
"""Seconds after which nobody is at work on a draft any more."""


def _swap(draft: Path, path: Path) -> None:
    """Put ``draft`` in the place of ``path``; a folder cannot be renamed over a full one."""
    if not path.is_dir():
        draft.replace(path)
    elif not _exchanged(draft, path):
        _swap_in_two_steps(draft, path)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two paths in one step, as Linux can on most file systems; whether it did."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    here = ctypes.c_int(_AT_FDCWD)
    done = rename(here, os.fsencode(one), here, os.fsencode(other), ctypes.c_uint(_EXCHANGE))
    return bool(done == 0)


_AT_FDCWD: Final = -100
_EXCHANGE: Final = 2
"""Of Linux' fcntl.h: a relative path starts at the working directory; RENAME_EXCHANGE."""


def _swap_in_two_steps(draft: Path, path: Path) -> None:
    """For a moment nothing is there: the next best where paths cannot be exchanged."""
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    path.rename(old)
    try:
        draft.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove all drafts that killed processes left in a folder, where nobody is at work on one."""
    for draft in folder.glob(".*"):
        _remove(draft)


def write_json(value: Any, path: Path) -> None:
    """Write ``value`` as indented JSON, whole."""
    with whole(path) as draft, draft.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())  # others are believed by what these files say


def read_json(path: Path) -> Any:
    """The value that a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest(path: Path) -> str:
    """Digest of a file's bytes, or of all files below a folder with their relative names.

    What begins with a dot is left out: drafts and locks of processes at work, or of killed ones.
    """
    sha = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(_files(path)):
        if file != path:
            sha.update(os.fsencode(file.relative_to(path).as_posix()))
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def digest_of(*parts: Any) -> str:
    """Digest of values that JSON can hold, independent of the order of keys."""
    return hashlib.sha256(_as_json(parts)).hexdigest()[:16]


def digest_of_all(values: Iterable[Any]) -> str:
    """`digest_of` the list of these values, one in memory at once."""
    sha = hashlib.sha256(b"[[")
    for number, value in enumerate(values):
        sha.update(b", " * (number > 0) + _as_json(value))
    sha.update(b"]]")
    return sha.hexdigest()[:16]


def _as_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
