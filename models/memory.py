"""Running out of memory on a batch: it is computed again in smaller pieces."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import torch

from corpus.encode import EncodedDocument
from models.plan import Pieces

_log = logging.getLogger(__name__)

_SIGNS: Final = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "bad_alloc",
    "could not create a primitive",  # oneDNN's only word for it
)
"""In lower case, what torch's errors say that are of no class of their own, on CPUs above all."""

Result = TypeVar("Result")


class BatchTooLargeError(MemoryError):
    """Memory ran out on some documents that were computed at once."""

    def __init__(self, documents: Sequence[EncodedDocument], where: str, found: str) -> None:
        super().__init__(f"{where}: memory ran out on {_named(documents)}: {found}")
        self.documents, self.where, self.found = documents, where, found


@contextmanager
def memory_for(documents: Sequence[EncodedDocument], where: str) -> Iterator[None]:
    """Let running out of memory be told as a `BatchTooLargeError`; other errors pass.

    Args:
        documents: what is computed in the block.
        where: the step or the stage, for messages.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        found = str(error) or type(error).__name__
        raise BatchTooLargeError(documents, where, found) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a CPU or on another device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _SIGNS)


class DocumentLimit:
    """How many documents are computed at once, at most; lowered for good where memory runs out."""

    def __init__(self, documents: int) -> None:
        self.documents = documents

    def fitted(self, pieces: Pieces, compute: Callable[[Pieces], Result]) -> Result:
        """What ``compute`` gives for pieces, ever smaller ones until memory suffices.

        Args:
            pieces: to begin with.
            compute: is called anew with all pieces after each failure, and must then leave behind
                nothing of the failed call; runs each piece within `memory_for`.

        Raises:
            MemoryError: if a document does not fit even by itself.
        """
        while True:
            try:
                return compute(self._cut(pieces))
            except BatchTooLargeError as error:
                self._lower(error)
            _free()  # only here is the error gone, whose traceback holds the failed call's tensors

    def _cut(self, pieces: Pieces) -> Pieces:
        size = self.documents
        return [
            piece[start : start + size] for piece in pieces for start in range(0, len(piece), size)
        ]

    def _lower(self, error: BatchTooLargeError) -> None:
        count = len(error.documents)
        if count == 1:
            raise MemoryError(_alone(error)) from error
        self.documents = (count + 1) // 2
        _log.warning(
            "%s. From here on it is %s at most, which gives the same up to rounding and dropout. "
            "To lose no time on it, lower a training's token_budget or cell_budget: these had %d "
            "tokens and %d cells of pair tables",
            str(error),  # a record that is kept must not keep the error's tensors
            _counted(self.documents),
            sum(len(document.token_ids) for document in error.documents),
            sum(document.n_entities**2 for document in error.documents),
        )


def _alone(error: BatchTooLargeError) -> str:
    [document] = error.documents
    return (
        f"{error.where}: expected that a document fits into memory by itself, found that it ran "
        f"out on {document.doc_id!r} ({len(document.token_ids)} tokens, {document.n_entities} "
        f"entities): {error.found}. A document is never cut, because its pairs are looked at "
        "together. Leave it out or split it, compute on a device with more memory or with "
        "precision bfloat16, or take a smaller encoder"
    )


def _named(documents: Sequence[EncodedDocument]) -> str:
    return f"{_counted(len(documents))} {[document.doc_id for document in documents]}"


def _counted(documents: int) -> str:
    return f"{documents} document{'s' * (documents != 1)} at once"


def _free() -> None:
    """Give back what nothing refers to any more, also where the device's allocator keeps it."""
    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()
