"""A model that is there already for the teacher, in place of one that is trained; knows no Dagster.

It may be larger than the student, or a fine-tuned model of an earlier round of distillation.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.artefacts import digest, read_json
from corpus.relations import RelationVocabulary
from corpus.tables import read_documents
from docre_assets.training import StageOutputs, write_dev_logits
from models.checkpoint_files import METRICS, PROVENANCE, model_version

if TYPE_CHECKING:
    from models.runtime import Runtime


def adopt(
    checkpoint: Path, dev: Path, relations: Path, outputs: StageOutputs, runtime: "Runtime"
) -> None:
    """Copy a model, calibrated anew on dev; its weights and the account of its training stay.

    Args:
        checkpoint: the model, of any shape.
        dev: table of labelled documents that the calibration is fitted on; may be empty.
        relations: the corpus' relation vocabulary.
        outputs: artefacts to write.
        runtime: device and precision.

    Raises:
        ValueError: if the checkpoint is none, or its columns are not the corpus' relations.
    """
    from models.checkpoint import load_checkpoint, save_checkpoint
    from models.dev_logits import calibrate

    made_from = adopted_from(checkpoint, dev, relations)
    extractor, vocabulary = load_checkpoint(checkpoint), RelationVocabulary.load(relations)
    vocabulary.require_same(extractor.vocabulary, here=str(relations), there=str(checkpoint))
    dev_logits = calibrate(extractor, read_documents(dev), runtime)
    metrics, before = read_json(checkpoint / METRICS), read_json(checkpoint / PROVENANCE)
    told = {**made_from, "adopted": before}
    saved = save_checkpoint(extractor, outputs.checkpoint, metrics=metrics, provenance=told)
    write_dev_logits(dev_logits, outputs.dev_logits, saved, vocabulary)


def require_lasting(checkpoint: Path, models: Path) -> None:
    """Raise a ValueError if a checkpoint is one that the workflow replaces.

    Args:
        checkpoint: the model that is to be the teacher.
        models: folder of the checkpoints that runs write.
    """
    if models.resolve() in checkpoint.resolve().parents:
        raise ValueError(
            f"DOCRE_TEACHER: expected a checkpoint that no run replaces, found {checkpoint}: each "
            "redistillation would begin with another teacher, and none would keep anything. Name "
            "a version that was in use, below production/versions, or copy the folder elsewhere"
        )


def adopted_from(checkpoint: Path, dev: Path, relations: Path) -> dict[str, Any]:
    """Digests of all that `adopt` reads.

    Raises:
        ValueError: if the checkpoint lacks a file.
    """
    read = {checkpoint: model_version(checkpoint), dev: digest(dev), relations: digest(relations)}
    return {"inputs": {f"{path.parent.name}/{path.name}": told for path, told in read.items()}}
