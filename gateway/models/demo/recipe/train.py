"""Trains the demo model on the CPU and writes demo.gguf: train.py --minutes 40 --out ../demo.gguf

Needs Debian's python3-torch, and libopenblas0-pthread for speed. A llama-architecture transformer of about one million
parameters; the loss counts what the model itself must write, and the rest of the conversation a little.
"""
import argparse
import math
import os
import random
import time

import torch
import torch.nn.functional as F
from torch import nn

import bpe
import gguf
import tickets

DIM, LAYERS, HEADS, HIDDEN, VOCAB, EPS, BASE = 128, 3, 4, 320, 1024, 1e-5, 1e6
CONTEXT = 2048
# Of the text that the model only reads, a tenth of the tokens counts, a little.
PROMPT_WEIGHT, PROMPT_SHARE = 0.05, 0.1
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat_template.jinja"), encoding="utf-8") as file:
    CHAT_TEMPLATE = file.read()


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * self.weight


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_norm, self.ffn_norm = Norm(), Norm()
        self.q, self.k, self.v, self.o = (nn.Linear(DIM, DIM, bias=False) for _ in range(4))
        self.gate, self.up = nn.Linear(DIM, HIDDEN, bias=False), nn.Linear(DIM, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, DIM, bias=False)

    def forward(self, x, cos, sin, mask):
        b, t, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (f(h).view(b, t, HEADS, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = q @ k.transpose(-1, -2) / math.sqrt(DIM // HEADS) + mask
        x = x + self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, DIM))
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


def rotate(x, cos, sin):
    """RoPE over neighbouring pairs, as llama.cpp does for this architecture."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, DIM)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = Norm()
        self.head = nn.Linear(DIM, VOCAB, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 if name.endswith(("o.weight", "down.weight")) else 0.06)
        start_with_copying(self)

    def forward(self, tokens, keep=None):
        """Logits of every position, or of those that the mask keeps."""
        t = tokens.shape[1]
        half = DIM // HEADS // 2
        angles = torch.arange(t).float()[:, None] * BASE ** (-torch.arange(half).float() / half)[None]
        mask = torch.full((t, t), -1e9).triu(1)
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, angles.cos(), angles.sin(), mask)
        return self.head(self.norm(x if keep is None else x[keep]))


@torch.no_grad()
def start_with_copying(model):
    """Puts an induction circuit (Olsson et al. 2022) into the first two layers before training: 'what followed this
    token before?'. Copying numbers and names is most of the task, and on a CPU learning to copy takes most of the time.

    Residual dimension 0 is a constant, 1..95 hold the token, 96..127 the token before.
    """
    size, constant, slow = DIM // HEADS, 3.0, 12
    token, before = slice(1, 96), slice(96, DIM)
    e = model.embed.weight
    e.normal_()
    e[:, 0], e[:, before] = constant, 0
    model.head.weight.copy_(e * 0.12)
    model.head.weight[:, 0] = 0
    code = torch.linalg.qr(torch.randn(95, size)).Q.T

    # Layer 0, head 0 looks one token back: with constant queries and keys RoPE alone decides, and it peaks there.
    first = model.blocks[0]
    angle = BASE ** (-torch.arange(size // 2).float() / (size // 2))
    strength = 60 ** 0.5 / constant
    for w in (first.q.weight, first.k.weight):
        w[:size] = 0
    first.q.weight[:size:2, 0] = strength
    first.k.weight[:size:2, 0] = strength * angle.cos()
    first.k.weight[1:size:2, 0] = strength * angle.sin()
    first.v.weight[:size] = 0
    first.v.weight[:size, token] = code
    first.o.weight[:, :size] = 0
    first.o.weight[before, :size] = torch.eye(size)

    # Layer 1 looks for places whose token before is this token, in the dimensions that RoPE turns slowly, and copies.
    second = model.blocks[1]
    for h in range(HEADS):
        rows, part = slice(h * size, (h + 1) * size), slice(h * 24 + (h == 0), (h + 1) * 24)
        match = slice(h * size + slow, (h + 1) * size)
        for w in (second.q.weight, second.k.weight, second.v.weight):
            w[rows] *= 0.2
        second.q.weight[match, token] += 1.7 * code[:size - slow]
        second.k.weight[match, before] += 1.7 * torch.eye(size)[:size - slow]
        width = part.stop - part.start
        second.v.weight[h * size:h * size + width, part] += torch.eye(width)
        second.o.weight[part, h * size:h * size + width] += 1.5 * torch.eye(width)


def encode(tokenizer, conv):
    ids, weights = [], []
    for text, own in tickets.render(conv):
        piece = tokenizer.encode(text)
        ids += piece
        weights += [1.0 if own else 0.5] * len(piece)
    return ids, weights


def batches(tokenizer, rng, size):
    """Endless batches of conversations of similar length."""
    while True:
        pool = sorted((encode(tokenizer, tickets.conversation(rng, "train")) for _ in range(size * 8)), key=lambda c: len(c[0]))
        groups = [pool[i:i + size] for i in range(0, len(pool), size)]
        rng.shuffle(groups)
        for group in groups:
            yield collate(group)


def collate(group):
    longest = max(len(ids) for ids, _ in group)
    x = torch.zeros(len(group), longest, dtype=torch.long)
    w = torch.zeros(len(group), longest)
    for i, (ids, weights) in enumerate(group):
        x[i, :len(ids)] = torch.tensor(ids)
        w[i, :len(ids)] = torch.tensor(weights)
    return x, w


@torch.no_grad()
def exact(model, tokenizer, split, count, seed):
    """The share of conversations in which every token of the model's own is its first choice (reasons included)."""
    rng = random.Random(seed)
    good = 0
    for _ in range(count // 20):
        x, w = collate([encode(tokenizer, tickets.conversation(rng, split)) for _ in range(20)])
        choice = model(x[:, :-1]).argmax(-1)
        wrong = (choice != x[:, 1:]) & (w[:, 1:] == 1)
        good += int((~wrong.any(1)).sum())
    return good / (count // 20 * 20)


def export(model, tokenizer, path):
    state = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    tensors = [("token_embd.weight", state["embed.weight"])]
    names = {"attn_norm": "attn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "ffn_norm": "ffn_norm",
             "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    for layer in range(LAYERS):
        tensors += [(f"blk.{layer}.{theirs}.weight", state[f"blocks.{layer}.{ours}.weight"]) for ours, theirs in names.items()]
    tensors += [("output_norm.weight", state["norm.weight"]), ("output.weight", state["head.weight"])]
    control = len(bpe.CONTROL)
    first = len(tokenizer.tokens) - control - len(bpe.USER_DEFINED)
    gguf.write(path, {
        "general.architecture": "llama",
        "general.name": "demo",
        "general.description": "A small model that handles synthetic shop tickets with tools. See its card.",
        "general.license": "apache-2.0",
        "general.file_type": 1,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": DIM,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": HIDDEN,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.attention.layer_norm_rms_epsilon": EPS,
        "llama.rope.dimension_count": DIM // HEADS,
        "llama.rope.freq_base": BASE,
        "llama.vocab_size": VOCAB,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": [1] * first + [3] * control + [4] * len(bpe.USER_DEFINED),
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in tokenizer.merges],
        "tokenizer.ggml.eos_token_id": tokenizer.ids["<|im_end|>"],
        "tokenizer.ggml.padding_token_id": tokenizer.ids["<|endoftext|>"],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }, tensors)


@torch.no_grad()
def restore(model, path):
    """Loads weights from a file that export() wrote; returns its tokenizer."""
    merges, tensors = gguf.read(path)
    names = {"attn_norm": "attn_norm", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_output": "o", "ffn_norm": "ffn_norm",
             "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    state = {"embed.weight": tensors["token_embd.weight"], "norm.weight": tensors["output_norm.weight"],
             "head.weight": tensors["output.weight"]}
    for name, value in tensors.items():
        if name.startswith("blk."):
            _, layer, part, _ = name.split(".")
            state[f"blocks.{layer}.{names[part]}.weight"] = value
    model.load_state_dict({k: torch.tensor(v).float() for k, v in state.items()})
    return bpe.Bpe([tuple(m.split(" ")) for m in merges])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=40)
    options.add_argument("--batch", type=int, default=8)
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--resume", help="a model that this script wrote: its weights and tokenizer are where it starts")
    options.add_argument("--invented", type=float, default=0.7, help="share of names, items and wordings put together from parts")
    options.add_argument("--out", default="../demo.gguf")
    o = options.parse_args()
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    rng = random.Random(o.seed)
    tickets.INVENTED = o.invented
    sample = ["".join(t for t, _ in tickets.render(tickets.conversation(rng, "train"))) for _ in range(4000)]
    model = Model()
    tokenizer = restore(model, o.resume) if o.resume else bpe.train(sample, VOCAB)
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=o.rate, betas=(0.9, 0.98), weight_decay=0.03)
    start, step, shown = time.monotonic(), 0, 0.0
    for x, w in batches(tokenizer, rng, o.batch):
        done = (time.monotonic() - start) / (o.minutes * 60)
        if done >= 1:
            break
        rate = o.rate * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        target = w[:, 1:]
        keep = (target == 1) | ((target > 0) & (torch.rand(target.shape) < PROMPT_SHARE))
        losses = F.cross_entropy(model(x[:, :-1], keep), x[:, 1:][keep], reduction="none")
        own = target[keep] == 1
        loss = losses[own].mean() + PROMPT_WEIGHT * losses[~own].mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step} {time.monotonic() - start:.0f}s own {losses[own].mean().item():.4f} "
                  f"prompt {losses[~own].mean().item():.3f}", flush=True)
        if done - shown >= 0.1:
            shown = done
            export(model, tokenizer, o.out)
            print(f"  train {exact(model, tokenizer, 'train', 100, 7):.2f} heldout {exact(model, tokenizer, 'heldout', 100, 8):.2f}",
                  flush=True)
    export(model, tokenizer, o.out)
    print(f"steps {step} heldout {exact(model, tokenizer, 'heldout', 1000, 9):.3f}", flush=True)


if __name__ == "__main__":
    main()
