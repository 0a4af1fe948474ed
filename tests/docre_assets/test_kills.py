"""Killed at any moment and launched again, a distillation ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from little_corpus import write_corpus

from corpus.artefacts import digest
from docre_assets.model_versions import ModelVersions
from models.checkpoint_files import model_version
from resources.storage import Storage

ROOT = Path(__file__).parents[2]
MODELS = ("teacher", "student", "finetuned")


@dataclass(frozen=True)
class Place:
    """Where a distillation runs in processes of its own, to be killed."""

    root: Path
    settings: dict[str, str]

    @property
    def storage(self) -> Storage:
        """Its artefacts."""
        return Storage(root=str(self.root / "artefacts"))

    def run(self, seconds: float | None = None) -> bool:
        """Distil for so long, then kill; whether it came to its end before.

        Args:
            seconds: None waits for the end.
        """
        home = self.root / "home"
        home.mkdir(parents=True, exist_ok=True)
        (home / "dagster.yaml").write_text((ROOT / "instance" / "dagster.yaml").read_text())
        places = {
            "DAGSTER_HOME": str(home),
            "DOCRE_STORAGE": self.storage.root,
            "DOCRE_INBOX": str(self.root / "inbox"),
        }
        with (self.root / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "docre_assets"],
                cwd=ROOT,
                env=os.environ | self.settings | places,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return False
        assert code == 0, (self.root / "log").read_text()[-3000:]
        return True

    def outcome(self) -> dict[str, str | None]:
        """Digests of all that a distillation leaves, but for the times that metrics tell."""
        storage = self.storage
        folders = ("raw_documents", "annotated_documents", "distant_documents", "soft_labels")
        current = ModelVersions(storage.production).current
        return {
            **{folder: digest(storage.folder / folder) for folder in folders},
            **{model: model_version(storage.model(model)) for model in MODELS},
            **{f"dev logits of {model}": digest(storage.dev_logits(model)) for model in MODELS},
            "knowledge_base": digest(storage.knowledge_base),
            "evaluation": digest(storage.evaluation),
            "predictions": digest(storage.predictions),
            "production_model": current and current.version,
        }


def _killed_until_it_ends(place: Place, draw: random.Random, least: float, most: float) -> int:
    """Kill a distillation again and again at random moments; how often, until it ended."""
    kills = 0
    while not place.run(draw.uniform(least, most)):
        kills += 1
    return kills


@pytest.mark.slow
@pytest.mark.breaks
def test_a_little_distillation_ends_the_same_after_two_kills(tmp_path):
    settings = {
        "DOCRE_CORPUS": str(write_corpus(tmp_path / "corpus")),
        "DOCRE_PRESET": "tiny",
        "DOCRE_OVERRIDES": '{"teacher.training.epochs": 12, "student.training.epochs": 6}',
        "DOCRE_QUALITY": "observe",
        "OMP_NUM_THREADS": "1",
    }
    undisturbed, killed = (Place(tmp_path / name, settings) for name in ("one", "two"))
    started = time.monotonic()
    assert undisturbed.run()
    whole, draw = time.monotonic() - started, random.Random(5)
    ended = [killed.run(whole * draw.uniform(share - 0.1, share)) for share in (0.4, 0.7)]
    assert not ended[0], "the second may have had little left to do"
    assert killed.run()
    assert killed.outcome() == undisturbed.outcome()


@pytest.mark.faults
def test_the_demo_ends_the_same_after_twenty_kills(tmp_path):
    undisturbed = Place(tmp_path / "undisturbed", {})
    assert undisturbed.run()
    expected, kills, draw = undisturbed.outcome(), 0, random.Random(13)
    while kills < 20:
        place = Place(tmp_path / f"after-{kills}-kills", {})
        kills += _killed_until_it_ends(place, draw, 30, 110)
        print(f"{kills} kills", flush=True)  # noqa: T201 (an hour without a word is long)
        assert place.outcome() == expected
