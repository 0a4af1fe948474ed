"""Families of encoders: what is read at mentions is what transformers itself computes."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from conftest import VOCABULARY, WORDS, make_document
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    CamembertConfig,
    DebertaV2Config,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)
from transformers.utils import logging as transformers_logging

from corpus.encode import EncodedDocument
from corpus.schema import Document, Entity, Mention
from models.batch import Batch, collate
from models.config import DEFAULT_ENCODER, ModelConfig
from models.encoder import ATTENTION, FAMILIES, Encoder, require_supported
from models.extractor import Extractor, encoder_source
from models.network import DocRENetwork

CLOSE = {"atol": 2e-5, "rtol": 1e-4}
PAD, CLASS, SEPARATOR, VOCABULARY_SIZE = 1, 2, 3, 60
SHAPE = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "pad_token_id": PAD,
    "initializer_range": 0.2,
}
MODERN = SHAPE | {
    "bos_token_id": CLASS,
    "eos_token_id": SEPARATOR,
    "cls_token_id": CLASS,
    "sep_token_id": SEPARATOR,
    "local_attention": 8,
    "max_position_embeddings": 48,
}
CONFIGS = {
    "bert": BertConfig(**SHAPE, num_hidden_layers=2, max_position_embeddings=48),
    "roberta": RobertaConfig(**SHAPE, num_hidden_layers=2, max_position_embeddings=50),
    "xlm-roberta": XLMRobertaConfig(**SHAPE, num_hidden_layers=2, max_position_embeddings=50),
    "electra": ElectraConfig(
        **SHAPE, num_hidden_layers=2, max_position_embeddings=48, embedding_size=16
    ),
    "modernbert, last layer global": ModernBertConfig(**MODERN, num_hidden_layers=4),
    "modernbert, last layer local": ModernBertConfig(**MODERN, num_hidden_layers=3),
}
HEAD = ModelConfig(emb_size=16, block_size=4, axial_layers=1, axial_heads=2)


@pytest.fixture(params=CONFIGS)
def settings(request):
    return CONFIGS[request.param]


def transformer(settings, attention: str):
    """The same random weights for every way of attention."""
    torch.manual_seed(0)
    own = copy.deepcopy(settings)  # a model's attention is noted in its configuration
    return AutoModel.from_config(own, attn_implementation=attention).eval()


@pytest.fixture
def encoder(settings) -> Encoder:
    return Encoder(transformer(settings, ATTENTION))


def encoded(doc_id: str, n_tokens: int, n_entities: int = 3) -> EncodedDocument:
    """A document of random tokens whose mentions are spread over it."""
    draw = np.random.default_rng(n_tokens)
    words = draw.integers(SEPARATOR + 1, VOCABULARY_SIZE, n_tokens - 2)
    starts = draw.permutation(np.arange(1, n_tokens - 1))[: 2 * n_entities]
    mentions = tuple(starts[2 * e : 2 * e + 2].astype(np.int32) for e in range(n_entities))
    token_ids = np.array([CLASS, *words, SEPARATOR], np.int32)
    labels, one_sentence = np.empty((0, 3), np.int32), np.ones(1, np.int32)
    return EncodedDocument(doc_id, token_ids, mentions, labels, one_sentence)


def batch_of(*documents: EncodedDocument, window: int = 48) -> Batch:
    return collate(documents, window=window, special_ids=(CLASS, SEPARATOR, PAD))


DOCUMENTS = [encoded("a", 40), encoded("b", 23), encoded("c", 12)]


def test_every_family_is_tested():
    assert {config.model_type for config in CONFIGS.values()} == set(FAMILIES)


@torch.no_grad()
def test_hidden_states_and_attention_are_those_of_the_eager_model(settings, encoder):
    batch = batch_of(*DOCUMENTS)
    eager = transformer(settings, "eager")(
        batch.token_ids, batch.token_mask.long(), output_attentions=True
    )
    for row, (document, (hidden, attention)) in enumerate(
        zip(DOCUMENTS, encoder(batch), strict=True)
    ):
        length = len(document.token_ids)
        torch.testing.assert_close(hidden, eager.last_hidden_state[row, :length], **CLOSE)
        starts = np.concatenate(document.mention_starts)
        expected = eager.attentions[-1][row][:, starts, :length]
        torch.testing.assert_close(attention, expected, **CLOSE)
        torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:2]))


@torch.no_grad()
@pytest.mark.parametrize(
    "settings", [name for name in CONFIGS if name.startswith("modernbert")], indirect=True
)
def test_local_layers_see_only_their_window(settings, encoder):
    local = settings.layer_types[-1] == "sliding_attention"
    [(_, attention)] = encoder(batch_of(DOCUMENTS[0]))
    starts = torch.from_numpy(np.concatenate(DOCUMENTS[0].mention_starts)).long()
    distance = (starts[:, None] - torch.arange(attention.shape[-1])).abs()
    beyond = attention[:, distance > settings.local_attention // 2]
    assert bool((beyond == 0).all()) is local


def network(encoder: Encoder) -> DocRENetwork:
    torch.manual_seed(1)
    return DocRENetwork(encoder, HEAD, n_classes=5).eval()


@torch.no_grad()
def test_documents_do_not_move_each_other(encoder):
    model = network(encoder)
    together = model(batch_of(*DOCUMENTS)).split([d.n_pairs for d in DOCUMENTS])
    for document, rows in zip(DOCUMENTS, together, strict=True):
        torch.testing.assert_close(rows, model(batch_of(document)), **CLOSE)


@torch.no_grad()
def test_padding_does_not_move_logits(encoder):
    model, batch = network(encoder), batch_of(*DOCUMENTS)
    margin = torch.full((len(DOCUMENTS), 5), PAD)
    wider = dataclasses.replace(
        batch,
        token_ids=torch.cat([batch.token_ids, margin], 1),
        token_mask=torch.cat([batch.token_mask, torch.zeros_like(margin, dtype=torch.bool)], 1),
    )
    torch.testing.assert_close(model(wider), model(batch), **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("n_tokens", [48, 49, 95, 130, 300])
def test_documents_beyond_the_last_position(encoder, n_tokens):
    model, document = network(encoder), encoded("long", n_tokens)
    rows = model(batch_of(document))
    assert rows.shape == (6, 5)
    assert rows.isfinite().all()
    again = model(batch_of(DOCUMENTS[1], document, DOCUMENTS[2]))[6:12]
    torch.testing.assert_close(again, rows, **CLOSE)


def test_every_weight_that_is_trained_gets_a_gradient(encoder):
    model = network(encoder)
    model(batch_of(*DOCUMENTS)).square().sum().backward()
    without = [name for name, w in model.named_parameters() if w.grad is None]
    assert without == []


@pytest.mark.parametrize("config", [MPNetConfig(), DebertaV2Config()])
def test_encoders_whose_attention_cannot_be_watched_are_refused(config):
    with pytest.raises(ValueError, match=f"'{config.model_type}' does not run") as refusal:
        require_supported(config)
    assert ", ".join(FAMILIES) in str(refusal.value)


@pytest.fixture
def bert_folder(tmp_path):
    """A tiny BERT with random weights and MiniLM's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(encoder_source(DEFAULT_ENCODER))
    config = BertConfig(**SHAPE | {"vocab_size": len(tokenizer)}, num_hidden_layers=1)
    return saved(tmp_path / "bert", config, tokenizer)


