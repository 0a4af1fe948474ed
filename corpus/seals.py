"""Seals: what artefacts were made from, and what their content was when they were finished.

An artefact whose seal names the same inputs and whose content is still the sealed one need not be
made again; one whose content has changed since is broken, and nothing is made from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.artefacts import digest, digest_of, read_json, write_json


class BrokenSealError(ValueError):
    """An artefact is not what it was when it was finished."""


@dataclass(frozen=True)
class Seal:
    """The seal of artefacts that are made together."""

    root: Path
    """Folder of all artefacts."""
    name: str
    """What makes them: the asset."""
    parts: tuple[Path, ...]
    """The files and folders that it is of, below the root."""

    @property
    def file(self) -> Path:
        """Where the seal is kept."""
        return self.root / "seals" / f"{self.name}.json"

    def keeps(self, made_from: str) -> bool:
        """Whether all parts are there, unbroken, and were made from exactly this."""
        try:
            sealed = self._sealed()
        except BrokenSealError:
            return False
        return sealed.get("made_from") == made_from and sealed.get("content") == self._content()

    def content(self) -> str:
        """Digest of the part as it was sealed; of several, one digest of all of theirs."""
        parts = self._sealed().get("content", {})
        return digest_of(parts) if len(self.parts) > 1 else "".join(parts.values())

    def require_unbroken(self) -> None:
        """Raise if a part is not what it was when it was sealed; parts without a seal pass.

        Raises:
            BrokenSealError: naming the part, both digests, and what to do.
        """
        now = self._content()
        for part, expected in self._sealed().get("content", {}).items():
            if now.get(part) != expected:
                found = now.get(part) or "nothing there"
                raise BrokenSealError(
                    f"{self.root / part}: expected content digest {expected}, found {found}: the "
                    "artefact was damaged, cut short or edited after it was finished, and what is "
                    f"made from it would be wrong. Materialize {self.name} again"
                )

    @property
    def is_unbroken(self) -> bool:
        """Whether `require_unbroken` has nothing to say."""
        try:
            self.require_unbroken()
        except BrokenSealError:
            return False
        return True

    @contextmanager
    def renewed(self, made_from: str) -> Iterator[None]:
        """Seal what the block makes.

        Until then the old seal stays: if the block does not come to its end, it tells whether what
        it was of is still there, or something that was never sealed.
        """
        yield
        write_json({"made_from": made_from, "content": self._content()}, self.file)

    def _content(self) -> dict[str, str]:
        there = (part for part in self.parts if part.exists())
        return {part.relative_to(self.root).as_posix(): digest(part) for part in there}

    def _sealed(self) -> dict[str, Any]:
        try:
            return read_json(self.file) if self.file.is_file() else {}
        except ValueError as error:
            raise BrokenSealError(
                f"{self.file}: expected a seal, found no JSON ({error}): nobody knows whether the "
                f"artefact is what it was. Materialize {self.name} again"
            ) from error
