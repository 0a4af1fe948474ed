"""The whole asset graph on a few real documents: what CI asks of every submission.

Usage: python .ci/real_input.py FOLDER, with Re-DocRED's train.json, dev.json, knowledge_base.json,
rel2id.json and rel_info.json.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.real_corpus import cut

ANNOTATED, DISTANT, DEV = 24, 48, 12
GIVE_UP_MINUTES = 20
"""Far above the six minutes that it should take: CI's machines may be busy, but not stuck."""
ONE_EPOCH = {f"{stage}.training.epochs": 1 for stage in ("teacher", "student", "finetune")}


def main(source: Path) -> None:
    """Cut the corpus, run the graph on it, and see that all is made and sound in structure."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cut(source, folder / "corpus", annotated=ANNOTATED, distant=DISTANT, dev=DEV)
        (folder / "dagster").mkdir()
        shutil.copy("instance/dagster.yaml", folder / "dagster")
        settings = {
            "DAGSTER_HOME": str(folder / "dagster"),
            "DOCRE_CORPUS": str(folder / "corpus"),
            "DOCRE_STORAGE": str(folder / "artefacts"),
            "DOCRE_INBOX": str(folder / "inbox"),
            "DOCRE_PRESET": "small",
            "DOCRE_OVERRIDES": json.dumps(ONE_EPOCH),
            "DOCRE_SHARDS": "3",
            "DOCRE_QUALITY": "observe",  # models of one epoch have learnt next to nothing
        }
        started = time.monotonic()
        command = [sys.executable, "-m", "docre_assets"]
        limit = 60 * GIVE_UP_MINUTES
        subprocess.run(command, check=True, env=os.environ | settings, timeout=limit)
        minutes = (time.monotonic() - started) / 60
    print(f"\nreal documents: all assets made, structural checks green, in {minutes:.1f} minutes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
