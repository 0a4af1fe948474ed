"""Where a corpus comes from: the demo, a folder of DocRED-format files, or the Hugging Face hub."""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from corpus.artefacts import digest, digest_of, whole
from corpus.schema import CORPUS_SPLITS, Split

_log = logging.getLogger(__name__)

ROLES_FILE: Final = "corpus.toml"
"""Tells which file of a folder plays which role, where names do not."""

USUAL_NAMES: Final[Mapping[Split, tuple[str, ...]]] = {
    Split.TRAIN: ("train_revised", "train_annotated", "train"),
    Split.DEV: ("dev_revised", "dev"),
    Split.TEST: ("test_revised", "test"),
    Split.DISTANT: ("train_distant", "distant"),
    Split.UNLABELLED: ("unlabelled",),
}
"""Names of files of documents (``.json``, ``.jsonl``, each also ``.gz``); the first found wins.

Re-DocRED's revised files come before those of DocRED, which hold the same documents with fewer
labels: who puts both into one folder wants the revision, and no document twice.
"""

_DOCUMENT_ENDINGS: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_TRIPLE_ENDINGS: Final = (*_DOCUMENT_ENDINGS, ".csv", ".csv.gz", ".parquet")
_MAPPING_ENDINGS: Final = (".json", ".json.gz")
_OTHER_ROLES: Final = ("knowledge_base", "rel2id", "rel_info")
_FOLDERS: Final = (".", "data")
"""Where files of a source are looked for: at its top, else in ``data``, as hub datasets have it."""


@dataclass(frozen=True)
class CorpusFolder:
    """A folder of DocRED-format files, and which of them plays which role."""

    root: Path
    files: Mapping[Split, list[Path]]
    """Files of documents; a split that the source lacks is missing or has none."""
    knowledge_base: Path | None = None
    rel2id: Path | None = None
    rel_info: Path | None = None
    passed_over: tuple[Path, ...] = field(default=(), compare=False)
    """Files of a usual name that another one was preferred to."""

    @cached_property
    def digest(self) -> str:
        """Digest of all files in their roles, independent of where the folder is."""
        roles: dict[str, Sequence[Path | None]] = {str(k): v for k, v in self.files.items()}
        roles |= {role: [getattr(self, role)] for role in _OTHER_ROLES}
        return digest_of({k: [digest(file) for file in v if file] for k, v in roles.items()})


class SourceUnavailableError(ValueError):
    """A source that could not be reached, and may be later."""


def open_source(spec: str, cache: Path, seed: int = 13) -> CorpusFolder:
    """The files of a corpus.

    Args:
        spec: ``demo``, a folder, or ``hf:<dataset id>`` (``hf:<dataset id>@<revision>``).
        cache: Folder for what is generated or downloaded.
        seed: Seed of the demo corpus.

    Raises:
        SourceUnavailableError: if the hub could not be reached, or was busy.
        ValueError: if there is no such folder, it has no training documents, its ``corpus.toml``
            is wrong, or the hub does not give the dataset.
    """
    if spec == "demo":
        return open_folder(_demo(cache, seed))
    if spec.startswith("hf:"):
        return open_folder(_download(spec.removeprefix("hf:"), cache))
    return open_folder(Path(spec).expanduser())


def open_folder(folder: Path) -> CorpusFolder:
    """The files of a folder by its ``corpus.toml``, else by the usual names.

    ``corpus.toml`` has one table, paths being relative to the folder::

        [files]
        train = "articles.json"
        distant = ["crawl-1.json.gz", "crawl-2.json.gz"]
        knowledge_base = "facts.csv"

    Its keys are the splits (`train`, `dev`, `test`, `distant`, `unlabelled`), which take one file
    or a list, and `knowledge_base`, `rel2id`, `rel_info`.

    Raises:
        ValueError: if the folder, a file that it names, or training documents are missing.
    """
    if not folder.is_dir():
        raise ValueError(
            f"corpus {folder}: expected a folder of DocRED-format files, 'demo' or "
            f"'hf:<dataset id>'; found {'a file' if folder.exists() else 'nothing'} there. "
            f"Relative paths start from {Path.cwd()}"
        )
    roles = folder / ROLES_FILE
    found = _by_roles(roles) if roles.is_file() else _by_names(folder)
    if not found.files.get(Split.TRAIN):
        raise ValueError(_no_training_documents(folder))
    return found


def _no_training_documents(folder: Path) -> str:
    files = (p.relative_to(folder) for p in folder.rglob("[!.]*") if p.is_file())
    present = sorted(file.as_posix() for file in files if not file.parts[0].startswith("."))
    names = {str(split): list(stems) for split, stems in USUAL_NAMES.items()}
    return (
        f"corpus {folder}: expected annotated training documents, the teacher learns from them; "
        f"found {present[:20] or 'no file'}. Names that are understood, with .json, .jsonl and "
        f"each also .gz: {names}, besides {sorted(_OTHER_ROLES)}. Rename the files, or tell "
        f'their roles in {ROLES_FILE}: [files] train = "…"'
    )


