"""Files that arrive in a folder: each is taken once, told by its content, or set aside.

A file is moved, never copied and forgotten: at every moment it lies in the inbox, among the
arrived ones or beside the reason why it was set aside, so that a run that was stopped is made good
by the next one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import duckdb

from corpus.arrivals import (
    arrival_name,
    arrivals,
    digest_of_arrival,
    is_arrival,
    moment_of_arrival,
)
from corpus.artefacts import digest, whole
from corpus.docred import convert
from corpus.ingest import require_few_rejected, told
from corpus.json_files import MEMORY_LIMIT
from corpus.relations import RelationVocabulary
from corpus.schema import Split
from corpus.tables import write_table
from corpus.waiting import ENDINGS, ending_of, fingerprint, settled, strangers

ORIGINALS: Final = "original"
"""Folder among the arrived files for those from which tables were made."""

REASON: Final = ".reason.txt"
"""Ending of the text beside a file that was set aside."""

_REJECTED: Final = ".rejected.parquet"
_SCRATCH: Final = ".taking-"
_LONGEST: Final = 200
"""Bytes of a name that are kept: file systems allow 255, and endings are added."""
_SHOWN: Final = 1000
"""Bad documents that a reason tells."""


@dataclass(frozen=True)
class Taken:
    """What became of the files of an inbox, by their names in it."""

    arrived: dict[str, Path] = field(default_factory=dict)
    """Where each file that was taken arrived, in the order of arrival."""
    set_aside: dict[str, str] = field(default_factory=dict)
    """Why each of the others was set aside."""
    left: list[str] = field(default_factory=list)
    """Files that changed while they were looked at: they wait for the next time."""


@dataclass(frozen=True)
class Inbox:
    """A folder in which documents arrive, and where they go.

    Inboxes may share the folder of what is rejected, and no other.

    Raises:
        ValueError: if two of its own folders are the same.
    """

    folder: Path
    """Where files are put."""
    arrived: Path
    """Where those go that are taken, as ``<time of arrival>-<digest><ending>``.

    Distant documents stay as they came. Documents to be predicted become a `DOCUMENTS` table,
    with ``….rejected.parquet`` beside it where some were kept out, and the file that came is kept
    in the folder ``original``.
    """
    rejected: Path
    """Where the others go, under their names, each with the reason beside it."""
    split: Split
    """What the documents are for: `DISTANT` or `NEW`."""
    quiet_seconds: float = 60
    """How long a file must have been left alone."""

    def __post_init__(self) -> None:
        folders = (self.folder, self.arrived, self.rejected)
        if len({folder.resolve() for folder in folders}) < len(folders):
            raise ValueError(
                f"inbox: expected three different folders, found {[str(f) for f in folders]}. "
                "What was set aside would arrive again: name another folder"
            )

    def pending(self, now: float) -> dict[Path, str]:
        """Files that `take` would look at, each with a digest of its state; nothing is read.

        The digest changes whenever a file is written, or put there again with the same content.
        """
        found = ((file, fingerprint(file)) for file in self._waiting(now))
        return {file: state for file, state in found if state}

    def take(self, vocabulary: RelationVocabulary, max_rejected_share: float, now: float) -> Taken:
        """Take every file that has settled, or set it aside with the reason.

        Set aside are files whose content was taken before, that cannot be read, in which no
        document is good, or more are bad than is tolerated. Other runs wait until this one ends.

        Args:
            vocabulary: The relations that labels may use.
            max_rejected_share: Share of a file's documents that may be bad; a single one is
                tolerated unless this is 0.
            now: The time, in seconds since 1970. A file's time of arrival is at least a second
                after that of the one before it, so that names sort by arrival.

        Raises:
            OSError: if a folder cannot be written; what was not taken yet stays in the inbox.
        """
        with _locked(self.folder):
            _sweep(self.arrived)
            known = {digest_of_arrival(place): place for place in arrivals(self.arrived)}
            taking = _Taking(self, vocabulary, max_rejected_share, now, known)
            for file in self._waiting(now):
                taking.take(file)
        return taking.taken

    def _waiting(self, now: float) -> list[Path]:
        asked = (self.folder, self.quiet_seconds, now)
        return sorted([*settled(*asked), *strangers(*asked)])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against other runs; the lock is gone with the process that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(arrived: Path) -> None:
    """Remove what a stopped run left behind: its scratch folder, bad documents of no table."""
    for scratch in arrived.glob(f"{_SCRATCH}*"):
        shutil.rmtree(scratch)
    for rejected in arrived.glob(f"*{_REJECTED}"):
        table = rejected.with_name(rejected.name.removesuffix(_REJECTED) + ".parquet")
        if is_arrival(table) and not table.exists():
            rejected.unlink()


class _ChangedError(Exception):
    """The file changed while it was looked at."""


@dataclass(frozen=True)
class _Good:
    """What is known of a file that can be taken."""

    content: str
    """Digest of what is in it."""
    ending: str
    """That of its format."""


@dataclass
class _Taking:
    """One run over an inbox."""

    inbox: Inbox
    vocabulary: RelationVocabulary
    max_rejected_share: float
    now: float
    known: dict[str, Path]
    """Where each content that was taken lies, by digest, in the order of arrival."""
    taken: Taken = field(default_factory=Taken)

    def __post_init__(self) -> None:
        self.latest = max(
            map(moment_of_arrival, self.known.values()), default=datetime.min.replace(tzinfo=UTC)
        )

    def take(self, file: Path) -> None:
        """Take a file or set it aside; one that changes meanwhile is left."""
        state = fingerprint(file)
        self.inbox.arrived.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self.inbox.arrived, prefix=_SCRATCH) as scratch:
                self._take(file, state, Path(scratch))
        except _ChangedError:
            self.taken.left.append(file.name)
        except Exception as error:
            error.add_note(f"while {file} was taken from the inbox")
            raise

    def _take(self, file: Path, state: str | None, scratch: Path) -> None:
        good, reason = None, ""
        try:
            good = self._read(file, scratch)
        except ValueError as refusal:
            reason = str(refusal)
        except duckdb.OutOfMemoryException as error:
            reason = (
                f"{file}: expected a file that {MEMORY_LIMIT} of memory are enough to read, found "
                f"that they are not ({error}). Cut it into several files, or, if it is Parquet, "
                "write it with smaller row groups"
            )
        _require_same(file, state)
        if good:
            self._keep(file, state, good, scratch)
        else:
            self._set_aside(file, state, reason)

    def _read(self, file: Path, scratch: Path) -> _Good:
        """What a good file is; its documents are then in the scratch folder."""
        ending = ending_of(file)
        if ending is None:
            raise ValueError(
                f"{file}: expected documents in {', '.join(ENDINGS)}; found another ending. "
                "Convert the file, or give it the ending of what is in it"
            )
        content = _digest(file)
        place = self.known.get(content)
        if place is None:
            self._convert(file, content, scratch)
        elif not self._lacks_original(place):
            raise ValueError(
                f"{file}: already taken, as {place}. Nothing needs to be done: the same content "
                "arrived before"
            )
        return _Good(content, ending)

    def _lacks_original(self, place: Path) -> bool:
        """Whether a run was stopped between writing a table and keeping what it was made from."""
        originals = self.inbox.arrived / ORIGINALS
        return self.inbox.split is Split.NEW and not any(originals.glob(f"{place.stem}.*"))

    def _convert(self, file: Path, content: str, scratch: Path) -> None:
        split = self.inbox.split
        prefix = f"new-{content[:8]}" if split is Split.NEW else None
        table = scratch / "documents.parquet"
        [judged] = convert(file, table, self.vocabulary, split, prefix=prefix).files
        require_few_rejected(str(file), judged, self.max_rejected_share, _SHOWN)
        if judged.documents == judged.rejected.height:
            raise ValueError(
                f"{file}: expected at least one good document, found none among "
                f"{judged.documents}. There is nothing to take: add documents, or correct them\n"
                f"{told(judged.rejected)}".rstrip()
            )
        if judged.rejected.height:
            write_table(judged.rejected, scratch / "rejected.parquet")

    def _keep(self, file: Path, state: str | None, good: _Good, scratch: Path) -> None:
        """Move a good file to the arrived ones; a table that is made of it goes before it."""
        place = self.known.get(good.content) or self._place(good)
        if self.inbox.split is not Split.NEW:
            _move(file, place, state)
        else:
            if good.content not in self.known:
                _publish(scratch, place)
            original = f"{place.stem}{good.ending}"
            _move(file, self.inbox.arrived / ORIGINALS / original, state)
        self.known[good.content] = place
        self.taken.arrived[file.name] = place

    def _place(self, good: _Good) -> Path:
        """Where a file arrives: later, by its name, than all that are there."""
        now = datetime.fromtimestamp(self.now, UTC)
        self.latest = max(now, self.latest + timedelta(seconds=1))
        ending = ".parquet" if self.inbox.split is Split.NEW else good.ending
        return self.inbox.arrived / arrival_name(self.latest, good.content, ending)

    def _set_aside(self, file: Path, state: str | None, reason: str) -> None:
        """Move a file to the rejected ones, after the reason."""
        with _locked(self.inbox.rejected):
            place = _free(self.inbox.rejected / file.name)
            with whole(_reason(place)) as draft:
                draft.write_text(reason + "\n", encoding="utf-8", errors="backslashreplace")
            _move(file, place, state)
        self.taken.set_aside[file.name] = reason


def _digest(file: Path) -> str:
    try:
        return digest(file)
    except FileNotFoundError as error:
        raise _ChangedError from error
    except PermissionError as error:
        raise ValueError(
            f"{file}: expected a file that may be read, found {error.strerror}. Put it into the "
            "inbox again as one that the workflow's user may read"
        ) from error


def _publish(scratch: Path, place: Path) -> None:
    """Put a table in its place. With it the content is taken; hence bad documents go first."""
    rejected = scratch / "rejected.parquet"
    if rejected.exists():
        rejected.replace(place.with_name(place.stem + _REJECTED))
    (scratch / "documents.parquet").replace(place)


def _require_same(file: Path, state: str | None) -> None:
    if state is None or fingerprint(file) != state:
        raise _ChangedError


def _move(file: Path, place: Path, state: str | None) -> None:
    """Rename a file; onto another file system it is copied whole and then removed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _require_same(file, state)
    try:
        file.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with whole(place) as draft:
            shutil.copy2(file, draft)
            _sync(draft)
            _require_same(file, state)
        file.unlink()


def _sync(file: Path) -> None:
    """Have a copy on the disk itself before its original is removed."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _reason(file: Path) -> Path:
    return file.with_name(file.name + REASON)


def _free(place: Path) -> Path:
    """The place, or one with a number, where no file lies; its name is not too long."""
    ending = ending_of(place) or ""
    stem = os.fsdecode(os.fsencode(place.name.removesuffix(ending))[:_LONGEST])
    numbers = ("" if number == 1 else f"-{number}" for number in count(1))
    places = (place.with_name(f"{stem}{number}{ending}") for number in numbers)
    return next(free for free in places if not _occupied(free))


def _occupied(place: Path) -> bool:
    """Whether a file lies there, or where its reason would; a reason without its file may go."""
    return place.exists() or _reason(_reason(place)).exists()
