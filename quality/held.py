"""The files of a warehouse held fast: all as they lay beside each other at one moment.

Artefacts are never changed but swapped whole, so a second link to a file keeps what it was.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from corpus.artefacts import whole
from quality.warehouse_tables import WarehouseTables

ATTEMPTS: Final = 10
"""How often files may be swapped while links to them are made, which takes milliseconds."""


@contextmanager
def held(resolve: Callable[[], WarehouseTables], warehouse: Path) -> Iterator[WarehouseTables]:
    """Links to all files, as long as the block lasts; copies where the file system has no links.

    The files are found again after they were linked, and linked again if by then they are others.

    Args:
        resolve: finds the files; nothing costly, as it is asked twice at least.
        warehouse: the file that is to be made of them; the links lie beside it, named as its
            drafts are, so that what a killed process leaves is swept too.

    Raises:
        FileNotFoundError: if a file that the warehouse needs is not there.
        RuntimeError: if the files never stay what they are.
    """
    folder = warehouse.with_name(f".{warehouse.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield _held(resolve, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _held(resolve: Callable[[], WarehouseTables], folder: Path) -> WarehouseTables:
    missing: FileNotFoundError | None = None
    for _ in range(ATTEMPTS):
        try:
            tables = resolve()
            tables.require_files()
            before = _stamps(tables)
            with whole(folder) as draft:
                linked = _linked(tables, draft, folder)
        except FileNotFoundError as error:  # of good, or for as long as another run swaps it
            missing = error
            continue
        if (resolve(), _stamps(tables)) == (tables, before):
            return linked
        missing = None
    raise missing or RuntimeError(
        f"warehouse: expected its input files to stay while they are linked, found others in their "
        f"place {ATTEMPTS} times: it would mix two states of them. The old warehouse stays. Wait "
        "for the end of the runs that are making them, then materialize the warehouse again"
    )


def _stamps(tables: WarehouseTables) -> list[tuple[int, ...] | None]:
    return [_stamp(path) for path in tables.files()]


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What tells a file from another that takes its place; None while none is there."""
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
    return None


def _linked(tables: WarehouseTables, draft: Path, folder: Path) -> WarehouseTables:
    """Link all files into a draft of a folder; the same files as they are named in the folder."""
    draft.mkdir()
    names = {path: f"{number:05}{path.suffix}" for number, path in enumerate(tables.files())}
    for path, name in names.items():
        _link(path, draft / name)
    return tables.elsewhere({path: folder / name for path, name in names.items()})


def _link(path: Path, link: Path) -> None:
    try:
        os.link(path.resolve(strict=True), link)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, link)
