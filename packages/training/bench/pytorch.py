"""The model of bench/small-emu.ts in plain PyTorch, one training step per line on standard input.

Usage: pytorch.py FOLDER [THREADS]. The folder holds manifest.json (sizes, and where each tensor lies) and tensors.bin.
Says first which library multiplies matrices. Answers every line with a line of JSON: the loss, and the milliseconds that
the step took on the clock and of the processor.
"""
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

folder = sys.argv[1]
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
with open(f"{folder}/manifest.json") as file:
    manifest = json.load(file)
with open(f"{folder}/tensors.bin", "rb") as file:
    data = bytearray(file.read())
config = manifest["config"]
dtypes = {"f32": torch.float32, "i32": torch.int32}


def read(entry):
    count = math.prod(entry["shape"])
    flat = torch.frombuffer(data, dtype=dtypes[entry["dtype"]], count=count, offset=entry["offset"])
    return flat.reshape(entry["shape"]).clone()


W = {name: torch.nn.Parameter(read(entry)) for name, entry in manifest["weights"].items()}
batch = {name: read(entry) for name, entry in manifest["batch"].items()}


def linear(name, x):
    return F.linear(x, W[f"{name}.weight"], W.get(f"{name}.bias"))


def layer_norm(name, x, eps):
    return F.layer_norm(x, x.shape[-1:], W[f"{name}.weight"], W[f"{name}.bias"], eps)


