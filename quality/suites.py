"""Judging a stage: its statistics against their limits, and a sample of its labels one by one.

Great Expectations judges, over small frames that Polars has computed: a row for all relations, a
row a relation, and at most 1,000 labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Final

import polars as pl

from quality.data_docs import FIRST_PAGE, project
from quality.expectations import great_expectations, of_labels, of_limit
from quality.labels import KEY, LABELS
from quality.limits import ANNOTATED, SUITES, Limit, StageLimits, in_words
from quality.verdict import Failure, Verdict

WORST: Final = 10

_WEIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "estimated_false_negative_rate": ("both", "teacher_only"),
    "estimated_false_positive_rate": ("both", "distant_only"),
    "true_false_negative_rate": ("annotated_labels",),
    "true_false_positive_rate": ("labels",),
    "type_inconsistent_share": ("labels",),
}
"""Of rates of relations, the counts whose sum a rate is of: together they make what it adds up to.
A relation with one label, and that one wrong, is not to blame for a thousand."""

_CONTRIBUTIONS: Final[Mapping[str, pl.Expr]] = {
    "cohen_kappa": pl.col("distant_only") + pl.col("teacher_only"),
    **{rate: pl.col(rate) * pl.sum_horizontal(of) for rate, of in _WEIGHTS.items()},
}
"""How much a relation adds to what is wrong, by the statistic that explains it."""

MOST_LABELS: Final = 1000
"""Labels that are judged one by one: their frame is one of Pandas'."""


@dataclass(frozen=True)
class _Numbers:
    """Statistics of a stage, as frames that can be judged."""

    stage: str
    totals: Mapping[str, float | None]
    """None where a number is not finite."""
    relations: pl.DataFrame
    """``relation``, and a column a statistic."""

    @classmethod
    def of(cls, statistics: pl.DataFrame, stage: str) -> _Numbers:
        """Those of a stage among others."""
        rows = statistics.filter(stage=stage).drop("stage")
        _require_single(rows, stage)
        total = pl.col("relation").is_null()
        finite = pl.when(pl.col("value").is_finite()).then("value")
        return cls(
            stage,
            dict(rows.filter(total).select("statistic", finite).rows()),
            rows.filter(~total).pivot("statistic", index="relation", values="value"),
        )

    def beside(self, annotated: _Numbers) -> _Numbers:
        """The same with ``annotated_labels``, how many labels of a relation people gave."""
        if "labels" not in annotated.relations.columns:
            return self
        labels = annotated.relations.select("relation", annotated_labels="labels")
        together = self.relations.join(labels, on="relation", how="left", maintain_order="left")
        return replace(self, relations=together)

    def total(self) -> pl.DataFrame:
        """One row, a column a statistic."""
        numbers = {name: pl.lit(value, pl.Float64) for name, value in self.totals.items()}
        return pl.DataFrame({"stage": [self.stage]}).with_columns(**numbers)

    def blamed(self, limit: Limit) -> list[str]:
        """The ten relations that explain a total best: by what they contribute, if that is known.

        Else by the statistic that explains it, which is what is told of them.
        """
        name = limit.explained_by
        if name is None or name not in self.relations.columns:
            return []
        by, most_first = pl.col(name), limit.most is not None
        contribution = _CONTRIBUTIONS.get(name)
        if contribution is not None and self._has(contribution):
            by, most_first = contribution, True
        ranked = self.relations.drop_nulls(name).sort(
            by, descending=most_first, nulls_last=True, maintain_order=True
        )
        worst = ranked.select("relation", name).head(WORST).rows()
        return [f"{relation} {in_words(value)}" for relation, value in worst]

    def _has(self, number: pl.Expr) -> bool:
        """Whether all is there that a number of relations is made of."""
        return set(number.meta.root_names()) <= set(self.relations.columns)

    def missing(self, limit: Limit) -> str | None:
        """What is not there of a limit's statistic, in words."""
        name = limit.statistic
        if name not in (self.relations.columns if limit.by_relation else self.totals):
            return "no such statistic"
        if not limit.by_relation or "labels" not in self.relations.columns:
            return None
        lacking = self.relations.filter(pl.col(name).is_null() & (pl.col("labels") > 0))["relation"]
        return None if lacking.is_empty() else f"none of {', '.join(lacking.head(WORST))}"

    @property
    def labels(self) -> float:
        """The stage's labels; 0 where nobody has counted them."""
        return self.totals.get("labels") or 0


