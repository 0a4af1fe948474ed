"""Where new documents arrive."""

from pathlib import Path

import dagster as dg
from pydantic import Field


class Inbox(dg.ConfigurableResource):
    """A folder that others put files into.

    ``distant/`` takes documents to distil, ``unlabelled/`` documents to predict; what cannot be
    read goes to ``rejected/`` with the reason beside it.
    """

    root: str = Field(default="inbox", description="Folder of the inbox.")
    quiet_seconds: float = Field(
        default=60,
        ge=0,
        description="A file is taken once it has not been written to for so long.",
    )

    @property
    def folder(self) -> Path:
        """The root, absolute."""
        return Path(self.root).resolve()

    def waiting(self, kind: str) -> Path:
        """Where files of a kind arrive: ``distant`` or ``unlabelled``."""
        return self.folder / kind

    @property
    def rejected(self) -> Path:
        """Where files go that cannot be taken."""
        return self.folder / "rejected"
