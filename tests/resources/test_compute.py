"""Compute becomes the models' runtime."""

import pytest

from resources.compute import Compute


def test_settings_reach_the_runtime():
    runtime = Compute(device="cpu", precision="float32", threads=2).runtime()
    assert runtime.torch_device.type == "cpu"
    assert not runtime.bfloat16
    assert runtime.threads == 2


def test_a_precision_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="precision must be one of"):
        Compute(device="cpu", precision="float8").runtime()


def test_no_threads_at_all_are_refused():
    with pytest.raises(ValueError, match="greater than 0"):
        Compute(threads=0)