def _require_single(rows: pl.DataFrame, stage: str) -> None:
    """Each statistic is there once."""
    twice = rows.filter(rows.select("statistic", "relation").is_duplicated())
    if not twice.is_empty():
        raise ValueError(
            f"statistics of {stage}: expected one number each, found several of "
            f"{', '.join(twice['statistic'].unique(maintain_order=True))}: which of them is to be "
            "judged? Leave out those of other runs"
        )


@dataclass(frozen=True)
class _Part:
    """A frame, and what is expected of it."""

    name: str
    rows: pl.DataFrame
    keys: Sequence[str]
    """Columns that say which row it is."""
    expectations: Sequence[Any]


def judge(
    stage: str,
    statistics: pl.DataFrame,
    reference: pl.DataFrame,
    *,
    limits: StageLimits,
    sample: pl.DataFrame | None = None,
    relations: Sequence[str] = (),
    offenders: Mapping[str, Sequence[str]] = {},
    docs: Path | None = None,
) -> dict[str, Verdict]:
    """What the suites ``critical`` and ``drift`` say of a stage.

    A required statistic that is not there, a bound that cannot be told and an exception inside an
    expectation are failures, marked as errors.

    Args:
        stage: the name that its rows of ``statistics`` carry.
        statistics: `STATISTICS`; those of other stages are left out.
        reference: `STATISTICS` of the annotated documents, which bounds may be multiples of.
        limits: of the stage.
        sample: at most 1,000 `LABELS`, judged one by one in the critical suite.
        relations: the vocabulary's, without NA, for ``sample``.
        offenders: by statistic, in words, the documents that are most to blame if it fails.
        docs: folder of a Great Expectations project; the validation joins those that are there
            already, by whichever process, and the site of data docs that they share. None writes
            nothing.

    Raises:
        ValueError: if a statistic is there twice, or ``sample`` is too large.
    """
    annotated = _Numbers.of(reference, ANNOTATED)
    numbers = _Numbers.of(statistics, stage).beside(annotated)
    known = {name: value for name, value in annotated.totals.items() if value is not None}
    parts = {
        suite: _parts(suite, limits.suite(suite), numbers, known, offenders) for suite in SUITES
    }
    if sample is not None:
        parts["critical"].append(_sampled(stage, sample, relations))
    with project(docs) as context:
        return {suite: _verdict(context, stage, suite, of, docs) for suite, of in parts.items()}


def _parts(
    suite: str,
    limits: Sequence[Limit],
    numbers: _Numbers,
    reference: Mapping[str, float],
    offenders: Mapping[str, Sequence[str]],
) -> list[_Part]:
    """What a suite expects of a stage's totals and of its relations; no part expects nothing."""

    def expected(limit: Limit) -> Any:
        worst = [*numbers.blamed(limit), *offenders.get(limit.statistic, ())[:WORST]]
        return of_limit(limit, suite, reference, worst=worst, missing=numbers.missing(limit))

    def judged(limit: Limit, rows: pl.DataFrame) -> bool:
        return limit.statistic in rows.columns or limit.must_be_there(numbers.labels)

    def part(name: str, rows: pl.DataFrame, key: str, held: Iterable[Limit]) -> _Part:
        of = [expected(limit) for limit in held if judged(limit, rows)]
        return _Part(name, rows, [key], of)

    name = f"{numbers.stage}_{suite}"
    of_each = [limit for limit in limits if limit.by_relation]
    of_all = [limit for limit in limits if not limit.by_relation]
    parts = [
        part(name, numbers.total(), "stage", of_all),
        part(f"{name}_relations", numbers.relations, "relation", of_each),
    ]
    return [part for part in parts if part.expectations]


def _sampled(stage: str, sample: pl.DataFrame, relations: Sequence[str]) -> _Part:
    if sample.height > MOST_LABELS:
        raise ValueError(
            f"sample of {stage}: expected at most {MOST_LABELS} labels, found {sample.height}: "
            "they are judged one by one, as a Pandas frame; draw fewer"
        )
    return _Part(f"{stage}_critical_labels", sample.select(list(LABELS)), KEY, of_labels(relations))


