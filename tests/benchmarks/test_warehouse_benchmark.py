"""The benchmark of the warehouse measures answers, not their absence."""

import duckdb
import pytest

from benchmarks import warehouse as benchmark
from benchmarks.generated_warehouse import GeneratedWarehouse
from benchmarks.queries import Question
from benchmarks.warehouse import AIM, _of_known, _timed, asked, built, measured


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    generated = GeneratedWarehouse(folder, 2000)
    generated.generate()
    built(generated, folder / "all.duckdb")
    return folder / "all.duckdb"


def test_every_question_of_the_page_is_answered(warehouse):
    answers = asked(warehouse)
    assert len(answers) >= 15
    assert all(found["rows"] for found in answers)


def test_no_answer_is_told_instead_of_its_time():
    with duckdb.connect() as connection, pytest.raises(ValueError, match="Q11: expected rows"):
        _timed(connection, Question("Q11", "SELECT 1 WHERE false", ""))


def test_what_the_page_no_longer_asks_about_is_told():
    page = [Question("1", "SELECT 'Nestec'", "")]
    assert _of_known(page, {"Nestec": "it's"})[0].sql == "SELECT 'it''s'"
    with pytest.raises(ValueError, match=r"queries\.md: expected a query about 'Dentador'"):
        _of_known(page, {"Nestec": "a", "Dentador": "b"})


def test_a_warehouse_without_the_entity_is_told(warehouse, monkeypatch):
    monkeypatch.setattr(benchmark, "WELL_KNOWN", "nobody")
    with pytest.raises(ValueError, match="expected facts about 'nobody', found none"):
        asked(warehouse)


@pytest.mark.parametrize(("predictions", "judged"), [(AIM // 10, False), (AIM, True)])
def test_only_the_full_number_of_predictions_is_judged(tmp_path, monkeypatch, predictions, judged):
    told = iter([None, {"wall_s": 1}, [{"best_s": 0.5}]])
    monkeypatch.setattr(benchmark, "alone_on_two_cores", lambda *_: next(told))
    assert ("within" in measured(tmp_path, predictions)) == judged
