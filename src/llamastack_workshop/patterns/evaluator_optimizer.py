"""Evaluator-optimizer: one call writes a draft, another one grades it, and the feedback goes into the next draft.

The draft is a sentence about a product. The grader reads it as a customer would, without the facts, and assigns each
quantity in the draft to a part of the product. Plain Python compares that with the facts, and checks the rest of the
rubric. The loop ends when a draft meets the rubric, or with the best draft after a maximum number of rounds.
The pattern is described in https://www.anthropic.com/engineering/building-effective-agents.
"""

import re
from collections import Counter

from openai import OpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.product_texts import (
    UnclearText,
    check_sizes,
    names,
    numbers,
    processor_names,
    quantities,
    sentences,
    values,
)
from llamastack_workshop.patterns.steps import OBJECTION, Journal, answer_schema, ask, one_of, schema_gate

FACTS_TEXT = "UltraBook: 3.5 GHz processor, 16 GB memory, 1 TB drive"
MAX_ROUNDS = 4
MAX_WORDS = 30
MAX_NAME_WORDS = 6
DRAFT_TOKENS = 64

WRITE = "Write one sentence about the laptop {name}: {parts}."
READ = "Extract {keys} from the following text:\n\n{draft}"

# The words for each part of the product, in a list of facts and in a draft.
PARTS = {
    "processor": "processor",
    "CPU": "processor",
    "chip": "processor",
    "memory": "memory",
    "RAM": "memory",
    "drive": "drive",
    "SSD": "drive",
    "storage": "drive",
    "disk": "drive",
}
PHRASES = {"processor": "a {} processor", "memory": "{} of memory", "drive": "a {} drive"}


class Facts(BaseModel):
    """The facts that a draft must state: the name of the product, and the quantity of each of its parts."""

    name: str
    parts: dict[str, str]

    def phrases(self) -> list[str]:
        """Return each fact in words, such as "16 GB of memory"."""
        return [PHRASES[part].format(quantity) for part, quantity in self.parts.items()]


class Round(BaseModel):
    """One round of the loop: a draft, the number of rubric points that it meets, and feedback on the others."""

    draft: str
    points: int
    feedback: str


class Outcome(BaseModel):
    """The best draft, whether it is accepted, its points out of those possible, and all rounds."""

    draft: str
    accepted: bool
    points: int
    points_possible: int
    rounds: list[Round]


def run_loop(client: OpenAI, model: str, text: str, journal: Journal, max_rounds: int = MAX_ROUNDS) -> Outcome:
    """Write a sentence with the facts in `text`, and revise it with feedback until it meets the rubric.

    After `max_rounds`, the outcome is the best draft so far, not accepted. Raises UnclearText if the text has no
    facts, and StepError if a step fails; the steps finished before are in `journal`.
    """
    facts = parse_facts(text)
    rounds: list[Round] = []
    while not finished(rounds, max_rounds):
        number = len(rounds) + 1
        draft = ask(
            client,
            model,
            f"write {number}",
            write_prompt(facts, rounds),
            journal=journal,
            gate=draft_gate,
            max_output_tokens=DRAFT_TOKENS,
        ).output.strip()
        reading = {}
        if schema := reading_schema(draft):
            prompt = read_prompt(schema, draft)
            read = ask(
                client, model, f"read {number}", prompt, journal=journal, gate=schema_gate(schema), schema=schema
            )
            reading = schema.model_validate_json(read.output).model_dump()
        rounds.append(grade(draft, reading, facts))
    return outcome(facts, rounds)


def parse_facts(text: str) -> Facts:
    """Return the facts of a text such as "UltraBook: 3.5 GHz processor, 16 GB memory, 1 TB drive".

    The text names one to three parts; the product's name comes first, or starts with a capital letter. Raises
    UnclearText if there is no name or no part, if a part has several quantities, or if a size is of no known part.
    """
    like_this = f"Write it like this: {FACTS_TEXT!r}"
    check_sizes(text)
    found = {part: values(text, part) for part in PHRASES}
    if not any(found.values()):
        raise UnclearText("The text has no facts: no processor in GHz, and no memory or drive in GB or TB.", like_this)
    for part, several in found.items():
        if len(several) > 1:
            raise UnclearText(f"The text gives two quantities for the {part}: {', '.join(several[:2])}.", like_this)
    name = _name(text)
    if not name:
        raise UnclearText("The text does not start with a name and a colon.", like_this)
    return Facts(name=name, parts={part: several[0] for part, several in found.items() if several})


