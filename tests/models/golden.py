"""The reference implementation's weights and cases, in this project's terms."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig

from corpus.encode import EncodedDocument
from models.batch import Batch, collate
from models.config import ModelConfig
from models.encoder import ATTENTION, Encoder
from models.network import DocRENetwork

FOLDER = Path(__file__).parent.parent / "golden"
REFERENCE = json.loads((FOLDER / "reference_cases.json").read_text())
CONFIG = REFERENCE["config"]
CASES = {case["name"]: case for case in REFERENCE["cases"]}
OUTPUTS = load_file(FOLDER / "reference_outputs.safetensors")


def network() -> DocRENetwork:
    bert = BertConfig(
        **{
            name: CONFIG[name]
            for name in (
                "vocab_size",
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "intermediate_size",
                "max_position_embeddings",
            )
        }
    )
    encoder = Encoder(AutoModel.from_config(bert, attn_implementation=ATTENTION))
    config = ModelConfig(
        emb_size=CONFIG["emb_size"],
        block_size=CONFIG["block_size"],
        axial_layers=CONFIG["axial_layers"],
        axial_heads=CONFIG["axial_heads"],
    )
    model = DocRENetwork(encoder, config, CONFIG["num_labels"])
    model.load_state_dict(_renamed(load_file(FOLDER / "reference_weights.safetensors")))
    return model.eval()


def _renamed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The reference's weights under this network's names, fused where it fuses."""
    blocks, size = CONFIG["emb_size"] // CONFIG["block_size"], CONFIG["emb_size"]
    named = {
        f"encoder.transformer.{name.removeprefix('model.')}": value
        for name, value in weights.items()
        if name.startswith("model.")
    }
    for name in ("head_extractor", "tail_extractor", "classifier"):
        named |= {f"{name}.{p}": weights[f"{name}.{p}"] for p in ("weight", "bias")}
    named["bilinear.weight"] = weights["projection.weight"].T.reshape(blocks, -1, size)
    for layer in range(CONFIG["axial_layers"]):
        named |= _axial_layer(weights, layer)
    return named


def _axial_layer(weights: dict[str, torch.Tensor], layer: int) -> dict[str, torch.Tensor]:
    def reference(axis: int, name: str) -> torch.Tensor:
        prefix = f"axial_transformer.axial_attns.{layer}.axial_attentions.{axis}.fn"
        return weights[f"{prefix}.{name}"]

    qkv = [reference(axis, f"{name}.weight") for axis in (0, 1) for name in ("to_q", "to_kv")]
    fused = {
        "qkv.weight": torch.cat(qkv),
        "out.weight": torch.cat([reference(axis, "to_out.weight") for axis in (0, 1)], dim=1),
        "out.bias": reference(0, "to_out.bias") + reference(1, "to_out.bias"),
    }
    for ours, theirs in (("linear", "ffns"), ("norm", "lns")):
        for part in ("weight", "bias"):
            fused[f"{ours}.{part}"] = weights[f"axial_transformer.{theirs}.{layer}.{part}"]
    return {f"axial.layers.{layer}.{name}": value for name, value in fused.items()}


def encoded(name: str) -> EncodedDocument:
    case = CASES[name]
    return EncodedDocument(
        doc_id=name,
        token_ids=np.asarray(case["input_ids"], np.int32),
        mention_starts=tuple(
            np.asarray(starts, np.int32) + 1 for starts in case["entity_mention_starts"]
        ),
        labels=np.asarray(case["labels"], np.int32).reshape(-1, 3),
        sentence_starts=np.ones(1, np.int32),
    )


def batch_of(*names: str) -> Batch:
    return collate(
        [encoded(name) for name in names],
        window=CONFIG["max_position_embeddings"],
        special_ids=(CONFIG["cls_token_id"], CONFIG["sep_token_id"], 0),
        n_classes=CONFIG["num_labels"],
    )


def pair_rows(name: str) -> torch.Tensor:
    """Rows of the reference's E² table that are pairs."""
    n_entities = len(CASES[name]["entity_mention_starts"])
    return (~torch.eye(n_entities, dtype=torch.bool)).flatten().nonzero().squeeze(1)