def rms_norm(name, x, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * W[f"{name}.weight"]


def heads(x, n):
    b, t, c = x.shape
    return x.reshape(b, t, n, c // n).transpose(1, 2)


def attention(q, k, v, scale, bias=None):
    scores = q @ k.transpose(-1, -2) * scale
    weights = torch.softmax(scores if bias is None else scores + bias, -1)
    return (weights @ v).transpose(1, 2).flatten(2)


def hide_future(t):
    return torch.full((t, t), -math.inf).triu(1)


def see(pixels):
    c = config["vision"]
    width, eps, n = c["width"], c["normEps"], c["heads"]
    patch = "visual.patch_embed.proj"
    x = F.conv2d(pixels, W[f"{patch}.weight"], W[f"{patch}.bias"], stride=c["patchSize"]).flatten(2).transpose(1, 2)
    x = torch.cat([W["visual.cls_token"].expand(len(x), 1, width), x], 1) + W["visual.pos_embed"]
    for i in range(c["layers"]):
        name = f"visual.blocks.{i}"
        y = layer_norm(f"{name}.norm1", x, eps)
        key_bias = torch.zeros(width)
        bias = torch.cat([W[f"{name}.attn.q_bias"], key_bias, W[f"{name}.attn.v_bias"]])
        qkv = F.linear(y, W[f"{name}.attn.qkv.weight"], bias)
        q, k, v = (heads(part, n) for part in qkv.chunk(3, -1))
        x = x + linear(f"{name}.attn.proj", attention(q, k, v, (width / n) ** -0.5))
        y = layer_norm(f"{name}.norm2", x, eps)
        x = x + linear(f"{name}.mlp.fc2", F.gelu(linear(f"{name}.mlp.fc1", y)))
    return layer_norm("ln_visual", x, eps)


def bucket(distance):
    c = config["connector"]
    back, exact = max(distance, 0), c["buckets"] // 2
    if back < exact:
        return back
    share = math.log(back / exact) / math.log(c["maxDistance"] / exact)
    return min(exact + int(share * (c["buckets"] - exact)), c["buckets"] - 1)


def connect(features):
    c = config["connector"]
    t, eps, n = c["queries"], c["normEps"], c["heads"]
    table = W["cformer.cformer.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    ids = torch.tensor([[bucket(i - j) for j in range(t)] for i in range(t)])
    bias = table[ids].permute(2, 0, 1) + hide_future(t)
    x = W["cformer.causal_tokens"].expand(len(features), t, c["width"])
    for i in range(c["layers"]):
        name = f"cformer.cformer.block.{i}.layer"
        y = rms_norm(f"{name}.0.layer_norm", x, eps)
        self = f"{name}.0.SelfAttention"
        q, k, v = (heads(linear(f"{self}.{part}", y), n) for part in "qkv")
        x = x + linear(f"{self}.o", attention(q, k, v, 1, bias))
        cross = f"{name}.1.EncDecAttention"
        q = heads(linear(f"{cross}.q", rms_norm(f"{name}.1.layer_norm", x, eps)), n)
        k, v = (heads(linear(f"{cross}.{part}", features), n) for part in "kv")
        x = x + linear(f"{cross}.o", attention(q, k, v, 1))
        y = rms_norm(f"{name}.2.layer_norm", x, eps)
        dense = f"{name}.2.DenseReluDense"
        x = x + linear(f"{dense}.wo", F.relu(linear(f"{dense}.wi", y)))
    return linear("cformer.projection", rms_norm("cformer.cformer.final_layer_norm", x, eps))


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def think(x):
    c = config["llama"]
    n, eps, t = c["heads"], c["eps"], x.shape[1]
    size = c["width"] // n
    rates = c["ropeBase"] ** (-torch.arange(0, size, 2).float() / size)
    angles = torch.outer(torch.arange(t).float(), rates)
    cos, sin, mask = angles.cos(), angles.sin(), hide_future(t)
    for i in range(c["layers"]):
        name = f"decoder.lm.model.layers.{i}"
        y = rms_norm(f"{name}.input_layernorm", x, eps)
        q, k, v = (heads(linear(f"{name}.self_attn.{part}_proj", y), n) for part in "qkv")
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        x = x + linear(f"{name}.self_attn.o_proj", attention(q, k, v, size**-0.5, mask))
        y = rms_norm(f"{name}.post_attention_layernorm", x, eps)
        gate, up = (linear(f"{name}.mlp.{part}_proj", y) for part in ("gate", "up"))
        x = x + linear(f"{name}.mlp.down_proj", F.silu(gate) * up)
    return rms_norm("decoder.lm.model.norm", x, eps)


def loss_of():
    images = connect(see(batch["images"])).flatten(0, 1)
    slots = batch["slots"].long()
    tokens = F.embedding(batch["ids"].long(), W["decoder.lm.model.embed_tokens.weight"])
    embeddings = torch.where(slots.unsqueeze(-1) < 0, tokens, images[slots.clamp(min=0)])
    hidden = think(embeddings).flatten(0, 1)
    asked = hidden[batch["text_inputs"].long()]
    text = F.cross_entropy(linear("decoder.lm.lm_head", asked), batch["text_labels"].long())
    inputs, labels = (batch[f"regression_{part}"].long().flatten() for part in ("inputs", "labels"))
    predicted = linear("decoder.lm.stu_regress_head", hidden[inputs])
    return text + F.mse_loss(predicted, embeddings.flatten(0, 1)[labels].detach())


o = config["optimizer"]
parameters = list(W.values())
optimizer = torch.optim.AdamW(
    parameters, lr=o["rate"], betas=tuple(o["betas"]), eps=o["eps"], weight_decay=o["weightDecay"]
)


def blas():
    """The reference BLAS is what Debian installs where nobody asks for another."""
    known = ("openblas", "mkl", "blis", "atlas")
    try:
        with open("/proc/self/maps") as file:
            loaded = file.read().lower()
    except OSError:
        return "unknown"
    return next((name for name in known if name in loaded), "reference" if "libblas" in loaded else "own")


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


torch.ones(2, 2) @ torch.ones(2, 2)
print(json.dumps({"blas": blas()}), flush=True)
for _ in sys.stdin:
    start, before = time.perf_counter(), used()
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, o["clipNorm"])
    optimizer.step()
    value = loss.item()
    took = {"ms": 1000 * (time.perf_counter() - start), "cpu": 1000 * (used() - before)}
    print(json.dumps({"loss": value, **took}), flush=True)
