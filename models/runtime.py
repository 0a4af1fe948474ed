"""Where and how precisely the network is computed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from models.allocation import keep_little
from models.config import PRECISIONS


@dataclass(frozen=True)
class Runtime:
    """Device, precision and threads."""

    device: str = "auto"
    """``auto`` takes CUDA, else MPS, else the CPU; or any name that torch knows."""
    precision: str = "auto"
    """``bfloat16`` computes large maps in it (weights stay float32); ``auto`` does so where the
    hardware multiplies bfloat16 natively."""
    threads: int | None = None
    """CPU threads; None leaves torch's number."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, found {self.precision!r}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be 1 or more, or None, found {self.threads}")
        self._require_device()

    def _require_device(self) -> None:
        try:
            kind = self.torch_device.type
        except RuntimeError as error:
            raise ValueError(
                f"device must be 'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or another name that "
                f"torch knows, found {self.device!r}"
            ) from error
        absent = {
            "cuda": not torch.cuda.is_available(),
            "mps": not torch.backends.mps.is_available(),
        }
        if absent.get(kind):
            raise ValueError(
                f"device {self.device!r} was asked for, but torch {torch.__version__} sees no "
                f"{kind.upper()} device; install a build of torch for it, or set the device to "
                "'auto' or 'cpu'"
            )

    @property
    def torch_device(self) -> torch.device:
        """The device, ``auto`` resolved."""
        if self.device != "auto":
            return torch.device(self.device)
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")

    @property
    def bfloat16(self) -> bool:
        """Whether large maps are computed in bfloat16."""
        if self.precision != "auto":
            return self.precision == "bfloat16"
        kind = self.torch_device.type
        if kind == "cuda":
            return torch.cuda.is_bf16_supported(including_emulation=False)
        capabilities = torch.cpu.get_capabilities()
        native = capabilities.get("avx512_bf16") or capabilities.get("amx_tile")
        return kind == "cpu" and bool(native)

    def autocast(self) -> AbstractContextManager[None]:
        """Context in which the network is computed."""
        return torch.autocast(self.torch_device.type, torch.bfloat16, enabled=self.bfloat16)

    def prepare(self) -> None:
        """Set this process up: how much memory it keeps, and the CPU threads, if they are named."""
        keep_little()
        if self.threads is not None:
            torch.set_num_threads(self.threads)

    def __str__(self) -> str:
        precision = "bfloat16" if self.bfloat16 else "float32"
        threads = self.threads or torch.get_num_threads()
        return f"{self.torch_device}, {precision}, {threads} thread{'s' if threads > 1 else ''}"
