"""Names of files of documents that were taken: when each arrived, and what is in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from corpus.waiting import ENDINGS

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ARRIVAL: Final = re.compile(
    r"(?P<stamp>[0-9]{8}T[0-9]{6}Z)-(?P<digest>[0-9a-f]{16})"
    rf"({'|'.join(map(re.escape, ENDINGS))})"
)


@dataclass(frozen=True)
class _Arrival:
    """What a name tells."""

    moment: datetime
    digest: str


def arrivals(arrived: Path) -> list[Path]:
    """Files that were taken, in the order of their arrival."""
    files = arrived.iterdir() if arrived.is_dir() else ()
    return sorted(file for file in files if is_arrival(file) and file.is_file())


def is_arrival(path: Path) -> bool:
    """Whether a name is that of a file that was taken; the file need not be there."""
    return _read(path.name) is not None


def arrival_name(moment: datetime, content: str, ending: str) -> str:
    """The name of a file that arrives: names sort by the moment of arrival.

    Args:
        moment: When it arrives; whole seconds count, and the name tells them in UTC.
        content: Digest of what is in it.
        ending: That of its format.
    """
    return f"{moment.astimezone(UTC).strftime(_STAMP)}-{content}{ending}"


def digest_of_arrival(path: Path) -> str:
    """Digest of the content that arrived; of a table for prediction, that of its original.

    Raises:
        ValueError: if the name is not that of a file that was taken.
    """
    return _arrival(path).digest


def moment_of_arrival(path: Path) -> datetime:
    """When a file arrived, by its name.

    Raises:
        ValueError: if the name is not that of a file that was taken.
    """
    return _arrival(path).moment


def _arrival(path: Path) -> _Arrival:
    found = _read(path.name)
    if found:
        return found
    raise ValueError(
        f"{path}: expected the name of a file that arrived, <time>-<digest><ending>; found another "
        "one. Its content could not be told from the name: put files into the inbox instead"
    )


def _read(name: str) -> _Arrival | None:
    """What a name tells; None where it is another one, or has a time that never comes."""
    found = _ARRIVAL.fullmatch(name)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found["stamp"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return _Arrival(moment, found["digest"])
