"""Arrivals: what the names of files say that were taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from docred_json import write_articles

from corpus.arrivals import (
    arrival_name,
    arrivals,
    digest_of_arrival,
    is_arrival,
    moment_of_arrival,
)
from corpus.waiting import ENDINGS


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_name_says_when_a_content_arrived(tmp_path: Path, ending: str) -> None:
    moment = datetime(2096, 10, 2, 7, 6, 40, tzinfo=UTC)
    file = write_articles(tmp_path / arrival_name(moment, "0123456789abcdef", ending), [])
    assert file.name == f"20961002T070640Z-0123456789abcdef{ending}"
    assert (moment_of_arrival(file), digest_of_arrival(file)) == (moment, "0123456789abcdef")
    assert arrivals(tmp_path) == [file]


def test_a_name_tells_utc_whatever_the_zone_of_the_moment() -> None:
    moment = datetime(2096, 10, 2, 0, 6, 40, tzinfo=timezone(timedelta(hours=-7)))
    name = arrival_name(moment, "0123456789abcdef", ".json")
    assert name == "20961002T070640Z-0123456789abcdef.json"
    assert moment_of_arrival(Path(name)) == moment


@pytest.mark.parametrize(
    "name",
    [
        "a.json",
        f"20961002T070640Z-{'0' * 16}.rejected.parquet",
        f"99999999T999999Z-{'0' * 16}.json",
        f"20970229T070640Z-{'0' * 16}.json",
    ],
)
def test_other_names_are_none_of_arrivals(tmp_path: Path, name: str) -> None:
    file = write_articles(tmp_path / name, [])
    assert not is_arrival(file)
    assert arrivals(tmp_path) == []
    for told in (digest_of_arrival, moment_of_arrival):
        with pytest.raises(ValueError, match="expected the name of a file that arrived"):
            told(file)
