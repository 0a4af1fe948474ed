"""A model that is there already for the teacher, in place of one that is trained; knows no Dagster.

It may be larger than the student, or a fine-tuned model of an earlier round of distillation.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.artefacts import digest, read_json, whole, write_json
from corpus.relations import RelationVocabulary
from corpus.tables import read_documents
from docre_assets.training import StageOutputs, Trained, write_dev_logits
from models.checkpoint_files import (
    CALIBRATION,
    METRICS,
    PROVENANCE,
    RELATIONS,
    checkpoint_digest,
    model_version,
    require_files,
)

if TYPE_CHECKING:
    from models.dev_logits import DevLogits
    from models.runtime import Runtime


def adoption_inputs(checkpoint: Path, dev: Path, relations: Path) -> dict[str, str]:
    """Digests of all that `adopt` reads, once it is known to fit.

    Raises:
        ValueError: if the checkpoint is none, is damaged, or is of other relations.
    """
    _require_checkpoint(checkpoint)
    vocabulary = RelationVocabulary.load(relations)
    own = RelationVocabulary.load(checkpoint / RELATIONS)
    vocabulary.require_same(own, here=str(relations), there=f"DOCRE_TEACHER ({checkpoint})")
    return {
        "teacher": _sound_version(checkpoint),
        "dev": digest(dev),
        "relations": digest(relations),
    }


def adopt(
    checkpoint: Path,
    read: Mapping[str, str],
    dev: Path,
    outputs: StageOutputs,
    runtime: "Runtime",
) -> None:
    """Copy a model, calibrated anew if dev tells a calibration; all else stays.

    Args:
        checkpoint: the model, of any shape.
        read: its `adoption_inputs`.
        dev: table of labelled documents that the calibration is fitted on; may be empty.
        outputs: artefacts to write.
        runtime: device and precision.

    Raises:
        ValueError: if the checkpoint has changed since.
    """
    with whole(outputs.checkpoint) as draft:
        shutil.copytree(checkpoint, draft)
        _require_unchanged(checkpoint, read["teacher"], model_version(draft))
        dev_logits = _calibrate(draft, dev, runtime)
        told = {"inputs": read, "adopted": str(checkpoint.resolve())}
        write_json({**told, "before": read_json(draft / PROVENANCE)}, draft / PROVENANCE)
    model = checkpoint_digest(outputs.checkpoint)
    vocabulary = RelationVocabulary.load(outputs.checkpoint / RELATIONS)
    write_dev_logits(dev_logits, outputs.dev_logits, model, vocabulary)


def _calibrate(checkpoint: Path, dev: Path, runtime: "Runtime") -> "DevLogits":
    """Fit a checkpoint's calibration in place; it keeps its own where dev tells none."""
    from models.checkpoint import load_checkpoint
    from models.dev_logits import calibrate

    extractor = load_checkpoint(checkpoint)
    dev_logits = calibrate(extractor, read_documents(dev), runtime)
    if extractor.calibration is not None:
        write_json(asdict(extractor.calibration), checkpoint / CALIBRATION)
    return dev_logits


def _require_checkpoint(checkpoint: Path) -> None:
    """Raise a ValueError unless this is a folder that a training has left."""
    if not checkpoint.is_dir():
        raise ValueError(
            f"DOCRE_TEACHER: expected the folder of a checkpoint, found none at {checkpoint} "
            f"(from {Path.cwd()}); name another, or unset it to train a teacher"
        )
    require_files(checkpoint)
    files = [name for name in (METRICS, PROVENANCE) if not (checkpoint / name).is_file()]
    account = {} if METRICS in files else read_json(checkpoint / METRICS)
    known = {field.name for field in fields(Trained)} - {"digest", "calibration"}
    wanted = known & {field.name for field in fields(Trained) if field.default is MISSING}
    if files or not wanted <= account.keys() <= known or not account["epochs"]:
        raise ValueError(
            f"{checkpoint}: expected the account of a training ({', '.join(sorted(wanted))} in "
            f"{METRICS}, and {PROVENANCE}), found {', '.join(sorted(account)) or 'none'}: another "
            "program or an older version of this one wrote it. Train the model again"
        )


def _sound_version(checkpoint: Path) -> str:
    """The version of a model; one in a folder that is called as versions are must be that one."""
    version, name = model_version(checkpoint), checkpoint.resolve().name
    if re.fullmatch(r"[0-9a-f]{16}", name) and name != version:
        raise ValueError(
            f"{checkpoint}: expected the version that its name says, found {version}: it was "
            "damaged or edited, and nobody knows what it would teach. Take another version"
        )
    return version


def _require_unchanged(checkpoint: Path, before: str, copied: str) -> None:
    if copied != before:
        raise ValueError(
            f"{checkpoint}: expected version {before} as it was before copying, found {copied} in "
            "the copy: somebody writes this checkpoint, and a mixture of two would teach. "
            "Materialize teacher_model again when that has ended"
        )
