"""Settings from environment variables, read when the definitions are loaded.

`DOCRE_CORPUS` (demo, a folder or hf:<dataset id>), `DOCRE_STORAGE` (folder of all artefacts),
`DOCRE_PRESET` and `DOCRE_OVERRIDES` (JSON of dotted names), `DOCRE_TEACHER` (checkpoint that is
taken for the teacher), `DOCRE_DEVICE`, `DOCRE_PRECISION`, `DOCRE_THREADS` (of the CPU),
`DOCRE_SHARDS`, `DOCRE_QUALITY` (enforce or observe), `DOCRE_LIMITS` (JSON of dotted names),
`DOCRE_INBOX` (folder that new documents arrive in), `DOCRE_INBOX_QUIET` (seconds),
`DOCRE_PROMOTION_MARGIN` (F1, 0 to 1), `DOCRE_TARGET_PRECISION` (above 0 and at most 1, of
predictions), `DOCRE_CRON` and `DOCRE_TIMEZONE` (when the workflow distils again).
"""

import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Final
from zoneinfo import available_timezones

import dagster as dg
from dagster._utils.schedules import is_valid_cron_schedule

from corpus.distant import shard_names
from models import config
from quality.default_limits import limits
from quality.promotion import MARGIN
from resources.compute import Compute
from resources.corpus_source import CorpusSource
from resources.inbox import Inbox
from resources.method import Method
from resources.promotion import Promotion
from resources.quality import Quality
from resources.storage import Storage
from resources.warehouse import Warehouse

VARIABLES: Final = (
    "DOCRE_CORPUS",
    "DOCRE_STORAGE",
    "DOCRE_PRESET",
    "DOCRE_OVERRIDES",
    "DOCRE_TEACHER",
    "DOCRE_DEVICE",
    "DOCRE_PRECISION",
    "DOCRE_THREADS",
    "DOCRE_SHARDS",
    "DOCRE_QUALITY",
    "DOCRE_LIMITS",
    "DOCRE_INBOX",
    "DOCRE_INBOX_QUIET",
    "DOCRE_PROMOTION_MARGIN",
    "DOCRE_TARGET_PRECISION",
    "DOCRE_CRON",
    "DOCRE_TIMEZONE",
)
"""All that settings are read from."""

_HYPER_PARAMETER = '{"teacher.training.epochs": 1}'
_SHARE = "the share of predictions that is to hold, above 0 and at most 1"
_LIMIT = '{"distant.critical.js_bits.most": 0.4}'


def resources_from_environment() -> dict[str, dg.ConfigurableResource]:
    """All resources by the names that assets ask for them.

    Raises:
        ValueError: if a setting is none that there is.
    """
    _require_known(os.environ)
    storage = Storage(root=_setting("DOCRE_STORAGE", "artefacts"))
    corpus = _setting("DOCRE_CORPUS", "demo")
    preset = _setting("DOCRE_PRESET", "demo" if corpus == "demo" else "small")
    overrides = _json_object("DOCRE_OVERRIDES", _HYPER_PARAMETER)
    limited = _json_object("DOCRE_LIMITS", _LIMIT)
    with _explained("DOCRE_PRESET or DOCRE_OVERRIDES"):
        config.preset(preset, overrides)
    teacher = _setting("DOCRE_TEACHER", "")
    method = Method(preset=preset, overrides=overrides, teacher=teacher)
    if checkpoint := method.teacher_checkpoint():
        with _explained("DOCRE_TEACHER"):
            storage.require_lasting(checkpoint)
    with _explained("DOCRE_LIMITS"):
        limits(limited)
    return {
        "storage": storage,
        "corpus_source": CorpusSource(spec=corpus),
        "method": method,
        "compute": _compute(),
        "quality": Quality(enforce=_enforce(), overrides=limited),
        "warehouse": Warehouse(path=str(storage.warehouse)),
        "inbox": Inbox(
            root=_setting("DOCRE_INBOX", "inbox"),
            quiet_seconds=_number("DOCRE_INBOX_QUIET", 60, "seconds without a change, from 0"),
        ),
        "promotion": Promotion(
            margin=_number("DOCRE_PROMOTION_MARGIN", MARGIN, "F1 from 0 to 1", most=1),
        ),
    }


