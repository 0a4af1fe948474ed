"""Encoded documents on the disk, so that a training's memory does not grow with its corpus."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, overload

import numpy as np

from corpus.arrays import Int32Array
from corpus.artefacts import UnwritableError, room, unwritable
from corpus.encode import EncodedDocument, Sizes
from corpus.evidence import PairEvidence

_HEADER: Final = 7
"""Numbers that open a document: bytes of its id, T, E, M, S, L and K; -1 for what is None."""


class EncodedDocuments(Sequence[EncodedDocument]):
    """Documents in an unnamed file, which is gone with this object or with its process.

    In memory are 16 bytes a document: its place, its length and its number of entities. All else
    is mapped, and read when it is asked for.

    Args:
        documents: are taken one by one.
        folder: of the file, made if it is not there; the system's for temporary files if not given.

    Raises:
        UnwritableError: if there is no room for the file, or nothing may be written there.
    """

    def __init__(self, documents: Iterable[EncodedDocument], folder: Path | None = None) -> None:
        folder = Path(tempfile.gettempdir()) if folder is None else folder
        places, tokens, entities = array("q", [0]), array("i"), array("i")
        with _unnamed_file(folder) as file:
            for document in documents:
                with _naming(folder):
                    places.append(places[-1] + _write(file, document))
                tokens.append(len(document.token_ids))
                entities.append(document.n_entities)
            with _naming(folder):
                file.flush()
            self._numbers = _mapped(file)
        self._places = np.asarray(places)
        self.sizes = Sizes(np.asarray(tokens, np.int32), np.asarray(entities, np.int32))
        """Of all documents."""

    def __len__(self) -> int:
        return len(self.sizes.tokens)

    @overload
    def __getitem__(self, index: int) -> EncodedDocument: ...
    @overload
    def __getitem__(self, index: slice) -> list[EncodedDocument]: ...
    def __getitem__(self, index: int | slice) -> EncodedDocument | list[EncodedDocument]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return _read(np.array(self._numbers[self._places[place] : self._places[place + 1]]))


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Tell of a folder that cannot be written to which it is and what for."""
    try:
        yield
    except OSError as error:
        if reason := unwritable(error, folder):
            raise UnwritableError(
                f"{folder}: expected room for the encoded documents of a training (two to ten "
                f"kilobytes each), found: {reason}, with {room(folder)} free. No model was "
                "changed. Make room, or give the workflow's user the right to write there, then "
                "train again"
            ) from error
        raise


@contextmanager
def _unnamed_file(folder: Path) -> Iterator[IO[bytes]]:
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 because it is closed below
    try:
        yield file
    finally:
        with suppress(OSError):  # of what could not be written, which has been told
            file.close()


def _mapped(file: IO[bytes]) -> Int32Array:
    """All of a file, read-only: what may be written to would count as memory, all of it."""
    if file.seek(0, 2) == 0:
        return np.empty(0, np.int32)
    return np.asarray(np.memmap(file, np.int32, "r"))


def _write(file: IO[bytes], document: EncodedDocument) -> int:
    """Append a document; gives the int32 numbers that it takes."""
    name = document.doc_id.encode()
    labels, evidence = document.labels, document.evidence
    header = [
        len(name),
        len(document.token_ids),
        document.n_entities,
        sum(map(len, document.mention_starts)),
        len(document.sentence_starts),
        -1 if labels is None else len(labels),
        -1 if evidence is None else len(evidence),
    ]
    parts = [
        header,
        np.frombuffer(name.ljust(_padded(len(name))), np.int32),
        document.token_ids,
        [len(starts) for starts in document.mention_starts],
        *document.mention_starts,
        document.sentence_starts,
        *([] if labels is None else [labels.ravel()]),
        *([] if evidence is None else [evidence.pairs, _as_int32(evidence)]),
    ]
    numbers = np.concatenate([np.asarray(part, np.int32) for part in parts])
    file.write(numbers.tobytes())
    return len(numbers)


def _padded(size: int) -> int:
    """The next multiple of an int32's bytes."""
    return -(-size // 4) * 4


def _as_int32(evidence: PairEvidence) -> Int32Array:
    """The bits of float32 shares."""
    return np.ascontiguousarray(evidence.shares, np.float32).ravel().view(np.int32)


def _read(numbers: Int32Array) -> EncodedDocument:
    """What `_write` has written of one document; its arrays are views."""
    name, n_tokens, n_entities, n_mentions, n_sentences, n_labels, n_pairs = numbers[
        :_HEADER
    ].tolist()
    sizes = [
        _HEADER,
        _padded(name) // 4,
        n_tokens,
        n_entities,
        n_mentions,
        n_sentences,
        3 * max(n_labels, 0),
        max(n_pairs, 0),
    ]
    _, letters, tokens, counts, starts, sentences, labels, pairs, shares = np.split(
        numbers, np.cumsum(sizes)
    )
    found = PairEvidence(pairs, shares.view(np.float32).reshape(len(pairs), n_sentences))
    return EncodedDocument(
        doc_id=letters.tobytes()[:name].decode(),
        token_ids=tokens,
        mention_starts=tuple(np.split(starts, np.cumsum(counts)[:-1])) if n_entities else (),
        labels=None if n_labels < 0 else labels.reshape(-1, 3),
        sentence_starts=sentences,
        evidence=None if n_pairs < 0 else found,
    )
