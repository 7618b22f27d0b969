"""Train a low-rank adapter (LoRA, https://arxiv.org/abs/2106.09685) for SmolLM2-135M-Instruct on the packed examples.

`make adapter` runs it for each round. Once a minute and on Ctrl-C, it saves a checkpoint in its output folder, from which
it resumes. The steps are the same on a CPU and on a GPU, and so is the adapter, except for rounding.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from llamastack_workshop.system.errors import WorkshopError, clear_errors
from training.data import GGUF

BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
Sequence = tuple[np.ndarray, np.ndarray]
Step = list[list[Sequence]]

_KEEP_EVERY = 60  # seconds
_TELL_EVERY = 15  # seconds
# Tokens in a gradient computation on a CPU; 16,384 would need 30 GB of memory.
_PIECE_ON_CPU = 2048
# Requests that the untrained model answers in one batch.
_OWN_AT_ONCE = {"cuda": 512, "cpu": 32}
_LONGEST_ANSWER = 80  # tokens


class Stopped(Exception):
    """Raised after Ctrl-C, between two units of work."""


class Interruption:
    """Delay Ctrl-C until the next `check`: in the middle of a step, half of it would be lost or done twice."""

    def __init__(self) -> None:
        self._wished = False
        signal.signal(signal.SIGINT, self._wish)

    def _wish(self, *_: object) -> None:
        self._wished = True
        print("Stopping …", file=sys.stderr, flush=True)

    def check(self) -> None:
        """Raise Stopped if Ctrl-C was pressed."""
        if self._wished:
            raise Stopped


def load_examples(path: Path) -> list[Sequence]:
    """Return each example as its tokens and its loss mask."""
    packed = np.load(path)
    tokens = packed["tokens"].astype(np.int64)
    learn = np.unpackbits(packed["learn"], count=len(tokens)).astype(bool)
    bounds = [*packed["starts"], len(tokens)]
    return [(tokens[a:b], learn[a:b]) for a, b in pairwise(bounds)]


def batches(examples: list[Sequence], budget: int, rng: random.Random) -> list[list[Sequence]]:
    """Return batches of examples of similar length in random order, each of at most `budget` tokens with padding."""
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


def steps_of(examples: list[Sequence], arguments: argparse.Namespace, rng: random.Random) -> list[Step]:
    """Return the steps of the training: each some batches of different lengths, because length goes with kind."""
    found: list[Step] = []
    for _ in range(math.ceil(arguments.epochs)):
        made = batches(examples, arguments.batch // arguments.mixed, rng)
        found += [made[at : at + arguments.mixed] for at in range(0, len(made), arguments.mixed)]
    return found[: round(len(found) * arguments.epochs / math.ceil(arguments.epochs))][: arguments.steps]


def pieces(step: Step, device: str) -> Iterator[list[Sequence]]:
    """Yield the examples of `step` in parts that fit into the memory of `device`."""
    for batch in step:
        rows = len(batch) if device == "cuda" else max(1, _PIECE_ON_CPU // max(len(tokens) for tokens, _ in batch))
        for at in range(0, len(batch), rows):
            yield batch[at : at + rows]


def precision(device: str) -> torch.dtype:
    """Return the type in which `device` computes fast: many CPUs have no instructions for bfloat16."""
    return torch.bfloat16 if device == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32


def compile_layers(model: torch.nn.Module) -> None:
    """Compile the layers of `model` if there is a C++ compiler, which takes a minute and a third of the training's time."""
    if any(map(shutil.which, ("g++", "clang++"))):
        # All layers share the code that is compiled for the first.
        for layer in model.get_base_model().model.layers:
            layer.compile(dynamic=True)


def loss_of(model: torch.nn.Module, piece: list[Sequence], device: str) -> tuple[torch.Tensor, int, int]:
    """Return the summed loss on the learned tokens of `piece`, how many were predicted correctly, and how many there are."""
    width = max(len(tokens) for tokens, _ in piece)
    ids, marks = np.zeros((len(piece), width), np.int64), np.zeros((len(piece), width), bool)
    for row, (tokens, learn) in enumerate(piece):
        ids[row, : len(tokens)], marks[row, : len(tokens)] = tokens, learn
    inputs, wanted = torch.from_numpy(ids).to(device), torch.from_numpy(marks[:, 1:]).to(device)
    causal = model.get_base_model()
    # The adapter is in float32. On a CPU, mixing the types is slower than casting it for each product.
    with torch.autocast(device, torch.bfloat16, enabled=device == "cpu" and causal.dtype == torch.bfloat16):
        # Padding is on the right, where a causal model's other positions don't see it.
        hidden = causal.model(input_ids=inputs[:, :-1], use_cache=False).last_hidden_state[wanted]
        logits = causal.lm_head(hidden).float()
    target = inputs[:, 1:][wanted]
    loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
    return loss, int((logits.argmax(-1) == target).sum()), len(target)