def shards_from_environment() -> list[str]:
    """Names of the shards that the distant corpus is cut into."""
    text = _setting("DOCRE_SHARDS", "4")
    return shard_names(_count("DOCRE_SHARDS", text, "pieces that the distant corpus is cut into"))


def cron_from_environment() -> str:
    """When the workflow distils again, as a cron expression; Monday at three in the morning."""
    text = _setting("DOCRE_CRON", "0 3 * * 1")
    if not is_valid_cron_schedule(text):
        raise ValueError(
            f"DOCRE_CRON: expected a cron expression such as '0 3 * * 1', found {text!r}; it says "
            "when the workflow distils again"
        )
    return text


def timezone_from_environment() -> str:
    """The time zone that the cron expression is read in."""
    text = _setting("DOCRE_TIMEZONE", "UTC")
    if text not in available_timezones():
        raise ValueError(
            f"DOCRE_TIMEZONE: expected a time zone such as 'Europe/Berlin', found {text!r}; the "
            "schedule of redistillation is read in it"
        )
    return text


def target_precision_from_environment() -> float | None:
    """What share of the predictions is to hold; None leaves to TH what is predicted."""
    text = _setting("DOCRE_TARGET_PRECISION", "")
    if not text:
        return None
    share = _number("DOCRE_TARGET_PRECISION", 1, _SHARE)
    if not 0 < share <= 1:
        raise ValueError(f"DOCRE_TARGET_PRECISION: expected a number, {_SHARE}, found {text!r}")
    return share


def _compute() -> Compute:
    """What networks are computed on; threads are torch's own choice unless they are named."""
    precision = _setting("DOCRE_PRECISION", "auto")
    threads = _setting("DOCRE_THREADS", "")
    if precision not in config.PRECISIONS:
        raise ValueError(
            f"DOCRE_PRECISION: expected one of {', '.join(config.PRECISIONS)}, found "
            f"{precision!r}; it is what networks are computed in"
        )
    return Compute(
        device=_setting("DOCRE_DEVICE", "auto"),
        precision=precision,
        threads=_count("DOCRE_THREADS", threads, "CPU threads to compute on") if threads else None,
    )


def _require_known(variables: Iterable[str]) -> None:
    """A misspelt name would leave the default in place without a word."""
    for name in variables:
        if name.startswith("DOCRE_") and name not in VARIABLES:
            near = get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
            told = f"did you mean {near[0]}?" if near else f"there are {', '.join(VARIABLES)}"
            raise ValueError(f"{name}: no setting is called that; {told}")


def _setting(variable: str, default: str) -> str:
    """A variable's text; one that is set to nothing is as good as unset."""
    return os.environ.get(variable) or default


def _count(variable: str, text: str, of: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(
            f"{variable}: expected a whole number from 1, found {text!r}; it is the number of {of}"
        )
    return int(text)


def _number(variable: str, default: float, meaning: str, most: float = math.inf) -> float:
    text = _setting(variable, str(default))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < most:
        raise ValueError(f"{variable}: expected a number, {meaning}, found {text!r}")
    return value


@contextmanager
def _explained(variable: str) -> Iterator[None]:
    """Name the variable that a bad setting stands in, before anything is computed."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from error


def _enforce() -> bool:
    text = _setting("DOCRE_QUALITY", "enforce")
    if text not in ("enforce", "observe"):
        raise ValueError(
            f"DOCRE_QUALITY: expected 'enforce' or 'observe', found {text!r}; it says whether a "
            "broken hard limit of a data check stops what is downstream, or only warns"
        )
    return text == "enforce"


def _json_object(variable: str, example: str) -> dict[str, Any]:
    text = _setting(variable, "{}")
    wrong = f"{variable}: expected a JSON object of dotted names, such as {example}, found {text!r}"
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(wrong) from error
    if not isinstance(value, dict):
        raise ValueError(wrong)
    return value
