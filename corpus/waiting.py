"""Files of documents that wait in a folder: which of them nobody writes any more."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from corpus.artefacts import digest_of

ENDINGS: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".parquet")
"""Endings of files of documents."""

UNFINISHED: Final = (".part", ".tmp", "~")
"""Endings of files that somebody still writes; they are left alone, as dot files are."""


def ending_of(path: Path) -> str | None:
    """The ending that tells the format of a file of documents; None where nobody understands it."""
    return next((ending for ending in ENDINGS if path.name.endswith(ending)), None)


def settled(folder: Path, quiet_seconds: float, now: float) -> list[Path]:
    """Files of documents in a folder that nobody writes any more, by name.

    Args:
        folder: The folder; what lies deeper does not count, nor do links.
        quiet_seconds: How long a file must have been left alone. Both its times count: a copy
            may keep the old time of its content, but not that of its change of place.
        now: The time, in seconds since 1970.
    """
    return [file for file in _quiet(folder, quiet_seconds, now) if ending_of(file)]


def strangers(folder: Path, quiet_seconds: float, now: float) -> list[Path]:
    """The other files that nobody writes any more: their endings are not understood."""
    return [file for file in _quiet(folder, quiet_seconds, now) if not ending_of(file)]


def _quiet(folder: Path, quiet_seconds: float, now: float) -> list[Path]:
    names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
    finished = [n for n in names if not n.startswith(".") and not n.endswith(UNFINISHED)]
    return [folder / n for n in finished if _is_quiet(folder / n, now - quiet_seconds)]


def _is_quiet(file: Path, since: float) -> bool:
    status = _status(file)
    if status is None or not stat.S_ISREG(status.st_mode):
        return False
    return max(status.st_mtime, status.st_ctime) <= since


def _status(file: Path) -> os.stat_result | None:
    """Of the file itself, not of what it links to; None where it is gone."""
    try:
        return file.lstat()
    except FileNotFoundError:
        return None


def fingerprint(file: Path) -> str | None:
    """Changes whenever the file is written or put there anew; None where it is gone."""
    status = _status(file)
    if status is None:
        return None
    return digest_of(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
