"""Versions of the model in use: promoted, refused, rolled back to, and never half of anything."""

import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.artefacts import digest
from corpus.schema import MODEL_HISTORY
from docre_assets.model_versions import Event, ModelVersions, Outcome
from quality.promotion import Comparison

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
COMPARED = Comparison(
    documents=60,
    samples=2000,
    champion_f1=0.625,
    challenger_f1=0.75,
    low=0.0625,
    high=0.1875,
    worse=0.125,
    margin=0.01,
    risk=0.25,
)
A, B, C = (letter * 16 for letter in "abc")


def checkpoint(folder: Path, content: str) -> Path:
    """A folder of weights, settings and a tokenizer."""
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "model.safetensors").write_text(f"weights of {content}")
    (folder / "calibration.json").write_text(f'"{content}"')
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture
def versions(tmp_path) -> ModelVersions:
    return ModelVersions(tmp_path / "production")


@pytest.fixture
def promoted(tmp_path, versions) -> ModelVersions:
    """A, then B in use."""
    versions.promote(checkpoint(tmp_path / "a", "a"), A, run="1", time=NOON, dev_f1=0.5)
    later = NOON + timedelta(days=1)
    versions.promote(checkpoint(tmp_path / "b", "b"), B, run="2", time=later, comparison=COMPARED)
    return versions


def in_use(versions: ModelVersions) -> str | None:
    current = versions.current
    return current and current.version


def events(versions: ModelVersions) -> list[tuple[str, ...]]:
    return versions.history().select("run", "event", "version", "champion").rows()


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, those that killed processes left too."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_before_the_first_promotion_there_is_no_version(versions):
    assert versions.current is None
    assert versions.history().schema == MODEL_HISTORY
    assert versions.history().is_empty()
    assert versions.kept().is_empty()


def test_what_is_promoted_is_in_use_and_recorded_with_its_comparison(tmp_path, promoted):
    assert in_use(promoted) == B
    assert digest(promoted.current.path) == digest(tmp_path / "b")
    first, second = promoted.history().rows(named=True)
    assert first == dict.fromkeys(MODEL_HISTORY) | {
        "time": NOON,
        "run": "1",
        "event": "promoted",
        "version": A,
        "dev_f1": 0.5,
        "reason": "nothing to compare it with",
    }
    assert second == {
        "time": NOON + timedelta(days=1),
        "run": "2",
        "event": "promoted",
        "version": B,
        "champion": A,
        "dev_f1": 0.75,
        "champion_dev_f1": 0.625,
        "difference": 0.125,
        "low": 0.0625,
        "high": 0.1875,
        "worse": 0.125,
        "reason": COMPARED.told,
    }


def test_a_choice_by_hand_tells_how_the_version_was_judged(tmp_path, promoted):
    promoted.refuse(C, run="3", time=NOON, comparison=COMPARED)
    promoted.promote(
        checkpoint(tmp_path / "c", "c"), C, run="4", time=NOON, reason="chosen by hand"
    )
    promoted.roll_back(A, run="5", time=NOON)
    assert promoted.history()["dev_f1"].to_list() == [0.5, 0.75, 0.75, 0.75, 0.5]
    assert dict(promoted.kept().select("version", "dev_f1").iter_rows()) == {
        A: 0.5,
        B: 0.75,
        C: 0.75,
    }
    assert promoted.dev_f1("d" * 16) is None


def test_what_is_refused_is_recorded_and_changes_nothing_else(promoted):
    before = contents(promoted.folder)
    promoted.refuse(C, run="3", time=NOON, comparison=COMPARED)
    assert events(promoted)[2:] == [("3", "refused", C, B)]
    assert promoted.history()["difference"].to_list() == [None, 0.125, 0.125]
    after = contents(promoted.folder)
    assert {name for name in after if after[name] != before.get(name)} == {"history.parquet"}


def cut_weights(path: Path) -> None:
    (path / "model.safetensors").unlink()
    (path / "model.safetensors").write_text("weig")


def remove_all(path: Path) -> None:
    shutil.rmtree(path)