@torch.no_grad()
def own_answers(model: torch.nn.Module, prompts: list[list[int]], device: str) -> list[Sequence]:
    """Return the model's own answers to `prompts`, from greedy decoding, as examples."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), 2, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(prompts):
        ids[row, width - len(tokens) :], mask[row, width - len(tokens) :] = torch.tensor(tokens), 1
    answers = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=_LONGEST_ANSWER, do_sample=False, pad_token_id=0, eos_token_id=2)
    found = []
    for tokens, answer in zip(prompts, answers[:, width:].tolist(), strict=True):
        answer = answer[: answer.index(2) + 1] if 2 in answer else answer
        runs = [tuple(answer[at : at + 6]) for at in range(len(answer) - 6)]
        # Answers that repeat themselves are dropped.
        if len(set(runs)) < len(runs):
            continue
        found.append((np.array([*tokens, *answer]), np.array([False] * len(tokens) + [True] * len(answer))))
    return found


def all_own_answers(model: torch.nn.Module, prompts: list[list[int]], device: str, kept: Path, interruption: Interruption) -> list[Sequence]:
    """Return the model's own answers to all `prompts`; answers in the file `kept` are reused."""
    done: dict[str, Any] = torch.load(kept, weights_only=False) if kept.exists() else {"asked": 0, "found": []}
    while done["asked"] < len(prompts):
        interruption.check()
        asked = prompts[done["asked"] : done["asked"] + _OWN_AT_ONCE[device]]
        done = {"asked": done["asked"] + len(asked), "found": [*done["found"], *own_answers(model, asked, device)]}
        keep(done, kept)
        print(f"Answers of the untrained model: {done['asked']} of {len(prompts)} requests", flush=True)
    return done["found"]