def _name(text: str) -> str:
    """Return the name before the colon or on the first line, or else the first word with a capital letter."""
    first, colon, _ = text.partition(":")
    first = first if colon else sentences(text)[0]
    if (colon or len(sentences(text)) > 1) and not quantities(first) and len(first.split()) <= MAX_NAME_WORDS:
        return re.sub(r"^(?:the|an?)\s+", "", first.strip(), flags=re.IGNORECASE)
    return next(iter(names(text)), "")


def write_prompt(facts: Facts, rounds: list[Round]) -> str:
    """Return the prompt for the next draft; after the first round, it contains the feedback of all rounds so far."""
    listed = ", ".join(f"{quantity} {part}" for part, quantity in facts.parts.items())
    prompt = WRITE.format(name=facts.name, parts=listed)
    if not rounds:
        return prompt
    return OBJECTION.format(prompt=prompt, problem=", ".join(round.feedback for round in rounds))


def draft_gate(draft: str) -> str | None:
    """Accept any draft that is not empty."""
    return None if draft.strip() else "the answer is empty"


def reading_schema(draft: str) -> type[BaseModel] | None:
    """Return the schema for reading `draft`, or None if there is nothing to read.

    Its keys are the words for parts in the draft, and its values the draft's own quantities: the model only decides
    which quantity belongs to which part.
    """
    fields = {word: _quantities_for(word, draft) for word in re.findall(r"\w+", draft) if word in PARTS}
    known = {word: one_of(values) for word, values in fields.items() if values}
    return answer_schema(**known) if known else None


def read_prompt(schema: type[BaseModel], draft: str) -> str:
    """Return the prompt that asks for the quantities in `draft`, without the facts."""
    return READ.format(keys=", ".join(schema.model_fields), draft=draft)


def grade(draft: str, reading: dict[str, str], facts: Facts) -> Round:
    """Return the round for a draft, given its `reading`: a quantity for each word that names a part."""
    found = [quantity.value for quantity in quantities(draft)]
    # Not \b: a name may start or end with an emoji.
    rubric = {f"name the {facts.name}": re.search(rf"(?<!\w){re.escape(facts.name)}(?!\w)", draft) is not None}
    for phrase, (part, quantity) in zip(facts.phrases(), facts.parts.items(), strict=True):
        understood = {reading[word] for word in reading if PARTS[word] == part}
        # The reader may err, so quantities that the draft itself labels are checked as well.
        rubric[f"say that it has {phrase}"] = understood == {quantity} and set(values(draft, part)) <= {quantity}
    # Two parts may have the same quantity.
    once = Counter(found) <= Counter(facts.parts.values())
    rubric["name nothing else"] = once and not _strange(draft, facts)
    # The name may contain a full stop.
    one_sentence = draft.endswith(".") and ". " not in draft.replace(facts.name, "")
    rubric["be short"] = one_sentence and len(draft.split()) <= MAX_WORDS
    advice = [what for what, fulfilled in rubric.items() if not fulfilled]
    return Round(draft=draft, points=len(rubric) - len(advice), feedback=", ".join(advice))


def _strange(draft: str, facts: Facts) -> list[str]:
    """Return the numbers and names in `draft` that are not in the facts, as in "designed by Apple"."""
    given = f"{facts.name} {' '.join(facts.parts.values())}"
    named = " ".join([*names(draft), *processor_names(draft)]).split()
    known = [word.lower() for word in re.findall(r"[\w-]+", given)]
    return [number for number in numbers(draft) if number not in numbers(given)] + [
        word for word in named if word.lower() not in known
    ]


def finished(rounds: list[Round], max_rounds: int) -> bool:
    """Return whether the loop ends: the last draft meets the rubric, or there have been `max_rounds` rounds."""
    return len(rounds) >= max_rounds or (len(rounds) > 0 and not rounds[-1].feedback)


def outcome(facts: Facts, rounds: list[Round]) -> Outcome:
    """Return the outcome with the best of `rounds`; if several are equal, the first."""
    best = max(rounds, key=lambda round: round.points)
    return Outcome(
        draft=best.draft,
        accepted=not best.feedback,
        points=best.points,
        points_possible=len(facts.parts) + 3,
        rounds=rounds,
    )


def _quantities_for(word: str, draft: str) -> list[str]:
    """Return the distinct quantities in `draft` that the part called `word` can have."""
    return [
        quantity
        for quantity in dict.fromkeys(quantity.value for quantity in quantities(draft))
        if quantity.endswith("GHz") == (PARTS[word] == "processor")
    ]