def add_a_file(path: Path) -> None:
    (path / "added.json").write_text("{}")


def forget_the_content(path: Path) -> None:
    (path.parent.parent / "contents" / f"{path.name}.json").unlink()


@pytest.mark.parametrize("damage", [cut_weights, remove_all, add_a_file, forget_the_content])
def test_a_damaged_version_is_not_used_and_there_are_two_ways_out(tmp_path, promoted, damage):
    damage(promoted.current.path)
    with pytest.raises(ValueError, match=rf"versions/{B}: expected .* found .*\({A}\), or promote"):
        _ = promoted.current
    promoted.promote(tmp_path / "b", B, run="2", time=NOON, comparison=COMPARED)
    assert in_use(promoted) == B
    assert len(events(promoted)) == 2
    damage(promoted.current.path)
    with pytest.raises(ValueError, match=f"{B}: expected|expected .* kept, found '{B}'"):
        promoted.roll_back(B, run="3", time=NOON)
    promoted.roll_back(A, run="3", time=NOON)
    assert in_use(promoted) == A


def test_the_way_back_and_forth(promoted):
    told = promoted.roll_back(A, run="3", time=NOON, reason="it finds too much")
    assert told == f"{A} is in use now, {B} was before: it finds too much"
    assert in_use(promoted) == A
    promoted.roll_back(B, run="4", time=NOON)
    assert in_use(promoted) == B
    assert events(promoted)[2:] == [("3", "rolled_back", A, B), ("4", "rolled_back", B, A)]


def test_back_to_what_is_in_use_changes_nothing_and_says_so(promoted):
    before = contents(promoted.folder)
    assert promoted.roll_back(B, run="3", time=NOON) == f"{B} is in use already"
    assert contents(promoted.folder) == before


def test_back_to_what_is_not_kept_names_the_versions_that_are(promoted):
    message = (
        f"found '../{A}'.*Name one of: {B} \\(2026-11-25 12:00 UTC, dev F1 75.0%\\); "
        f"{A} \\(2026-11-24 12:00 UTC, dev F1 50.0%\\)"
    )
    with pytest.raises(ValueError, match=message):
        promoted.roll_back(f"../{A}", run="3", time=NOON)


def test_times_of_other_zones_are_told_in_utc(versions):
    east = datetime(2026, 11, 24, 14, tzinfo=timezone(timedelta(hours=2)))
    event = Event(
        time=east, run="1", event=Outcome.REFUSED, version=A, champion=None, reason="late"
    )
    versions.record(event)
    assert versions.history()["time"].to_list() == [NOON]


def test_a_run_records_an_event_of_a_version_once(promoted):
    for _ in range(2):
        promoted.refuse(C, run="3", time=NOON)
    promoted.refuse(C, run="4", time=NOON)
    promoted.refuse(A, run="4", time=NOON)
    assert events(promoted)[2:] == [
        ("3", "refused", C, B),
        ("4", "refused", C, B),
        ("4", "refused", A, B),
    ]


def test_events_at_the_same_time_are_all_recorded(promoted):
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(promoted.refuse, C, run=str(n), time=NOON) for n in range(3, 19)]
        assert [done.result() for done in waiting] == [None] * 16
    assert {event[0] for event in events(promoted)} == {str(n) for n in range(1, 19)}


def test_who_reads_while_events_are_recorded_sees_a_history_whole(promoted):
    def refuse_many() -> None:
        for n in range(3, 63):
            promoted.refuse(C, run=str(n), time=NOON)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(refuse_many)
        seen = [promoted.history().height]
        while not writing.done():
            seen.append(promoted.history().height)
        writing.result()
    assert seen == sorted(seen)
    assert promoted.history().height == 62


def test_what_is_no_digest_names_no_folder(tmp_path, versions):
    source = checkpoint(tmp_path / "a", "a")
    for name in ("../elsewhere", "A" * 16, "a" * 15):
        with pytest.raises(ValueError, match="16 hex digits"):
            versions.promote(source, name, run="1", time=NOON)
    assert versions.history().is_empty()


