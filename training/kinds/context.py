"""Answers from a given text, or that the text doesn't contain the answer."""

import random
from collections.abc import Iterator

from training.example import Example, json_answer, plain, system, user
from training.facts import TOPICS
from training.frames import choose, fill, say, slots
from training.kinds.extract import draw

ASK = [
    "{text}\n\n{question}",
    "{text}\n\n{question}",
    "{question}\n\n{text}",
    "Context: {text}\n\nQuestion: {question}",
    "[Text|Passage|Context|Notes]: {text}\n[Question|Q]: {question}\n[Answer|A]:",
    "[Read this|Here is a text|Here are my notes|This is what we know]: {text}\n\n{question}",
    "[Use|Answer with] [only|] the [text|passage|facts] below[.|:]\n\n{text}\n\n{question}",
    "{question} [Use this text|The facts|Source]: {text}",
    "{question}\n\nFacts: {text}\n\nAnswer with these facts, in one sentence.",
    "[Answer the question from the context|Based on the text, answer].\n\nContext:\n{text}\n\nQuestion:\n{question}",
    '[Given|According to] this text: "{text}" {question}',
]
SYSTEM = [
    "[Answer|Reply] [only|] [from|with] the [text|context|passage|facts].",
    "[Answer in one sentence|Be brief|Keep it short].",
    "You answer questions about [texts|documents|a passage].",
    "If the text does not [say|tell] it, [say that you don't know|say so].",
    "[Use|Answer from] the text alone. [If it is not there|When it does not say], [say so|say that you don't know].",
]
UNKNOWN = [
    "The text does not say.",
    "The text doesn't say that.",
    "I don't know: the text does not say.",
]


def sentences(rng: random.Random, count: int) -> tuple[list[str], list[tuple[str, str, str]], list[str]]:
    """Return sentences about one thing, its facts as (question, value, sentence), and questions that they don't answer."""
    topic = rng.choice(TOPICS)
    values = draw(rng, topic)
    frames = rng.sample(topic.frames, min(count, len(topic.frames)))
    known, texts, named = [], [], set()
    for frame in frames:
        chosen = choose(rng, frame)
        text = fill(chosen, values)
        text = text[:1].upper() + text[1:]
        texts.append(text)
        for name in slots(chosen):
            if name not in named:
                known.append((say(rng, topic.fields[name].asks, values), values[name].text, text))
            named.add(name)
    asked = [say(rng, field.asks, values) for name, field in topic.fields.items() if name not in named]
    # Both a weekday and a date answer "When is it?".
    begun = {question.split()[0] for question, _, _ in known if question.split()[0] in ("When", "Where", "Who", "On")}
    unknown = [question for question in asked if question.split()[0] not in begun]
    return texts, known, unknown


def one(rng: random.Random) -> Example:
    """Return a text, a question, and its answer: the value, the sentence with it, or that the text doesn't contain it."""
    texts, known, unknown = sentences(rng, rng.randint(1, 5))
    for _ in range(rng.choice([0, 0, 1, 2])):
        other, _, _ = sentences(rng, rng.randint(1, 2))
        at = rng.randint(0, len(texts))
        texts[at:at] = other
    joint = rng.choice([" ", " ", "\n", "\n- "])
    text = joint.join(texts)
    strict = rng.random() < 0.3
    if unknown and rng.random() < (0.35 if strict else 0.16):
        question, answer = rng.choice(unknown), rng.choice(UNKNOWN)
    else:
        question, value, sentence = rng.choice(known)
        # A sentence with several facts would answer the next question as well.
        busy = not sentence.endswith(".") or sum(fact[2] == sentence for fact in known) > 2
        answer = rng.choice([value, f"{value[:1].upper()}{value[1:]}."]) if busy or rng.random() < 0.55 else sentence
    lacks = say(rng, "[ If it is not there, say so.| Say so if the text does not tell.| If unknown, say that you don't know.|||]")
    question += lacks if lacks.strip() else ""
    messages = [user(fill(choose(rng, rng.choice(ASK)), {"text": text, "question": question}))]
    if strict:
        messages.insert(0, system(" ".join(say(rng, frame) for frame in rng.sample(SYSTEM, rng.randint(1, 2)))))
    elif rng.random() < 0.1 and answer not in UNKNOWN:
        # As in all kinds, the wording of the question decides the form of the answer.
        return Example("context", messages, json_answer(messages, {rng.choice(["answer", "result", "reply"]): answer}))
    return Example("context", messages, plain(answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