def keep(state: dict[str, Any], path: Path) -> None:
    """Write `state` to the file `path` atomically."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def train(model: torch.nn.Module, steps: list[Step], rate: float, device: str, kept: Path, interruption: Interruption) -> list[dict[str, float]]:
    """Train `model` by `steps`, from the checkpoint `kept` if it exists, and return the log.

    Raises Stopped after Ctrl-C, once all finished steps are saved.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    number, seen, seconds, log = 0, 0, 0.0, []
    if kept.exists():
        state = torch.load(kept, map_location=device, weights_only=True)
        number, seen, seconds, log = state["step"], state["tokens"], state["seconds"], state["log"]
        optimizer.load_state_dict(state["optimizer"])
        for name, p in trained.items():
            p.data.copy_(state["adapter"][name])
        print(f"Resuming after step {number} of {len(steps)}", flush=True)
    left = sum(len(tokens) for step in steps[number:] for batch in step for tokens, _ in batch)
    began, worked = time.monotonic(), 0
    told = kept_at = began

    def keep_all() -> None:
        adapter = {name: p.data for name, p in trained.items()}
        taken = seconds + time.monotonic() - began
        keep({"step": number, "tokens": seen, "seconds": taken, "log": log, "optimizer": optimizer.state_dict(), "adapter": adapter}, kept)

    try:
        while number < len(steps):
            step = steps[number]
            now = rate * min(1, (number + 1) / 40) * (0.5 + 0.5 * math.cos(math.pi * number / len(steps)))
            for group in optimizer.param_groups:
                group["lr"] = now
            # As in `loss_of`, the first token of an example is never predicted.
            learned = sum(int(learn[1:].sum()) for batch in step for _, learn in batch)
            loss, hits = 0.0, 0
            for piece in pieces(step, device):
                interruption.check()
                part, hit, _ = loss_of(model, piece, device)
                (part / learned).backward()
                loss, hits = loss + part.item() / learned, hits + hit
            torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            number += 1
            size = sum(len(tokens) for batch in step for tokens, _ in batch)
            seen, worked, left = seen + size, worked + size, left - size
            if time.monotonic() - told > _TELL_EVERY or number in (1, len(steps)):
                told = time.monotonic()
                speed = worked / (told - began)
                log.append({"step": number, "tokens": seen, "loss": round(loss, 4), "hits": round(hits / learned, 4), "seconds": round(seconds + told - began)})
                print(f"Step {number} of {len(steps)}: loss {loss:.3f}, accuracy {hits / learned:.0%}, {speed:.0f} tokens/s, {_span(left / speed)} to go", flush=True)
            if time.monotonic() - kept_at > _KEEP_EVERY or number == len(steps):
                keep_all()
                kept_at = time.monotonic()
    except Stopped:
        keep_all()
        raise
    return log


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def run(arguments: argparse.Namespace, interruption: Interruption) -> None:
    """Train with `arguments`, and write the adapter and log.json to the folder `arguments.out`."""
    out: Path = arguments.out
    logging.disable_progress_bar()
    torch.manual_seed(0)
    rng = random.Random(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # For short texts on a CPU, plain attention takes a sixth less time than PyTorch's fused kernel.
    attention = "sdpa" if device == "cuda" else "eager"
    model = AutoModelForCausalLM.from_pretrained(arguments.weights, gguf_file=GGUF, dtype=precision(device), attn_implementation=attention).to(device)
    examples = load_examples(arguments.data)
    print(f"{len(examples)} examples; training on {torch.cuda.get_device_name() if device == 'cuda' else 'the CPU'}", flush=True)

    prompts = [list(map(int, one)) for one in np.load(arguments.data, allow_pickle=True)["own"]]
    model.eval()
    own = all_own_answers(model, prompts, device, out / "own.pt", interruption)
    if prompts:
        print(f"{len(own)} answers of the untrained model kept as examples", flush=True)

    if arguments.start:
        model = PeftModel.from_pretrained(model, arguments.start, is_trainable=True)
    else:
        config = LoraConfig(r=arguments.rank, lora_alpha=2 * arguments.rank, target_modules=LAYERS, task_type="CAUSAL_LM")
        model = get_peft_model(model, config)
    model.train()
    if device == "cpu":
        compile_layers(model)
    # In a trial with few examples, only a tenth.
    count = min(arguments.held_out, len(examples) // 10)
    held_out, examples = examples[:count], [*examples[count:], *own]
    steps = steps_of(examples, arguments, rng)
    log = train(model, steps, arguments.rate, device, out / "checkpoint.pt", interruption)

    model.eval()
    sums = np.zeros(3)
    with torch.no_grad():
        for piece in pieces(batches(held_out, arguments.batch, rng), device):
            interruption.check()
            loss, hits, count = loss_of(model, piece, device)
            sums += loss.item(), hits, count
    result = {"held_out_loss": round(sums[0] / sums[2], 4), "held_out_hits": round(sums[1] / sums[2], 4)}
    model.peft_config["default"].base_model_name_or_path = BASE
    model.half().save_pretrained(out)
    digest = hashlib.sha256((out / "adapter_model.safetensors").read_bytes()).hexdigest()
    report = {"arguments": {k: str(v) for k, v in vars(arguments).items()}, "device": device, "torch": torch.__version__, **result, "sha256": digest, "log": log}
    (out / "log.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"On the held-out examples: loss {result['held_out_loss']}, accuracy {result['held_out_hits']:.1%}")
    print(f"The adapter and its log are in {out}\nSHA-256 of adapter_model.safetensors: {digest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help=f"folder with {GGUF}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="folder with the adapter to train further; without it, a new one")
    parser.add_argument("--rank", type=int, default=16, help="of a new adapter")
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--epochs", type=float, default=1.35)
    parser.add_argument("--batch", type=int, default=16_384, help="tokens per step")
    parser.add_argument("--mixed", type=int, default=1, help="batches of different lengths in each step")
    parser.add_argument("--steps", type=int, help="limit on the number of steps, for a trial")
    parser.add_argument("--held-out", type=int, default=2000)
    arguments = parser.parse_args()
    interruption = Interruption()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with clear_errors():
        try:
            with FileLock(arguments.out / "lock", timeout=0):
                run(arguments, interruption)
        except Timeout as error:
            raise WorkshopError(f"Another training is running in {arguments.out}.", "Wait until it ends, or stop it.") from error
        except Stopped:
            print("Progress is saved; the same command resumes the training.", file=sys.stderr)
            raise KeyboardInterrupt from None


if __name__ == "__main__":
    main()