def _verdict(
    context: Any, stage: str, suite: str, parts: Sequence[_Part], docs: Path | None
) -> Verdict:
    failures = [failure for part in parts for failure in _failures(context, part, docs)]
    page = docs / FIRST_PAGE if docs else None
    n_expectations = sum(len(part.expectations) for part in parts)
    return Verdict(stage, suite, n_expectations, tuple(failures), page)


def _failures(context: Any, part: _Part, docs: Path | None) -> list[Failure]:
    """What fails, in the order of what is expected."""
    order = [expectation.meta["statistic"] for expectation in part.expectations]
    failed = [
        result
        for result in _validated(context, part, docs)
        if not result.success or result.expectation_config.meta["missing"]
    ]
    failed.sort(key=lambda result: order.index(result.expectation_config.meta["statistic"]))
    return [_failure(result) for result in failed]


def _validated(context: Any, part: _Part, docs: Path | None) -> list[Any]:
    """Great Expectations' results."""
    gx = great_expectations()
    source = context.data_sources.add_or_update_pandas(part.name)
    batch = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(name=part.name, expectations=list(part.expectations))
    definition = gx.ValidationDefinition(
        name=part.name, data=batch, suite=context.suites.add_or_update(suite)
    )
    checkpoint = gx.Checkpoint(
        name=part.name,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(part.keys),
            "return_unexpected_index_query": False,
        },
    )
    outcome = context.checkpoints.add_or_update(checkpoint).run(
        batch_parameters={"dataframe": part.rows.to_pandas()},
        run_id=gx.RunIdentifier(run_name="checks"),
    )
    ((identifier, validation),) = outcome.run_results.items()
    if docs:  # its page alone: the suite's says nothing more, and the first page is ours
        context.build_data_docs(resource_identifiers=[identifier], build_index=False)
    return list(validation.results)


def _failure(result: Any) -> Failure:
    config = result.expectation_config
    observed, error = _observed(result)
    return Failure(
        config.type,
        config.meta["statistic"],
        config.meta["expected"],
        observed,
        (*_worst_rows(result), *config.meta["worst"]),
        config.meta["remedy"],
        error,
    )


def _observed(result: Any) -> tuple[str, bool]:
    """What was found, in words, and whether that is an error."""
    found = result.result
    if went_wrong := result.expectation_config.meta["missing"] or _exception(result):
        return went_wrong, True
    if "unexpected_count" in found:
        rows = result.expectation_config.meta["rows"]
        return f"{found['unexpected_count']} of {found['element_count']} {rows} in breach", False
    value = found.get("observed_value")
    return ("no finite number", True) if value is None else (in_words(float(value)), False)


def _exception(result: Any) -> str | None:
    """Name and message of the exception that an expectation raised, if it did."""
    info = result.exception_info
    # One of the expectation stands there itself, those of what it asks for by the latter's id.
    for raised in [info] if "raised_exception" in info else info.values():
        if raised["raised_exception"]:
            names = re.findall(
                r"^(?:\w+\.)*(\w+)(?::|$)", raised["exception_traceback"], re.MULTILINE
            )
            return f"{names[-1] if names else 'exception'}: {raised['exception_message']}"
    return None


def _worst_rows(result: Any) -> list[str]:
    """Of an expectation about rows, the ten that break it most, in words."""
    rows = result.result.get("unexpected_index_list") or []
    if rows and "doc_id" in rows[0]:
        return list(dict.fromkeys(_label(row) for row in rows))[:WORST]
    about = result.expectation_config.kwargs
    name, bounds = about.get("column"), (about.get("min_value"), about.get("max_value"))
    least, most = (
        end if bound is None else bound for bound, end in zip(bounds, (-inf, inf), strict=True)
    )
    ranked = sorted(rows, key=lambda row: max(row[name] - most, least - row[name]), reverse=True)
    return [f"{row['relation']} {in_words(row[name])}" for row in ranked[:WORST]]


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['relation']} from {row['head']} to {row['tail']} in {row['doc_id']}"
