"""Opening a corpus: folders by name and by corpus.toml, the hub, the demo."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import huggingface_hub
import huggingface_hub.errors
import pytest
from docred_json import article, write_articles

from corpus.schema import CORPUS_SPLITS, Split
from corpus.sources import CorpusFolder, SourceUnavailableError, open_source


def folder_with(folder: Path, *names: str, roles: str = "") -> Path:
    for name in names:
        write_articles(folder / name, [article(name)])
    if roles:
        (folder / "corpus.toml").write_text(roles)
    return folder


def opened(folder: Path) -> CorpusFolder:
    return open_source(str(folder), folder / "cache")


def names(found: CorpusFolder, split: Split) -> list[str]:
    return [file.relative_to(found.root).as_posix() for file in found.files[split]]


def test_files_are_known_by_their_usual_names(tmp_path: Path) -> None:
    documents = "train_annotated.json dev.json.gz test.json train_distant.json.gz unlabelled.jsonl"
    others = "knowledge_base.csv rel2id.json rel_info.json.gz"
    found = opened(folder_with(tmp_path, *documents.split(), *others.split()))
    assert {split: names(found, split) for split in CORPUS_SPLITS} == {
        Split.TRAIN: ["train_annotated.json"],
        Split.DEV: ["dev.json.gz"],
        Split.TEST: ["test.json"],
        Split.DISTANT: ["train_distant.json.gz"],
        Split.UNLABELLED: ["unlabelled.jsonl"],
    }
    found_others = (found.knowledge_base, found.rel2id, found.rel_info)
    assert [file and file.name for file in found_others] == others.split()


def test_revised_files_are_preferred_and_the_others_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = ["train.json", "train_annotated.json", "train_revised.json"]
    found = opened(
        folder_with(tmp_path, *train, "dev.json", "dev_revised.json", "test_revised.json")
    )
    assert names(found, Split.TRAIN) == ["train_revised.json"]
    assert names(found, Split.DEV) == ["dev_revised.json"]
    assert names(found, Split.TEST) == ["test_revised.json"]
    passed_over = {file.name for file in found.passed_over}
    assert passed_over == {"train.json", "train_annotated.json", "dev.json"}
    assert all(name in caplog.text for name in passed_over)


def test_files_may_lie_in_a_folder_named_data(tmp_path: Path) -> None:
    found = opened(folder_with(tmp_path, "data/train.json", "data/rel_info.json"))
    assert names(found, Split.TRAIN) == ["data/train.json"]
    assert found.rel_info == tmp_path / "data/rel_info.json"


def test_corpus_toml_tells_the_roles(tmp_path: Path) -> None:
    roles = (
        '[files]\ntrain = "x.json"\ndistant = ["a/1.json.gz", "a/2.json"]\nrel2id = "ids.json"\n'
    )
    files = ["x.json", "a/1.json.gz", "a/2.json", "ids.json", "dev.json"]
    found = opened(folder_with(tmp_path, *files, roles=roles))
    assert names(found, Split.TRAIN) == ["x.json"]
    assert names(found, Split.DISTANT) == ["a/1.json.gz", "a/2.json"]
    assert names(found, Split.DEV) == []
    assert (found.rel2id, found.knowledge_base) == (tmp_path / "ids.json", None)


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ("[files]\ntrain = 'x.json'\ntrian = 'x.json'", "'trian'"),
        ("[roles]\ntrain = 'x.json'", "'roles'"),
        ("files = 3", "expected one table"),
        ("train = ", "expected TOML"),
        ("[files]\ntrain = 3", "a file name or a list of them for train"),
        ("[files]\ntrain = 'y.json'", "the file of train; found nothing there"),
        ("[files]\ntrain = 'x.json'\nrel2id = ['x.json', 'x.json']", "one file for rel2id"),
    ],
)
def test_a_wrong_corpus_toml_is_refused(tmp_path: Path, roles: str, reason: str) -> None:
    folder = folder_with(tmp_path, "x.json", roles=roles)
    with pytest.raises(ValueError, match=r"corpus\.toml") as refusal:
        opened(folder)
    assert reason in str(refusal.value)


def test_a_folder_without_training_documents_lists_what_is_there(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "articles.json", ".hidden/x.json")
    with pytest.raises(ValueError, match="expected annotated training documents") as refusal:
        opened(folder)
    assert all(name in str(refusal.value) for name in ("articles.json", "train_annotated"))
    assert "hidden" not in str(refusal.value)


def test_an_unknown_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere: expected a folder .* found nothing there"):
        opened(tmp_path / "nowhere")


def test_the_digest_tells_content_and_roles_but_not_the_place(tmp_path: Path) -> None:
    first = opened(folder_with(tmp_path / "a", "train.json", "dev.json")).digest
    assert opened(folder_with(tmp_path / "b", "train.json", "dev.json")).digest == first
    roles = "[files]\ntrain = 'dev.json'\ndev = 'train.json'"
    swapped = folder_with(tmp_path / "c", "train.json", "dev.json", roles=roles)
    assert opened(swapped).digest != first
    write_articles(tmp_path / "a/dev.json", [])
    assert opened(tmp_path / "a").digest != first


def test_a_dataset_comes_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def snapshot_download(repo_id: str, *, local_dir: Path, **options: Any) -> str:
        asked.update(options, repo_id=repo_id)
        return str(folder_with(local_dir, "data/train_annotated.json.gz", "data/dev.json.gz"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    found = open_source("hf:thunlp/docred@v1", tmp_path)
    assert (asked["repo_id"], asked["repo_type"], asked["revision"]) == (
        "thunlp/docred",
        "dataset",
        "v1",
    )
    assert names(found, Split.TRAIN) == ["data/train_annotated.json.gz"]
    assert found.root.parent == tmp_path


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("bad repo id")])
def test_what_the_hub_complains_of_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def snapshot_download(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(ValueError, match=r"corpus hf:no/such: .*Check the id") as refusal:
        open_source("hf:no/such", tmp_path)
    assert str(error) in str(refusal.value)


def _answer(status: int) -> huggingface_hub.errors.HfHubHTTPError:
    response = SimpleNamespace(status_code=status, headers={}, request=None)
    return huggingface_hub.errors.HfHubHTTPError(f"status {status}", response=response)


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (ConnectionError("no route"), True),
        (huggingface_hub.errors.LocalEntryNotFoundError("offline"), True),
        (_answer(429), True),
        (_answer(503), True),
        (_answer(403), False),
        (_answer(404), False),
        (ValueError("bad repo id"), False),
        (OSError(28, "No space left on device"), False),
    ],
    ids=str,
)
def test_only_what_may_pass_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, *, may_pass: bool
) -> None:
    def snapshot_download(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(ValueError, match="hub answered") as refusal:
        open_source("hf:no/such", tmp_path)
    assert isinstance(refusal.value, SourceUnavailableError) == may_pass


def test_the_demo_is_generated_once_for_each_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def write_demo_corpus(folder: Path, seed: int) -> None:
        written.append(seed)
        folder_with(folder, "train_annotated.json")

    demo = ModuleType("corpus.demo")
    demo.write_demo_corpus = write_demo_corpus  # type: ignore[attr-defined]  # a stub
    monkeypatch.setitem(sys.modules, "corpus.demo", demo)
    roots = [open_source("demo", tmp_path, seed).root for seed in (13, 13, 14)]
    assert written == [13, 14]
    assert roots[0] == roots[1] != roots[2]
    assert [root.name.rpartition("-")[0] for root in roots] == ["demo-13", "demo-13", "demo-14"]
