"""Resources take their settings from the environment, and refuse bad ones by name."""

import dagster as dg
import pytest

from resources.compute import Compute
from resources.environment import (
    VARIABLES,
    cron_from_environment,
    resources_from_environment,
    shards_from_environment,
    target_precision_from_environment,
    timezone_from_environment,
)
from resources.method import Method
from resources.quality import Quality


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_preset_follows_the_corpus(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCRE_CORPUS", str(tmp_path))
    assert resources_from_environment()["method"].preset == "small"


@pytest.mark.parametrize("given", [None, ""])
def test_defaults_are_the_demo_corpus_and_its_preset(monkeypatch, given):
    """Also where variables are set to nothing, as `DOCRE_PRESET= make demo` and `.env` files do."""
    for name in VARIABLES if given is not None else ():
        monkeypatch.setenv(name, given)
    resources = resources_from_environment()
    assert resources["corpus_source"].spec == "demo"
    assert resources["storage"].root == "artefacts"
    assert resources["method"].preset == "demo"
    assert resources["method"].overrides == {}
    assert resources["method"].teacher_checkpoint() is None
    assert resources["compute"] == Compute(device="auto", precision="auto", threads=None)
    assert resources["quality"].enforce
    assert resources["quality"].overrides == {}
    assert resources["inbox"].quiet_seconds == 60
    assert resources["promotion"].margin == 0.01
    assert (cron_from_environment(), timezone_from_environment()) == ("0 3 * * 1", "UTC")
    assert target_precision_from_environment() is None
    assert shards_from_environment() == ["shard-000", "shard-001", "shard-002", "shard-003"]


@pytest.mark.parametrize(
    ("variable", "told"),
    [("DOCRE_STORGE", "did you mean DOCRE_STORAGE"), ("DOCRE_EPOCHS", "there are DOCRE_CORPUS, ")],
)
def test_a_variable_that_there_is_none_of_is_refused(monkeypatch, variable, told):
    """Misspelt, it would leave a default in place: another corpus' artefacts would be replaced."""
    monkeypatch.setenv(variable, "x")
    with pytest.raises(ValueError, match=f"{variable}: no setting is called that; {told}"):
        resources_from_environment()


def test_every_variable_is_read(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCRE_CORPUS", "hf:someone/something")
    monkeypatch.setenv("DOCRE_STORAGE", str(tmp_path))
    monkeypatch.setenv("DOCRE_PRESET", "tiny")
    monkeypatch.setenv("DOCRE_OVERRIDES", '{"teacher.training.epochs": 7}')
    monkeypatch.setenv("DOCRE_TEACHER", str(tmp_path / "teacher"))
    monkeypatch.setenv("DOCRE_DEVICE", "cpu")
    monkeypatch.setenv("DOCRE_PRECISION", "float32")
    monkeypatch.setenv("DOCRE_THREADS", "3")
    monkeypatch.setenv("DOCRE_SHARDS", "12")
    monkeypatch.setenv("DOCRE_QUALITY", "observe")
    monkeypatch.setenv("DOCRE_LIMITS", '{"distant.critical.js_bits.most": null}')
    monkeypatch.setenv("DOCRE_INBOX", str(tmp_path / "in"))
    monkeypatch.setenv("DOCRE_INBOX_QUIET", "5")
    monkeypatch.setenv("DOCRE_PROMOTION_MARGIN", "0.02")
    monkeypatch.setenv("DOCRE_CRON", "*/5 * * * *")
    monkeypatch.setenv("DOCRE_TIMEZONE", "Europe/Berlin")
    resources = resources_from_environment()
    assert resources["corpus_source"].spec == "hf:someone/something"
    assert resources["inbox"].waiting("distant") == tmp_path / "in" / "distant"
    assert resources["inbox"].quiet_seconds == 5
    assert resources["promotion"].margin == 0.02
    assert cron_from_environment() == "*/5 * * * *"
    assert timezone_from_environment() == "Europe/Berlin"
    assert resources["storage"].folder == tmp_path
    assert resources["warehouse"].file == tmp_path / "warehouse.duckdb"
    assert resources["method"].settings().teacher.training.epochs == 7
    assert resources["method"].teacher_checkpoint() == tmp_path / "teacher"
    assert resources["compute"] == Compute(device="cpu", precision="float32", threads=3)
    assert not resources["quality"].enforce
    assert resources["quality"].overrides == {"distant.critical.js_bits.most": None}
    assert len(shards_from_environment()) == 12
    assert shards_from_environment()[-1] == "shard-011"


@pytest.mark.parametrize("text", ["{", "[1]", '"teacher"', "teacher.training.epochs=1"])
@pytest.mark.parametrize("variable", ["DOCRE_OVERRIDES", "DOCRE_LIMITS"])
def test_overrides_must_be_a_json_object(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=f"{variable}: expected a JSON object"):
        resources_from_environment()


def test_limits_are_enforced_or_observed(monkeypatch):
    monkeypatch.setenv("DOCRE_QUALITY", "ignore")
    with pytest.raises(ValueError, match="DOCRE_QUALITY: expected 'enforce' or 'observe'"):
        resources_from_environment()


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_shards_must_be_a_number_from_one(monkeypatch, text):
    monkeypatch.setenv("DOCRE_SHARDS", text)
    with pytest.raises(ValueError, match="DOCRE_SHARDS: expected a whole number from 1"):
        shards_from_environment()


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (Method(preset="enormous"), "unknown preset 'enormous'"),
        (Method(overrides={"teacher.training.epoch": 1}), "'epoch' is not one of"),
        (Quality(overrides={"distant.critical.js_bit.most": 1}), "'js_bit' is not one of"),
    ],
    ids=str,
)
def test_a_wrong_setting_from_elsewhere_stops_a_run_before_anything_is_computed(resource, message):
    computed = []

    @dg.asset(required_resource_keys={"setting"})
    def needs_it():
        computed.append(True)

    with pytest.raises(dg.DagsterResourceFunctionError) as raised:
        dg.materialize([needs_it], resources={"setting": resource})
    assert message in str(raised.value.__cause__)
    assert not computed


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("DOCRE_PRESET", "smal", "unknown preset 'smal'"),
        ("DOCRE_OVERRIDES", '{"teacher.training.epoch": 1}', "'epoch' is not one of epochs"),
        ("DOCRE_TEACHER", "artefacts/models/finetuned", "that no run replaces"),
        ("DOCRE_PRECISION", "float16", "expected one of auto, float32, bfloat16"),
        ("DOCRE_THREADS", "0", "expected a whole number from 1"),
        ("DOCRE_THREADS", "all", "expected a whole number from 1"),
        ("DOCRE_LIMITS", '{"distant.critical.js_bit.most": 1}', "'js_bit' is not one of"),
        ("DOCRE_LIMITS", '{"distant.critical.js_bits.most": "lots"}', "expected a finite number"),
        ("DOCRE_INBOX_QUIET", "a while", "expected a number, seconds"),
        ("DOCRE_INBOX_QUIET", "-1", "expected a number, seconds"),
        ("DOCRE_PROMOTION_MARGIN", "1", "expected a number, F1 from 0 to 1"),
        ("DOCRE_PROMOTION_MARGIN", "nan", "expected a number, F1 from 0 to 1"),
    ],
)
def test_what_there_is_none_of_is_told_before_anything_runs(monkeypatch, variable, text, told):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=told) as refused:
        resources_from_environment()
    assert variable in str(refused.value)


@pytest.mark.parametrize(("text", "share"), [("0.9", 0.9), ("1", 1.0), ("", None)])
def test_a_target_precision_is_read(monkeypatch, text, share):
    monkeypatch.setenv("DOCRE_TARGET_PRECISION", text)
    assert target_precision_from_environment() == share


@pytest.mark.parametrize("text", ["high", "0", "1.1", "90", "-1", "nan"])
def test_a_target_precision_is_a_share(monkeypatch, text):
    monkeypatch.setenv("DOCRE_TARGET_PRECISION", text)
    with pytest.raises(ValueError, match=r"DOCRE_TARGET_PRECISION: .*share of predictions"):
        target_precision_from_environment()


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("DOCRE_CRON", "every monday", cron_from_environment),
        ("DOCRE_TIMEZONE", "Europe/Atlantis", timezone_from_environment),
    ],
)
def test_a_time_that_there_is_none_of_is_told(monkeypatch, variable, text, read):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=f"{variable}: expected .*{text}"):
        read()
