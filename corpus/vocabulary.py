"""Where the relation vocabulary of a corpus comes from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corpus.json_files import connected, naming, read_whole, records, require_json
from corpus.relations import NA, RelationVocabulary


def vocabulary_of(
    labelled: Iterable[Path], rel2id: Path | None = None, rel_info: Path | None = None
) -> RelationVocabulary:
    """The vocabulary that a corpus brings along, or the one that its labels use.

    Args:
        labelled: DocRED files; their labels count where there is neither of the other two.
        rel2id: Relation ids and their columns, which are kept; `NA` is in column 0.
        rel_info: Relation ids and their names; gives the names, and without ``rel2id`` the
            relations too, their columns by sorted ids.

    Raises:
        ValueError: if a file is no JSON or holds something else; it names the file.
    """
    names = _names(rel_info) if rel_info else {}
    if rel2id:
        return _of_columns(rel2id, names)
    if names:
        return RelationVocabulary.of_relations(names, names)
    return _of_labels(list(labelled))


def _names(path: Path) -> dict[str, str]:
    names = _mapping(path, "names", str)
    if not set(names) - {NA}:
        raise ValueError(
            f"{path}: expected relation ids and their names, found none. The model could "
            "predict nothing: list the relations, or remove the file to take those of the labels"
        )
    return names


def _of_columns(path: Path, names: dict[str, str]) -> RelationVocabulary:
    columns = _mapping(path, "columns", int)
    spelled = {(NA if i.casefold() == NA.casefold() else i): columns[i] for i in columns}
    try:
        return RelationVocabulary.of_columns(spelled, names)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _mapping(path: Path, what: str, kind: type) -> dict[str, Any]:
    found = read_whole(path)
    if isinstance(found, dict) and all(type(value) is kind for value in found.values()):
        return found
    raise ValueError(
        f"{path}: expected one JSON object of relation ids and their {what} ({kind.__name__}), "
        f"found {str(found)[:100]}; write it as in DocRED's file of that name"
    )


def _of_labels(files: list[Path]) -> RelationVocabulary:
    relations = {relation for file in files for relation in _used_in(file)} - {NA}
    if relations:
        return RelationVocabulary.of_relations(relations)
    raise ValueError(
        f"relations: expected rel2id.json, rel_info.json or labels to take them from; found "
        f"no label in {[str(file) for file in files]}. Add one of these files to the corpus"
    )


def _used_in(file: Path) -> list[str]:
    labels = "TRY_CAST(json -> '$.labels' AS STRUCT(r VARCHAR)[])"
    source = records(file, require_json(file))
    with tempfile.TemporaryDirectory() as spill, connected(Path(spill)) as connection:
        query = f"SELECT DISTINCT label.r FROM (SELECT unnest({labels}) AS label FROM {source})"
        with naming(file):
            return [relation for (relation,) in connection.execute(query).fetchall() if relation]
