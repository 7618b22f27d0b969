"""How the server treats the thoughts of a reasoning model: the table in book/larger-model.md."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from llamastack_workshop.server.embedded import weights
from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.system import ports

pytestmark = pytest.mark.pinned_server

QUESTION = "What is the capital of France?"
THOUGHT, ANSWER = "They ask for a capital.", "The capital of France is Paris."

# A small model continues in the style of the examples before its turn; after these, it begins with thoughts. llama.cpp
# derives the delimiters of thoughts from the template's use of `reasoning_content`.
TEMPLATE = """
{%- macro turn(role, text) -%}{{- '<|im_start|>' + role + '\n' + text + '<|im_end|>\n' -}}{%- endmacro -%}
{{- turn('user', 'What is the capital of Italy?') -}}
{{- turn('assistant', '<think>\nThey ask for a capital. Italy has Rome.\n</think>\n\nThe capital of Italy is Rome.') -}}
{{- turn('user', 'What colour is the sky?') -}}
{{- turn('assistant', '<think>\nThey ask for a colour. The sky is blue.\n</think>\n\nThe sky is blue.') -}}
{%- for message in messages -%}
  {%- set thought = '<think>\n' + message.reasoning_content + '\n</think>\n\n' if message.reasoning_content else '' -%}
  {{- turn(message.role, thought + message.content) -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n<think>\n' -}}{%- endif -%}
"""


@pytest.fixture(scope="module")
def reasoning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the packaged model, and a template that makes it think."""
    folder = tmp_path_factory.mktemp("reasoning")
    command = [Path(sys.executable).with_name("gguf-new-metadata"), "--chat-template", TEMPLATE]
    subprocess.run([*command, weights.SMOLLM2.path(), folder / "Thinker.gguf"], check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_MODEL", str(folder / "Thinker.gguf"))
        with running_stack(lambda line: None, port=ports.free_port(), state=folder / "state", logs=folder) as stack:
            yield stack


@pytest.fixture(scope="module")
def asked(reasoning: Stack) -> OpenAI:
    return OpenAI(base_url=reasoning.base_url, api_key="none", max_retries=0)


def test_a_file_of_ones_own_has_its_name_and_llamastacks_texts(reasoning: Stack) -> None:
    assert reasoning.models == ["llama-cpp/thinker"]
    assert "knowledge_search found" not in (reasoning.state / "run.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("stream", [False, True])
def test_chat_completions_pass_the_thoughts_on(asked: OpenAI, stream: bool) -> None:
    answer = asked.chat.completions.create(
        model="llama-cpp/thinker", messages=[{"role": "user", "content": QUESTION}], temperature=0, stream=stream
    )
    said = [chunk.choices[0].delta for chunk in answer if chunk.choices] if stream else [answer.choices[0].message]
    assert "".join(getattr(one, "reasoning_content", None) or "" for one in said).startswith(THOUGHT)
    assert "".join(one.content or "" for one in said) == ANSWER


def test_responses_leave_the_thoughts_out(asked: OpenAI) -> None:
    request = {"model": "llama-cpp/thinker", "input": QUESTION, "temperature": 0}
    response = asked.responses.create(**request)
    assert response.output_text == ANSWER and [item.type for item in response.output] == ["message"]
    usage = response.usage
    assert usage.output_tokens > 15 and usage.output_tokens_details.reasoning_tokens == 0
    events = list(asked.responses.create(**request, stream=True))
    assert events[-1].response.output_text == ANSWER and not [one.type for one in events if "reasoning" in one.type]


def test_thoughts_use_up_the_tokens_of_an_answer(asked: OpenAI) -> None:
    request = {"model": "llama-cpp/thinker", "input": QUESTION, "temperature": 0}
    response = asked.responses.create(**request, max_output_tokens=16)
    assert (response.status, response.output_text) == ("incomplete", "")
