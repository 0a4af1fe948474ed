"""A handful of articles as a corpus folder, and what is needed to distil them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from docre_assets.assets import ASSETS
from docre_assets.checks import CHECKS
from docre_assets.jobs import JOBS
from resources.compute import Compute
from resources.corpus_source import CorpusSource
from resources.inbox import Inbox
from resources.method import Method
from resources.promotion import Promotion
from resources.quality import Quality
from resources.storage import Storage
from resources.warehouse import Warehouse

NAMES = {"P17": "country", "P19": "place of birth", "P27": "country of citizenship"}

LONG_ENOUGH = {"teacher.training.epochs": 12, "student.training.epochs": 6}
"""For the tiny network to find something."""


def article(number: int, *, labelled: bool = True) -> dict[str, Any]:
    """A person, a city and a country; citizenship is never said in one sentence."""
    person, city, country = f"Person{number}", f"City{number}", f"Country{number}"
    document = {
        "title": f"{person} of {city}",
        "sents": [
            [person, "was", "born", "in", city, "."],
            ["The", "city", city, "lies", "in", country, "."],
        ],
        "vertexSet": [
            [{"name": person, "sent_id": 0, "pos": [0, 1], "type": "PER"}],
            [
                {"name": city, "sent_id": 0, "pos": [4, 5], "type": "LOC"},
                {"name": city, "sent_id": 1, "pos": [2, 3], "type": "LOC"},
            ],
            [{"name": country, "sent_id": 1, "pos": [5, 6], "type": "LOC"}],
        ],
    }
    return document | {"labels": labels()} if labelled else document


def labels() -> list[dict[str, Any]]:
    """What every article's text says."""
    return [
        {"h": 0, "t": 1, "r": "P19", "evidence": [0]},
        {"h": 1, "t": 2, "r": "P17", "evidence": [1]},
        {"h": 0, "t": 2, "r": "P27", "evidence": [0, 1]},
    ]


def write_corpus(folder: Path, **files: Any) -> Path:
    """A corpus folder with 8 training, 3 dev, 3 test and 7 unlabelled articles; None leaves out."""
    triples = [[f"Person{n}", f"City{n}", "P19"] for n in range(100, 107)]
    contents = {
        "train_annotated": [article(n) for n in range(8)],
        "dev": [article(n) for n in range(20, 23)],
        "test": [article(n) for n in range(30, 33)],
        "unlabelled": [article(n, labelled=False) for n in range(100, 107)],
        "knowledge_base": triples,
        "rel_info": NAMES,
    } | files
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@dataclass
class Workplace:
    """A corpus, a place for artefacts and an instance; everything that a run needs."""

    corpus: Path
    storage: Storage
    instance: dg.DagsterInstance
    quality: Quality = field(default_factory=lambda: Quality(enforce=False, docs=False))
    """A handful of articles says little; its limits are not enforced unless a test is of them."""
    teacher: str = ""
    """Checkpoint that is taken for the teacher."""

    def resources(self, **overrides: Any) -> dict[str, Any]:
        """Resources of a run with the tiny preset on one thread."""
        return {
            "storage": self.storage,
            "corpus_source": CorpusSource(spec=str(self.corpus)),
            "method": Method(preset="tiny", overrides=overrides, teacher=self.teacher),
            "compute": Compute(device="cpu", precision="float32", threads=1),
            "quality": self.quality,
            "warehouse": Warehouse(path=str(self.storage.warehouse)),
            "inbox": self.inbox,
            "promotion": Promotion(),
        }

    @property
    def inbox(self) -> Inbox:
        """An inbox beside the artefacts whose files have settled at once."""
        return Inbox(root=str(self.storage.folder.parent / "inbox"), quiet_seconds=0)

    def arrive(self, kind: str, name: str, documents: list[dict[str, Any]]) -> Path:
        """Put a file into the inbox."""
        file = self.inbox.waiting(kind) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(documents))
        return file

    def distil(self, *only: str, **overrides: Any) -> dg.ExecuteInProcessResult:
        """Run everything, or only some assets, once; failures are in the result."""
        return self.run("redistillation", *only, overrides=overrides)

    def run(
        self,
        job: str,
        *only: str,
        overrides: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job, or only some of its assets, once; failures are in the result.

        Args:
            job: its name.
            only: assets.
            overrides: hyper-parameters by dotted name.
            config: of assets, by their names.
        """
        definitions = dg.Definitions(
            assets=ASSETS,
            asset_checks=CHECKS,
            jobs=JOBS,
            resources=self.resources(**(overrides or {})),
        )
        return definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(asset) for asset in only] or None,
            run_config={"ops": {k: {"config": v} for k, v in (config or {}).items()}},
        )