def saved(folder, config, tokenizer):
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def created(folder, **changes) -> Extractor:
    config = dataclasses.replace(HEAD, encoder=str(folder), **changes)
    return Extractor.create(config, VOCABULARY, seed=1)


def test_a_local_folder_is_an_encoder(bert_folder):
    extractor = created(bert_folder)
    pretrained = AutoModel.from_pretrained(bert_folder).state_dict()
    ours = extractor.network.encoder.transformer.state_dict()
    assert ours
    for name, weight in ours.items():
        assert torch.equal(weight, pretrained[name])


@pytest.mark.parametrize("untrained", [None, {}])
def test_weights_are_float32_whatever_the_folder_holds(bert_folder, untrained):
    AutoModel.from_pretrained(bert_folder).half().save_pretrained(bert_folder)
    extractor = created(bert_folder, untrained=untrained)
    assert {weight.dtype for weight in extractor.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("shown", [True, False])
def test_loading_is_silent_and_leaves_progress_bars_as_they_were(bert_folder, capfd, shown):
    before = transformers_logging.is_progress_bar_enabled()
    switches = (
        transformers_logging.disable_progress_bar,
        transformers_logging.enable_progress_bar,
    )
    try:
        switches[shown]()
        created(bert_folder)
        assert transformers_logging.is_progress_bar_enabled() is shown
    finally:
        switches[before]()
    assert "Loading" not in capfd.readouterr().err


def test_attention_dropout_is_set_under_the_name_of_the_family(bert_folder, tmp_path):
    extractor = created(bert_folder, attention_dropout=0.0)
    assert extractor.network.encoder.transformer.config.attention_probs_dropout_prob == 0.0


def test_one_seed_makes_one_head(bert_folder):
    one, same = created(bert_folder), created(bert_folder)
    config = dataclasses.replace(HEAD, encoder=str(bert_folder))
    other = Extractor.create(config, VOCABULARY, seed=2)
    weights = [x.network.classifier.weight for x in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda f: (f / "config.json").unlink(), id="no config"),
        pytest.param(lambda f: (f / "config.json").write_text("{}"), id="no type"),
        pytest.param(lambda f: (f / "config.json").write_text("{"), id="no JSON"),
        pytest.param(lambda f: (f / "model.safetensors").unlink(), id="no weights"),
        pytest.param(lambda f: (f / "model.safetensors").write_bytes(b"short"), id="cut weights"),
    ],
)
def test_a_folder_that_is_no_encoder(bert_folder, spoil):
    spoil(bert_folder)
    with pytest.raises(ValueError, match=rf"'{bert_folder}': expected a folder with config.json"):
        created(bert_folder)


