"""Train a low-rank adapter (LoRA, https://arxiv.org/abs/2106.09685) for SmolLM2-135M-Instruct on the packed examples.

`python -m training.train --weights FOLDER --data tokens.npz --out adapter` needs torch, transformers and peft. On an
H100 it takes minutes, on two cores hours; the steps, and so the adapter, are the same but for rounding.
"""

import argparse
import json
import math
import random
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
Sequence = tuple[np.ndarray, np.ndarray]


def load_examples(path: Path) -> list[Sequence]:
    """Return the tokens of each example, and which of them are to be learned."""
    packed = np.load(path)
    tokens = packed["tokens"].astype(np.int64)
    learn = np.unpackbits(packed["learn"], count=len(tokens)).astype(bool)
    bounds = [*packed["starts"], len(tokens)]
    return [(tokens[a:b], learn[a:b]) for a, b in pairwise(bounds)]


def batches(examples: list[Sequence], budget: int, rng: random.Random) -> list[list[Sequence]]:
    """Return batches of examples of like length, each of at most `budget` tokens with padding, in random order."""
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i][0]) // 8, rng.random()))
    found: list[list[Sequence]] = [[]]
    longest = 0
    for i in order:
        longest = max(longest, len(examples[i][0]))
        if found[-1] and longest * (len(found[-1]) + 1) > budget:
            found.append([])
            longest = len(examples[i][0])
        found[-1].append(examples[i])
    rng.shuffle(found)
    return found


def loss_of(model: torch.nn.Module, batch: list[Sequence], device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the mean loss on the learned tokens of `batch`, the hits among them, and their number."""
    width = max(len(tokens) for tokens, _ in batch)
    ids, marks = np.zeros((len(batch), width), np.int64), np.zeros((len(batch), width), bool)
    for row, (tokens, learn) in enumerate(batch):
        ids[row, : len(tokens)], marks[row, : len(tokens)] = tokens, learn
    inputs, wanted = torch.from_numpy(ids).to(device), torch.from_numpy(marks[:, 1:]).to(device)
    causal = model.get_base_model()
    # Padding is on the right, where a causal model's other positions don't see it.
    hidden = causal.model(input_ids=inputs[:, :-1], use_cache=False).last_hidden_state[wanted]
    logits, target = causal.lm_head(hidden).float(), inputs[:, 1:][wanted]
    return torch.nn.functional.cross_entropy(logits, target), (logits.argmax(-1) == target).sum(), wanted.sum()


@torch.no_grad()
def own_answers(model: torch.nn.Module, prompts: list[list[int]], device: str, limit: int) -> list[Sequence]:
    """Return what the model itself answers to `prompts`, greedily, as examples."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), 2, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(prompts):
        ids[row, width - len(tokens) :], mask[row, width - len(tokens) :] = torch.tensor(tokens), 1
    answers = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=limit, do_sample=False, pad_token_id=0, eos_token_id=2)
    found = []
    for tokens, answer in zip(prompts, answers[:, width:].tolist(), strict=True):
        answer = answer[: answer.index(2) + 1] if 2 in answer else answer
        runs = [tuple(answer[at : at + 6]) for at in range(len(answer) - 6)]
        # What goes round in circles is nothing to keep.
        if len(set(runs)) < len(runs):
            continue
        found.append((np.array([*tokens, *answer]), np.array([False] * len(tokens) + [True] * len(answer))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help=f"the folder of {GGUF}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--batch", type=int, default=16_384, help="tokens in a step")
    parser.add_argument("--minutes", type=float, default=600, help="the rate falls to zero by then at the latest")
    parser.add_argument("--own", type=int, default=0, help="how many prompts of the data the model answers itself")
    parser.add_argument("--held-out", type=int, default=2000)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    rng = random.Random(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # bfloat16 is slow beyond use on a processor.
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(arguments.weights, gguf_file=GGUF, dtype=kind).to(device)
    examples = load_examples(arguments.data)
    print(f"{len(examples)} examples on {device}", flush=True)

    prompts = [list(map(int, one)) for one in np.load(arguments.data, allow_pickle=True)["own"][: arguments.own]]
    model.eval()
    kept = [one for at in range(0, len(prompts), 512) for one in own_answers(model, prompts[at : at + 512], device, 80)]
    print(f"{len(kept)} answers of its own", flush=True)

    config = LoraConfig(r=arguments.rank, lora_alpha=2 * arguments.rank, target_modules=LAYERS, task_type="CAUSAL_LM")
    model = get_peft_model(model, config)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=device == "cuda")
    held_out, examples = examples[: arguments.held_out], [*examples[arguments.held_out :], *kept]
    steps = [b for _ in range(math.ceil(arguments.epochs)) for b in batches(examples, arguments.batch, rng)]
    steps = steps[: round(len(steps) * arguments.epochs / math.ceil(arguments.epochs))]
    log, started, seen = [], time.monotonic(), 0
    for number, batch in enumerate(steps):
        done = max(number / len(steps), (time.monotonic() - started) / 60 / arguments.minutes)
        if done >= 1:
            break
        rate = arguments.rate * min(1, (number + 1) / 40) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, hits, count = loss_of(model, batch, device)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen += sum(len(tokens) for tokens, _ in batch)
        if number % 50 == 0 or number == len(steps) - 1:
            seconds = time.monotonic() - started
            log.append({"step": number, "tokens": seen, "loss": round(loss.item(), 4), "hits": round((hits / count).item(), 4), "seconds": round(seconds)})
            print(f"{log[-1]} of {len(steps)} steps, {seen / max(seconds, 1e-9):.0f} tokens/s", flush=True)
    model.eval()
    with torch.no_grad():
        parts = [loss_of(model, batch, device) for batch in batches(held_out, arguments.batch, rng)]
    count = sum(c.item() for _, _, c in parts)
    result = {"held_out_loss": round(sum(x.item() * c.item() for x, _, c in parts) / count, 4), "held_out_hits": round(sum(h.item() for _, h, _ in parts) / count, 4)}
    print(result, flush=True)
    model.peft_config["default"].base_model_name_or_path = BASE
    model.half().save_pretrained(arguments.out)
    (arguments.out / "log.json").write_text(json.dumps({"arguments": {k: str(v) for k, v in vars(arguments).items()}, **result, "log": log}, indent=1))


if __name__ == "__main__":
    main()
