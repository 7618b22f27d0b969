"""Pure: the openai client on the Responses API, with plain Python between the steps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI
from task import EXTRACT, TRANSFORM, Specifications, gate


class Chain:
    def __init__(self, base_url: str, model: str, **options) -> None:
        self.client = OpenAI(base_url=base_url, api_key="none", **options)
        self.fixed = {"model": model, "temperature": 0}

    def run(self, text: str, limit: int | None = None) -> Specifications:
        extracted = self.client.responses.create(**self.fixed, input=EXTRACT.format(text=text))
        transformed = self.client.responses.parse(
            **self.fixed,
            input=TRANSFORM.format(text=gate(extracted.output_text)),
            text_format=Specifications,
            max_output_tokens=limit,
        )
        return transformed.output_parsed

    def run_all(self, texts: list[str]) -> list[Specifications]:
        with ThreadPoolExecutor(len(texts)) as pool:
            return list(pool.map(self.run, texts))

    def stream(self, text: str) -> Iterator[str]:
        with self.client.responses.create(**self.fixed, input=EXTRACT.format(text=text), stream=True) as events:
            for event in events:
                if event.type == "response.output_text.delta":
                    yield event.delta
