"""CLIP and SigLIP as small as they go, with random weights, saved where the real loader finds them."""

import json
import string
from pathlib import Path

import torch

SIZE = 32
"""Side of their pictures, pixels."""


def save_clip(folder: Path, *, safetensors: bool = True, base: bool = False) -> Path:
    """CLIP with two layers and single characters as its vocabulary; without `safetensors` pickled, as OpenAI's is.

    `base`: as large as ViT-B/32 instead, to be timed.
    """
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    characters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*characters, *(c + "</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=77)
    text = {
        **({} if base else _layers()),
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 77,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    vision = {} if base else {**_layers(), "image_size": SIZE, "patch_size": 8}
    network = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=512 if base else 16))
    network.save_pretrained(folder)
    if not safetensors:
        (folder / "model.safetensors").unlink()
        torch.save(network.state_dict(), folder / "pytorch_model.bin")
    tokenizer.save_pretrained(folder)
    size = 224 if base else SIZE
    CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size}).save_pretrained(
        folder
    )
    return folder


def save_siglip(folder: Path) -> Path:
    """SigLIP with two layers, spelling its texts."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessorPil, SiglipModel

    torch.manual_seed(0)
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((c, -1.0) for c in string.ascii_lowercase + " ,")]
    spelling = Tokenizer(models.Unigram(letters, unk_id=2))
    text = {**_layers(), "vocab_size": len(letters), "max_position_embeddings": 24, "pad_token_id": 0}
    vision = {**_layers(), "image_size": SIZE, "patch_size": 8}
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=spelling, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE}).save_pretrained(folder)
    return folder


def _layers() -> dict[str, int]:
    return {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
