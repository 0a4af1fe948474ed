"""What a warehouse says that it was made from."""

from pathlib import Path

import pytest

from corpus.artefacts import digest, digest_of
from corpus.predicted import Predictor, write_predictions
from corpus.schema import PREDICTIONS
from corpus.tables import write_table
from docre_assets.serving_assets import digests, targets
from quality.warehouse_tables import WarehouseTables


def predicted(folder: Path, *cut_by: str | None) -> WarehouseTables:
    """Tables of predictions by what cut them; None is one that does not tell it."""
    paths = [folder / f"{number}.parquet" for number in range(len(cut_by))]
    for path, target in zip(paths, cut_by, strict=True):
        if target is None:
            write_table(PREDICTIONS.to_frame(), path)
        else:
            write_predictions(PREDICTIONS.to_frame(), path, Predictor("1", target))
    return WarehouseTables([paths[0]], [paths[0]], [paths[0]], paths, paths[0], [], paths[0])


@pytest.mark.parametrize(
    ("cut_by", "told"),
    [
        (["TH"], {"target": "TH"}),
        (["TH", "b", "a", "b"], {"target": "TH", "target of new_predictions": "a; b"}),
        ([None], {"target": "unknown: the table does not say it"}),
    ],
)
def test_readers_are_told_how_predictions_were_cut(tmp_path, cut_by, told):
    assert targets(predicted(tmp_path, *cut_by)) == told


def test_digests_are_of_the_files_themselves(tmp_path):
    tables = predicted(tmp_path, "TH", "a", "b")
    found = digests(tables)
    one, *more = map(digest, tables.predictions)
    assert (found["predictions"], found["new_predictions"]) == (one, digest_of(more))
    assert "former_predictions" not in found
