"""Probes of embeddings: each parameter, and the types of input."""

import base64
import struct
from typing import Any

import httpx
import pytest
from findings import IGNORED, IMPLEMENTED, NOT_PROBED, PARTLY, Finding, Probe, effect, outcome, refusal, yes
from responses_live import Live
from tables import probes

DIMENSIONS = 384

PARAMETERS: dict[str, Probe] = {}
INPUTS: dict[str, Probe] = {}


def embed(live: Live, **parameters: Any) -> httpx.Response:
    return live.http.post("/embeddings", json={"model": live.embedder, "input": "a lighthouse", **parameters})


def vectors(reply: httpx.Response) -> list[list[float]]:
    return [one["embedding"] for one in reply.raise_for_status().json()["data"]]


@probes(PARAMETERS, "input")
def input_(live: Live) -> Finding:
    return effect(len(vectors(embed(live))[0]) == DIMENSIONS, f"{DIMENSIONS} numbers; what it may be, below")


@probes(PARAMETERS, "model")
def model(live: Live) -> Finding:
    return effect(
        True,
        f"unknown: {outcome(embed(live, model='nobody/x'))}; a chat model: {embed(live, model=live.model).status_code}",
    )


@probes(PARAMETERS, "dimensions")
def dimensions(live: Live) -> Finding:
    found = {number: len(vectors(embed(live, dimensions=number))[0]) for number in (64, 9999)}
    said = "; ".join(f"{wanted} wanted: {got}" for wanted, got in found.items())
    return Finding(IMPLEMENTED if found[64] == 64 else IGNORED, f"{said}; 0: {embed(live, dimensions=0).status_code}")


@probes(PARAMETERS, "encoding_format")
def encoding_format(live: Live) -> Finding:
    (encoded,) = vectors(embed(live, encoding_format="base64"))
    raw = base64.b64decode(encoded)
    same = struct.unpack(f"<{DIMENSIONS}f", raw) == pytest.approx(vectors(embed(live))[0], abs=1e-5)
    return effect(same, f"`base64` holds the same numbers; another: {outcome(embed(live, encoding_format='int8'))}")


@probes(PARAMETERS, "user")
def user(live: Live) -> Finding:
    reply = embed(live, user="somebody")
    return refusal(reply) or Finding(NOT_PROBED, "200; no effect to be seen from outside")


@probes(PARAMETERS, "(any other name)")
def any_other(live: Live) -> Finding:
    raw = vectors(embed(live, embd_normalize=-1)) != vectors(embed(live))
    misspelt = embed(live, dimension=64).status_code
    return Finding(
        IMPLEMENTED if raw else IGNORED, f"reaches llama.cpp (`embd_normalize`): {yes(raw)}; a misspelt one: {misspelt}"
    )


def _sent(text: Any, number: int) -> Probe:
    """Return a probe that sends `text`, and expects `number` vectors."""

    def probe(live: Live) -> Finding:
        reply = embed(live, input=text)
        if refused := refusal(reply):
            return refused
        found = len(vectors(reply))
        return Finding(IMPLEMENTED if found == number else PARTLY, f"vectors: {found}")

    return probe


INPUTS |= {
    "a string": _sent("a lighthouse", 1),
    "a list of strings": _sent(["a lighthouse", "a ship"], 2),
    "numbers of tokens": _sent([101, 10171, 102], 1),
    "a list of lists of tokens": _sent([[101, 10171, 102], [101, 102]], 2),
    "an empty string": _sent("", 0),
    "an empty string among others": _sent(["a ship", ""], 1),
    "an empty list": _sent([], 0),
    "a text of 600 words (the model holds 512 tokens)": _sent("word " * 600, 1),
    "100 texts": _sent(["ship"] * 100, 100),
    "2049 texts": _sent(["ship"] * 2049, 2049),
}
