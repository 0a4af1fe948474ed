"""Places to distil a handful of articles in."""

from collections.abc import Iterator

import dagster as dg
import pytest
from little_corpus import LONG_ENOUGH, Workplace, write_corpus

from resources.storage import Storage


@pytest.fixture
def workplace(tmp_path) -> Iterator[Workplace]:
    """An empty place for artefacts beside a good corpus."""
    storage = Storage(root=str(tmp_path / "artefacts"))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Workplace(write_corpus(tmp_path / "corpus"), storage, instance)


@pytest.fixture(scope="session")
def distilled(tmp_path_factory) -> Iterator[tuple[Workplace, dg.ExecuteInProcessResult]]:
    """A good corpus and everything that was made from it; tests only read it."""
    place = tmp_path_factory.mktemp("distilled")
    storage = Storage(root=str(place / "artefacts"))
    with dg.instance_for_test(temp_dir=str(place)) as instance:
        workplace = Workplace(write_corpus(place / "corpus"), storage, instance)
        yield workplace, workplace.distil(**LONG_ENOUGH)
