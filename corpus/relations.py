"""The relation vocabulary: which relation stands in which column of the logits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from corpus.artefacts import digest_of, read_json, write_json

TH: Final = 0
"""Column of the threshold class, which also stands for no relation (NA)."""

NA: Final = "Na"
"""DocRED's name for the class in column 0."""


@dataclass(frozen=True)
class RelationVocabulary:
    """Relation ids by column; column 0 is TH / NA.

    Raises:
        ValueError: if an id repeats or column 0 is not `NA`.
    """

    ids: tuple[str, ...]
    """Relation ids in the order of their columns, `NA` first."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Human-readable names; an id that is missing here is its own name."""

    def __post_init__(self) -> None:
        if not self.ids or self.ids[0] != NA:
            raise ValueError(
                f"relation vocabulary: column 0 must be {NA!r}, the threshold class, but is "
                f"{self.ids[:1]}; renumber rel2id.json so that {NA!r} is 0"
            )
        repeated = sorted({i for i in self.ids if self.ids.count(i) > 1})
        if repeated:
            raise ValueError(f"relation vocabulary: ids stand in two columns: {repeated}")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, relation: object) -> bool:
        return relation in self._columns

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {relation: column for column, relation in enumerate(self.ids)}

    @property
    def relations(self) -> tuple[str, ...]:
        """All ids but TH / NA."""
        return self.ids[1:]

    def column(self, relation: str) -> int:
        """Column of a relation id; KeyError where the vocabulary lacks it."""
        return self._columns[relation]

    def name(self, relation: str) -> str:
        """Human-readable name of a relation id."""
        return self.names.get(relation, relation)

    @property
    def digest(self) -> str:
        """Digest of ids and columns; names do not count."""
        return digest_of(self.ids)

    def require_same(self, other: RelationVocabulary, *, here: str, there: str) -> None:
        """Raise a ValueError that names both sides unless ids and columns agree."""
        if self.ids == other.ids:
            return
        only_here = sorted(set(self.ids) - set(other.ids))
        only_there = sorted(set(other.ids) - set(self.ids))
        moved = [i for i in self.ids if i in other and self.column(i) != other.column(i)]
        raise ValueError(
            f"relation vocabularies differ: {here} has {len(self)} classes, {there} has "
            f"{len(other)}; only in {here}: {only_here[:10]}; only in {there}: {only_there[:10]}; "
            f"in other columns: {moved[:10]}. Logits would be read as other relations. Train "
            f"{there} again on this corpus, or give both the same rel2id.json"
        )

    def save(self, path: Path) -> None:
        """Write ids and names as JSON."""
        write_json({"ids": list(self.ids), "names": dict(self.names)}, path)

    @classmethod
    def load(cls, path: Path) -> RelationVocabulary:
        """Read what `save` wrote."""
        saved = read_json(path)
        return cls(tuple(saved["ids"]), saved["names"])

    @classmethod
    def of_columns(
        cls, columns: Mapping[str, int], names: Mapping[str, str] | None = None
    ) -> RelationVocabulary:
        """From DocRED's ``rel2id.json``: relation id to column.

        Raises:
            ValueError: if the columns are not 0, 1, 2, … without a gap.
        """
        if sorted(columns.values()) != list(range(len(columns))):
            raise ValueError(
                f"rel2id: {len(columns)} relations must stand in columns 0 to {len(columns) - 1}, "
                f"each once; found {sorted(columns.values())}"
            )
        return cls(tuple(sorted(columns, key=columns.__getitem__)), dict(names or {}))

    @classmethod
    def of_relations(
        cls, relations: Iterable[str], names: Mapping[str, str] | None = None
    ) -> RelationVocabulary:
        """From relation ids in any order; columns follow the sorted ids."""
        return cls((NA, *sorted(set(relations) - {NA})), dict(names or {}))