def _by_names(folder: Path) -> CorpusFolder:
    """Files by their usual names, in the folder or in its folder ``data``."""
    found = {split: _present(folder, stems) for split, stems in USUAL_NAMES.items()}
    passed_over = tuple(file for files in found.values() for file in files[1:])
    if passed_over:
        names = ", ".join(file.name for file in passed_over)
        _log.warning("corpus %s: not used, others were preferred: %s", folder, names)
    return CorpusFolder(
        folder,
        {split: files[:1] for split, files in found.items()},
        knowledge_base=_first(_present(folder, ("knowledge_base",), _TRIPLE_ENDINGS)),
        rel2id=_first(_present(folder, ("rel2id",), _MAPPING_ENDINGS)),
        rel_info=_first(_present(folder, ("rel_info",), _MAPPING_ENDINGS)),
        passed_over=passed_over,
    )


def _first(files: Sequence[Path]) -> Path | None:
    return files[0] if files else None


def _present(
    folder: Path, stems: Sequence[str], endings: Sequence[str] = _DOCUMENT_ENDINGS
) -> list[Path]:
    names = [stem + ending for stem in stems for ending in endings]
    places = [folder / place / name for name in names for place in _FOLDERS]
    return [place for place in places if place.is_file()]


def _by_roles(path: Path) -> CorpusFolder:
    """Files by a ``corpus.toml``."""
    roles = {role: _listed(path, role, value) for role, value in _files_table(path).items()}
    for role in _OTHER_ROLES:
        if len(roles.get(role, [])) > 1:
            raise ValueError(
                f"{path}: expected one file for {role}, found {roles[role]}; join them"
            )
    return CorpusFolder(
        path.parent,
        {split: roles.get(split, []) for split in CORPUS_SPLITS},
        knowledge_base=_first(roles.get("knowledge_base", [])),
        rel2id=_first(roles.get("rel2id", [])),
        rel_info=_first(roles.get("rel_info", [])),
    )


def _files_table(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: expected TOML, found an error in it: {error}") from error
    known = [*map(str, CORPUS_SPLITS), *_OTHER_ROLES]
    roles = table.get("files")
    if not isinstance(roles, dict):
        wrong = sorted(table)
    else:
        wrong = sorted({*table} - {"files"}) + sorted({*roles} - {*known})
        if not wrong:
            return roles
    raise ValueError(
        f"{path}: expected one table [files] with keys among {known}; found {wrong}. "
        "Correct or remove these keys"
    )


def _listed(path: Path, role: str, value: Any) -> list[Path]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{path}: expected a file name or a list of them for {role}; found {value}"
        )
    files = [path.parent / name for name in names]
    for file in files:
        if not file.is_file():
            raise ValueError(
                f"{path}: expected {file} to be the file of {role}; found nothing there. "
                f"Paths in {ROLES_FILE} are relative to its folder"
            )
    return files


def _demo(cache: Path, seed: int) -> Path:
    """The folder of the demo corpus, generated once for each seed and version of its code."""
    code = digest_of(*map(digest, sorted(Path(__file__).parent.glob("demo*.py"))))
    folder = cache / f"demo-{seed}-{code}"
    if not folder.is_dir():
        from corpus.demo import write_demo_corpus

        with whole(folder) as draft:
            write_demo_corpus(draft, seed)
    return folder


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: nobody was reached, or the hub was busy."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in {408, 429} or error.response.status_code >= 500
    return isinstance(error, ConnectionError | TimeoutError | LocalEntryNotFoundError)


def _download(dataset: str, cache: Path) -> Path:
    """A snapshot of a dataset of the Hugging Face hub."""
    from huggingface_hub import snapshot_download

    name, _, revision = dataset.partition("@")
    folder = cache / ("hf-" + re.sub(r"[^\w.-]+", "--", dataset))
    try:
        snapshot_download(
            name,
            repo_type="dataset",
            revision=revision or None,
            local_dir=folder,
            allow_patterns=["*.json", "*.jsonl", "*.gz", "*.csv", "*.parquet", "*.toml"],
        )
    except (OSError, ValueError) as error:
        kind = SourceUnavailableError if _may_pass(error) else ValueError
        raise kind(
            f"corpus hf:{dataset}: expected a dataset of the Hugging Face hub with DocRED-format "
            f"files; the hub answered: {type(error).__name__}: {error}. Check the id and the "
            "connection, log in with `hf auth login` if it is gated, or give a local folder"
        ) from error
    return folder
