"""Figures of labels: relations in their order, and shares and counts that are those there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from drawn_figures import drawn, rows, size_of, words
from figure_samples import counts, relations, shares, stages
from noisy_corpus import CALIBRATION, RELATIONS, Corpus

from quality.label_figures import agreement, label_distributions
from quality.noise import noise_statistics
from quality.statistics import STATISTICS, by_relation, joined, totals


def test_all_relations_have_a_rank_and_the_ten_most_frequent_a_name() -> None:
    figure = drawn(label_distributions, stages(97), {"P0": "country", "P1": "place of birth"})
    assert rows(figure) == ["country", "place of birth", *relations(10)[2:]]
    assert "rank of the relation, 97 in all" in words(figure)
    line = figure.axes[1].lines[0]
    assert list(line.get_xdata()) == list(range(1, 98))
    assert list(line.get_ydata()) == shares(97)["value"].to_list()


def test_a_relation_that_a_stage_lacks_is_seen_as_missing() -> None:
    figure = drawn(label_distributions, stages(97))
    assert {"annotated lacks 0", "distant lacks 1", "soft labels lacks 49"} < set(words(figure))
    crosses = [list(line.get_xdata()) for line in figure.axes[2].lines]
    assert crosses == [[], [3], list(range(49, 98))]
    named = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [len(line.get_xdata()) for line in named] == [0, 1, 0]
    left, ticks = figure.axes[0].get_xlim()[0], figure.axes[0].get_xticks()
    assert left < named[1].get_xdata()[0] < min(tick for tick in ticks if tick > left)


def test_shares_that_are_all_one_still_stand_on_a_scale_of_a_decade() -> None:
    figure = drawn(label_distributions, {"annotated": shares(10, exponent=0)})
    for low, high in (figure.axes[0].get_xlim(), figure.axes[1].get_ylim()):
        assert low < 0.1
        assert high > 1


def test_relations_of_later_stages_alone_come_last() -> None:
    figure = drawn(label_distributions, {"annotated": shares(3), "distant": shares(5, "distant")})
    assert rows(figure) == relations(5)
    assert "annotated lacks 2" in words(figure)


def test_neither_the_order_of_rows_nor_other_statistics_matter() -> None:
    tables, agreeing = stages(30), counts(30)
    whole = totals("annotated", {"share": 1.0, "both": 7.0})
    shuffled = {
        name: joined([whole, table, shares(9).with_columns(statistic=pl.lit("labels"))]).sample(
            fraction=1, shuffle=True, seed=5
        )
        for name, table in tables.items()
    }
    assert label_distributions(shuffled) == label_distributions(tables)
    assert agreement(joined([whole, agreeing[::-1]])) == agreement(agreeing)


def test_agreement_shows_the_twenty_relations_with_the_most_triples() -> None:
    assert size_of(agreement(counts(97))) == size_of(agreement(counts(20)))
    assert size_of(agreement(counts(97)))[1] > size_of(agreement(counts(19)))[1]
    figure = drawn(agreement, counts(97))
    assert rows(figure) == relations(20)
    assert "share of triples, 20 of 97 relations" in words(figure)


def test_agreement_says_counts_and_kappa_and_its_bars_are_whole() -> None:
    columns = {"both": [1, 3], "distant_only": [2, 0], "teacher_only": [5, 1]}
    table = pl.DataFrame({"relation": ["P17", "P19"], **columns, "cohen_kappa": [np.nan, 0.8]})
    figure = drawn(agreement, by_relation("distant", table))
    ends = [
        [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
        for bars in figure.axes[0].containers
    ]
    assert ends == [
        [(0, 1 / 8), (0, 3 / 4)],
        [(1 / 8, 3 / 8), (3 / 4, 3 / 4)],
        [(3 / 8, 1), (3 / 4, 1)],
    ]
    written = [text.get_text() for text in figure.axes[1].texts[4:]]
    assert written == ["1", "2", "5", "–", "3", "0", "1", "0.80"]


def test_agreement_of_a_corpus(tmp_path: Path) -> None:
    shard = Corpus.drawn(20, seed=3).shard(tmp_path)
    statistics = noise_statistics("distant", [shard], RELATIONS, CALIBRATION)
    figure = drawn(agreement, statistics)
    assert sorted(rows(figure)) == list(RELATIONS.relations)
    both = statistics.filter(pl.col("statistic") == "both", pl.col("relation").is_not_null())
    assert {f"{value:.0f}" for value in both["value"]} < set(words(figure))


def test_no_labels_to_draw_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"share in some stage, found none in \['distant'\]"):
        label_distributions({"distant": STATISTICS.to_frame()})
    with pytest.raises(ValueError, match="found none in"):
        label_distributions({})
    with pytest.raises(ValueError, match=r"both, distant_only, teacher_only .* found none"):
        agreement(counts(5, size=0))


def test_numbers_of_several_stages_are_an_error() -> None:
    both = joined([shares(3), shares(3, "distant")])
    with pytest.raises(ValueError, match=r"of the stages \['annotated', 'distant'\]"):
        label_distributions({"distant": both})
    with pytest.raises(ValueError, match="both by relation: expected one number"):
        agreement(joined([counts(3), counts(3)]))
