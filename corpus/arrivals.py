"""Which files of documents in a folder have settled, and which have arrived.

What is put into a folder has settled when nobody writes it any more. What is taken from there
arrives under a name that tells when it did, and by a digest what is in it.
"""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from corpus.artefacts import digest_of

ENDINGS: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".parquet")
"""Endings of files of documents."""

UNFINISHED: Final = (".part", ".tmp", "~")
"""Endings of files that somebody still writes; they are left alone, as dot files are."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ARRIVAL: Final = re.compile(
    rf"(?P<stamp>\d{{8}}T\d{{6}}Z)-(?P<digest>[0-9a-f]{{16}})({'|'.join(map(re.escape, ENDINGS))})"
)


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


def arrivals(arrived: Path) -> list[Path]:
    """Files that were taken, in the order of their arrival."""
    files = arrived.iterdir() if arrived.is_dir() else ()
    return sorted(file for file in files if is_arrival(file) and file.is_file())


def is_arrival(path: Path) -> bool:
    """Whether a name is that of a file that was taken; the file need not be there."""
    return _ARRIVAL.fullmatch(path.name) is not None


def arrival_name(moment: datetime, content: str, ending: str) -> str:
    """The name of a file that arrives: names sort by the moment of arrival.

    Args:
        moment: When it arrives, in UTC; whole seconds count.
        content: Digest of what is in it.
        ending: That of its format.
    """
    return f"{moment.strftime(_STAMP)}-{content}{ending}"


def digest_of_arrival(path: Path) -> str:
    """Digest of the content that arrived; of a table for prediction, that of its original.

    Raises:
        ValueError: if the name is not that of a file that was taken.
    """
    return _arrival(path)["digest"]


def moment_of_arrival(path: Path) -> datetime:
    """When a file arrived, by its name.

    Raises:
        ValueError: if the name is not that of a file that was taken.
    """
    return datetime.strptime(_arrival(path)["stamp"], _STAMP).replace(tzinfo=UTC)


def _arrival(path: Path) -> re.Match[str]:
    found = _ARRIVAL.fullmatch(path.name)
    if found:
        return found
    raise ValueError(
        f"{path}: expected the name of a file that arrived, <time>-<digest><ending>; found another "
        "one. Its content could not be told from the name: put files into the inbox instead"
    )
