"""Where documents come from."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from corpus.sources import CorpusFolder, SourceUnavailableError, open_source

RETRIES, SECONDS_TO_WAIT = 3, 60
"""How often, and after how long, a hub that could not be reached is asked again."""


class CorpusSource(dg.ConfigurableResource):
    """The corpus to distil."""

    spec: str = Field(
        default="demo",
        description="`demo` (generated), a folder of DocRED-format files, or `hf:<dataset id>`.",
    )
    seed: int = Field(default=13, description="Seed of the generated demo corpus.")
    max_rejected_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of documents that may be kept out as invalid before the asset fails.",
    )

    def open(self, cache: Path) -> CorpusFolder:
        """The source's files; what has to be generated or downloaded is put into ``cache``.

        Raises:
            dagster.RetryRequested: if the hub cannot be reached, and may be later.
            ValueError: if the source is not as it should be; trying again would not help.
        """
        try:
            return open_source(self.spec, cache, seed=self.seed)
        except SourceUnavailableError as error:
            raise dg.RetryRequested(RETRIES, SECONDS_TO_WAIT) from error