def test_a_folder_without_some_weights(bert_folder):
    """transformers would fill them with random numbers, and say so only in its log."""
    kept = {n: w for n, w in load_file(bert_folder / "model.safetensors").items() if "key" not in n}
    save_file(kept, bert_folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"2 weights are missing .*encoder.layer.0.attention"):
        created(bert_folder)


def test_a_folder_without_its_tokenizer(bert_folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (bert_folder / name).unlink()
    with pytest.raises(ValueError, match=r"expected a piece for the marker '\*'"):
        created(bert_folder)


def test_a_refused_encoder_is_told_by_its_own_error(bert_folder):
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {"model_type": "mpnet"}))
    with pytest.raises(ValueError, match=r"^encoder type 'mpnet' does not run"):
        created(bert_folder)


def test_an_unknown_hub_id_offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"(?s)'no-such/encoder': .* a Hugging Face id .* default"):
        created("no-such/encoder")


def byte_level_tokenizer(**options) -> PreTrainedTokenizerFast:
    """Pieces are bytes, and a word's first one is told by the space before it (Ġ)."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces = {piece: i for i, piece in enumerate([*specials, *letters, "Ġ*"])}
    bpe = Tokenizer(models.BPE(vocab=pieces, merges=[("Ġ", "*")]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bpe.decoder = decoders.ByteLevel()
    names = ("bos_token", "pad_token", "eos_token", "unk_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        cls_token="<s>",
        sep_token="</s>",
        **dict(zip(names, specials, strict=True)),
        **options,
    )


@pytest.fixture
def roberta_folder(tmp_path):
    tokenizer = byte_level_tokenizer()
    config = RobertaConfig(
        **SHAPE | {"vocab_size": len(tokenizer)}, num_hidden_layers=1, max_position_embeddings=34
    )
    return saved(tmp_path / "roberta", config, tokenizer)


def test_words_of_a_byte_level_tokenizer_have_their_space(roberta_folder):
    extractor = created(roberta_folder)
    document = make_document("a", 2, n_words=4)
    ids = extractor.encode(document).token_ids.tolist()
    text = extractor.tokenizer.decode(ids[1:-1])
    words = [word for sentence in document.sentences for word in sentence]
    assert [w for w in text.split() if w != "*"] == words
    assert set(words) <= set(WORDS)
    assert text.startswith(" ")
    assert extractor.tokenizer.convert_tokens_to_ids("Ġ*") in ids
    assert extractor.tokenizer.convert_tokens_to_ids("*") not in ids


def test_marker_places_of_a_byte_level_tokenizer(roberta_folder):
    extractor = created(roberta_folder)
    encoded_document = extractor.encode(make_document("a", 3, n_words=4))
    marker = extractor.tokenizer.convert_tokens_to_ids("Ġ*")
    for starts in encoded_document.mention_starts:
        assert (encoded_document.token_ids[starts] == marker).all()


@torch.no_grad()
@pytest.mark.parametrize("kind", [RobertaConfig, CamembertConfig])
def test_positions_of_roberta_begin_after_its_padding(tmp_path, kind):
    """34 position embeddings are 32 tokens; a document of more is read in windows."""
    tokenizer = byte_level_tokenizer()
    sizes = SHAPE | {"vocab_size": len(tokenizer)}
    config = kind(**sizes, num_hidden_layers=1, max_position_embeddings=34)
    extractor = created(saved(tmp_path / "encoder", config, tokenizer))
    documents = [extractor.encode(make_document(f"d{n}", n, n_words=5)) for n in (2, 4)]
    batch = extractor.collate(documents)
    assert batch.token_ids.shape[1] == 32
    assert extractor.network.eval()(batch).isfinite().all()


@pytest.mark.parametrize("folder", ["bert_folder", "roberta_folder"])
def test_words_that_are_spelled_like_special_tokens_are_words(folder, request):
    extractor = created(request.getfixturevalue(folder))
    special = set(extractor.tokenizer.all_special_ids) - {extractor.tokenizer.unk_token_id}
    words = ("a", *extractor.tokenizer.all_special_tokens)
    document = Document("d", "d", (words,), (Entity("X", (Mention("a", 0, 0, 1),)),))
    ids = extractor.encode(document).token_ids.tolist()
    assert special.isdisjoint(ids[1:-1])
    assert len(ids) > len(words) + 2
