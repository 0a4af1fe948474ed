"""Checkpoints that are kept under the digest of all that predictions depend on, damage told.

Below one folder lie

- ``versions/<version>/``: checkpoints as they were when they were kept,
- ``contents/<version>.json``: the digest of each one's content, to tell damage by.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from corpus.artefacts import digest, read_json, sweep, whole, write_json


@dataclass(frozen=True, slots=True)
class Version:
    """A model that was kept."""

    version: str
    """16 hex digits, the digest of all that its predictions depend on."""
    path: Path
    """Its checkpoint."""


@dataclass(frozen=True)
class KeptCheckpoints:
    """All checkpoints that are kept in a folder; whoever changes it must be alone."""

    folder: Path

    def names(self) -> list[str]:
        """The versions that there are, in no order."""
        return [path.name for path in self.versions.glob("[!.]*")]

    def keep(self, checkpoint: Path, version: str) -> None:
        """Copy a checkpoint whole, unless this version is kept and sound.

        Raises:
            ValueError: if ``version`` is no digest, or the checkpoint changes meanwhile.
        """
        _require_digest(version)
        if self._is_sound(version):
            return
        content = digest(checkpoint)
        with whole(self._checkpoint(version)) as draft:
            shutil.copytree(checkpoint, draft)
            _require_unchanged(checkpoint, content, digest(draft))
            # Before the folder is there: nobody finds one without knowing what is to be in it.
            write_json({"content": content}, self._content_file(version))

    def sound(self, version: str) -> Version:
        """A version, after a look at all of its content.

        Raises:
            ValueError: if the checkpoint is not what it was when it was kept.
        """
        path = self._checkpoint(version)
        if self._is_sound(version):
            return Version(version, path)
        found = digest(path) if path.is_dir() else "no such folder"
        others = sorted(set(self.names()) - {version})
        raise ValueError(
            f"{path}: expected the content that was kept (digest {self._content(version)}), found "
            f"{found}: the checkpoint was damaged, removed or edited, and nobody knows how good "
            "what it predicts is. Roll back to another version that model_history tells of "
            f"({', '.join(others) or 'there is none'}), or promote this one again"
        )

    def remove(self, version: str) -> None:
        """Remove a version whole: if half of it were left, it would be taken for damaged."""
        hidden = self.versions / f".{version}.old"
        self._checkpoint(version).rename(hidden)
        self._content_file(version).unlink(missing_ok=True)
        shutil.rmtree(hidden)

    def sweep(self) -> None:
        """Remove what killed processes left of checkpoints that they kept or removed."""
        sweep(self.versions)
        sweep(self.contents)

    @property
    def versions(self) -> Path:
        """Folder of the checkpoints."""
        return self.folder / "versions"

    @property
    def contents(self) -> Path:
        """Folder of their contents' digests."""
        return self.folder / "contents"

    def _is_sound(self, version: str) -> bool:
        path = self._checkpoint(version)
        return path.is_dir() and digest(path) == self._content(version)

    def _content(self, version: str) -> str | None:
        """Digest of a version's content when it was kept; None if nobody knows."""
        try:
            content: str = read_json(self._content_file(version))["content"]
        except (FileNotFoundError, ValueError):
            return None
        return content

    def _checkpoint(self, version: str) -> Path:
        return self.versions / version

    def _content_file(self, version: str) -> Path:
        return self.contents / f"{version}.json"


def _require_digest(version: str) -> None:
    if not re.fullmatch("[0-9a-f]{16}", version):
        raise ValueError(
            f"version: expected the digest of a checkpoint, 16 hex digits, found {version!r}; it "
            "names a folder, and tells models apart. Give the digest of the checkpoint"
        )


def _require_unchanged(checkpoint: Path, expected: str, found: str) -> None:
    if found != expected:
        raise ValueError(
            f"{checkpoint}: expected content {expected} as it was before copying, found {found} in "
            "the copy: another run writes this checkpoint, and a mixture of two would be promoted. "
            "Promote it again when that run has ended"
        )