def test_a_pointer_that_cannot_be_read_is_named(promoted):
    for text in ("{", '{"model": "b"}'):
        (promoted.folder / "current.json").write_text(text)
        with pytest.raises(ValueError, match=r"current\.json: expected the version in use.*Remove"):
            _ = promoted.current


def test_the_oldest_go_but_not_what_is_in_use_nor_what_was_before(tmp_path, versions):
    names = [f"{number:016x}" for number in range(7)]
    for number, name in enumerate(reversed(names)):
        source = checkpoint(tmp_path / name, name)
        versions.promote(source, name, run=name, time=NOON + timedelta(hours=number))
    newest_first = versions.kept()["version"].to_list()
    assert newest_first == names
    versions.roll_back(names[6], run="back", time=NOON)
    assert versions.prune(7) == []
    assert versions.prune(2) == names[2:6]
    assert versions.kept()["version"].to_list() == [names[0], names[1], names[6]]
    versions.roll_back(names[1], run="forth", time=NOON)
    assert versions.prune(1) == []
    assert in_use(versions) == names[1]
    assert len(events(versions)) == 9
    with pytest.raises(ValueError, match="at least 1 version to keep, found 0"):
        versions.prune(0)


KILLED = """
import os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from docre_assets.model_versions import ModelVersions

def killing(write):
    def killed(*paths, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        write(*paths, **options)
    return killed

os.rename, os.replace, shutil.rmtree = map(killing, (os.rename, os.replace, shutil.rmtree))
source, version, *folders = sys.argv[1:]
for left, folder in enumerate(folders):
    if not os.fork():
        time = datetime(2026, 11, 24, 12, tzinfo=UTC)
        ModelVersions(Path(folder)).promote(Path(source), version, run="3", time=time)
        ModelVersions(Path(folder)).prune(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
"""Promotes and prunes in each folder, and is killed there after no write, after one, after two …"""


def test_killed_between_any_two_writes_the_same_promotion_again_ends_the_same(tmp_path, promoted):
    source = checkpoint(tmp_path / "c", "c")
    copies = [ModelVersions(tmp_path / f"after-{writes}") for writes in range(7)]
    for versions in copies:
        shutil.copytree(promoted.folder, versions.folder)
    command = [sys.executable, "-c", KILLED, source, C, *(copy.folder for copy in copies)]
    ended = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.split()
    assert list(map(int, ended)) == [-signal.SIGKILL] * 6 + [0]
    for versions in copies:
        recorded = ("3", "promoted", C, B) in events(versions)
        assert in_use(versions) == B or (in_use(versions) == C and recorded)
        versions.promote(source, C, run="3", time=NOON)
        versions.prune(1)
        assert versions.kept()["version"].to_list() == [B, C]
        assert events(versions)[2:] == [("3", "promoted", C, B)]
        assert contents(versions.folder) == contents(copies[-1].folder)


ACTS = st.tuples(st.sampled_from(["promote", "refuse", "back", "prune"]), st.sampled_from("abcd"))


@given(st.lists(ACTS, max_size=8))
@settings(max_examples=30, deadline=None)
def test_whatever_is_done_history_tells_what_is_in_use_and_there_is_a_way_back(acts):
    with tempfile.TemporaryDirectory() as place:
        versions = ModelVersions(Path(place) / "production")
        sources = {letter: checkpoint(Path(place) / letter, letter) for letter in "abcd"}
        for number, (act, letter) in enumerate(acts):
            when = {"run": str(number), "time": NOON + timedelta(hours=number)}
            if act == "promote":
                versions.promote(sources[letter], letter * 16, **when)
            elif act == "refuse":
                versions.refuse(letter * 16, **when)
            elif act == "prune":
                versions.prune(1)
            elif letter * 16 in versions.kept()["version"]:
                versions.roll_back(letter * 16, **when)
        changes = [event for event in events(versions) if event[1] != "refused"]
        used = [event[2] for event in changes]
        assert [event[3] for event in changes] == [None, *used][: len(used)]
        assert in_use(versions) == (used[-1] if used else None)
        assert set(used[-2:]) <= set(versions.kept()["version"])
