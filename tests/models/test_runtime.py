"""Which device and precision are taken, on machines of every kind."""

import pytest
import torch

from models.runtime import Runtime


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be a machine with these devices and abilities."""

    def pretend(*, cuda=False, mps=False, cuda_bfloat16=False, cpu=()):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: cuda_bfloat16)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(cpu, True))

    return pretend


@pytest.mark.parametrize(
    ("present", "device"),
    [
        ({}, "cpu"),
        ({"mps": True}, "mps"),
        ({"cuda": True}, "cuda"),
        ({"cuda": True, "mps": True}, "cuda"),
    ],
)
def test_auto_takes_the_fastest_device(machine, present, device):
    machine(**present)
    assert Runtime().torch_device == torch.device(device)


def test_a_named_device_is_taken(machine):
    machine(cuda=True)
    assert Runtime("cpu").torch_device == torch.device("cpu")
    assert Runtime("cuda:1").torch_device == torch.device("cuda", 1)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps"])
def test_an_absent_device_is_refused(machine, device):
    machine()
    kind = device.partition(":")[0].upper()
    with pytest.raises(ValueError, match=rf"'{device}' was asked for, but torch .* no {kind} dev"):
        Runtime(device)


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match=r"device must be 'auto', .* found 'gpu'"):
        Runtime("gpu")


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({}, False),
        ({"cpu": ("avx2", "avx512_vnni")}, False),
        ({"cpu": ("avx512_bf16",)}, True),
        ({"cpu": ("amx_tile",)}, True),
        ({"cuda": True, "cpu": ("amx_tile",)}, False),
        ({"cuda": True, "cuda_bfloat16": True}, True),
        ({"mps": True, "cpu": ("amx_tile",)}, False),
    ],
)
def test_auto_precision_follows_the_hardware(machine, present, expected):
    machine(**present)
    assert Runtime().bfloat16 is expected


@pytest.mark.parametrize(("precision", "expected"), [("float32", False), ("bfloat16", True)])
def test_a_named_precision_is_taken(machine, precision, expected):
    machine(cpu=("amx_tile",) if not expected else ())
    assert Runtime(precision=precision).bfloat16 is expected


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision must be one of .*, found 'float16'"):
        Runtime(precision="float16")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_autocast_computes_maps_in_that_precision(precision):
    product = torch.ones(2, 2)
    with Runtime("cpu", precision).autocast():
        product = product @ product
    assert product.dtype == getattr(torch, precision)


@pytest.mark.parametrize("threads", [0, -2])
def test_no_threads_are_refused(threads):
    with pytest.raises(ValueError, match=f"threads must be 1 or more, or None, found {threads}"):
        Runtime(threads=threads)


def test_threads_are_set_only_if_named(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    Runtime("cpu").prepare()
    Runtime("cpu", threads=3).prepare()
    assert asked == [3]


def test_it_says_what_it_is():
    assert str(Runtime("cpu", "bfloat16")).startswith("cpu, bfloat16, ")


@pytest.mark.parametrize(("threads", "told"), [(1, "1 thread"), (7, "7 threads")])
def test_it_says_the_threads_that_it_will_set(threads, told):
    """A training's state belongs to them, and is asked for before anything is set."""
    assert str(Runtime("cpu", "float32", threads)) == f"cpu, float32, {told}"
