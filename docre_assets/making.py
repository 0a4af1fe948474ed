"""Makes an asset's artefacts, unless they are there already, made from the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from corpus.artefacts import digest_of
from corpus.seals import Seal


@dataclass(frozen=True)
class Made:
    """What became of an asset's artefacts."""

    kept: bool
    """Whether they were there already, made from the same, and whole."""
    content: str
    """Digest of the artefacts."""


def made_from(context: dg.AssetExecutionContext, *parts: Any) -> str:
    """One digest of an asset's code version, its inputs' digests and its settings.

    Args:
        context: of the asset.
        parts: digests and settings, values that JSON can hold.
    """
    code = context.assets_def.code_versions_by_key[context.asset_key]
    return digest_of(code, *parts)


def make(
    context: dg.AssetExecutionContext,
    seal: Seal,
    wanted: str,
    write: Callable[[], object],
    *,
    force: bool = False,
) -> Made:
    """Write an asset's artefacts and seal them; keep those that were made from the same.

    Args:
        context: of the asset.
        seal: of its artefacts.
        wanted: what they are to be made from, see `made_from`.
        write: writes all of them.
        force: write them in any case.
    """
    kept = not force and seal.keeps(wanted)
    if kept:
        context.log.info("%s is kept: what it is made from is as it was", seal.name)
    else:
        with seal.renewed(wanted):
            write()
    return Made(kept, seal.content())
