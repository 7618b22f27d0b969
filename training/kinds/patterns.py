"""The steps of the book's patterns: grading, planning, retrying after an objection, answering from retrieved passages."""

import random
import uuid
from collections.abc import Iterator
from typing import Any

from training import words as w
from training.example import Example, Message, assistant, json_answer, plain, system, user
from training.facts import TOPICS
from training.frames import choose, fill, say, slots
from training.kinds.context import ASK, sentences
from training.kinds.contrast import drawn
from training.kinds.extract import draw, passage

NOT_ACCEPTED = [
    "{prompt}\n\nYour last answer was not accepted: {problem}. Try again.",
    "{prompt}\n\nYour last answer was not accepted: {problem}.",
    "{prompt}\n\n[The last answer was wrong|That was not right|Your answer was refused]: {problem}.[ Correct it.| Do it again.|]",
]


def grade(rng: random.Random) -> Example:
    """Return a text, a yes-or-no question about it, and the answer, with or without a reason."""
    texts, known, unknown = sentences(rng, rng.randint(1, 4))
    text = " ".join(texts)
    question, value, sentence = rng.choice(known)
    subject = question[:1].lower() + question[1:].rstrip("?.")
    forms: list[tuple[str, bool]] = [
        (say(rng, 'Does the text [say|mention|contain|name] "{v}"?', {"v": value}), True),
        (f"Does the text say {subject}?", True),
    ]
    if rng.random() < 0.5:
        other = _other(rng, text)
        forms = [(say(rng, 'Does the text [say|mention|contain|name] "{v}"?', {"v": other}), False)]
        if unknown:
            lacking = rng.choice(unknown)
            forms.append((f"Does the text say {lacking[:1].lower()}{lacking[1:].rstrip('?.')}?", False))
    asked, verdict = rng.choice(forms)
    prompt = rng.choice([f"{text}\n\n{asked} Answer yes or no.", f"{text}\n\n{asked}", f"Text: {text}\nQuestion: {asked} (yes/no)", f"{asked}\n\n{text}"])
    style = rng.random()
    yes = "yes" if verdict else "no"
    if style < 0.3:
        return Example("patterns", [user(prompt)], plain(yes.capitalize() + rng.choice([".", ""])))
    answer: Any = {rng.choice(["answer", "verdict", "result"]): yes}
    if style < 0.55:
        answer = {rng.choice(["passes", "pass", "passed", "ok", "fulfilled", "accepted", "met"]): verdict}
        form = rng.choice(["[Criterion|Rule]: {c}\n\n[Draft|Text|Answer]: {t}", "[Grade|Check|Judge] this [draft|text|answer]: {t}\n\n[Criterion|Rubric|Rule]: {c}"])
        prompt = fill(choose(rng, form), {"c": asked, "t": text})
        if rng.random() < 0.5:
            answer["reason"] = f"The text says: {sentence}" if verdict else "The text does not say it."
    messages = [user(prompt)]
    return Example("patterns", messages, json_answer(messages, answer))


def _other(rng: random.Random, text: str) -> str:
    while (other := rng.choice([rng.choice(w.CITIES), str(w.full_name(rng)), str(w.money(5, 4000)(rng)), str(w.code(rng)), rng.choice(w.PRODUCTS)])) in text:
        pass
    return other


def plan(rng: random.Random) -> Example:
    """Return a task with several parts, or a text about several things, and the list of them."""
    key = rng.choice(["tasks", "steps", "subtasks", "parts", "plan", "items", "names", "topics", "questions", "list"])
    if rng.random() < 0.4:
        return _told(rng, key)
    if rng.random() < 0.5:
        topic = rng.choice([t for t in TOPICS if t.name in ("device", "person", "pet", "book", "project", "order")])
        first = next(iter(topic.fields))
        frames = [f for f in topic.frames if "{" + first + "}" in f]
        names, texts = [], []
        for _ in range(rng.randint(1, 5)):
            values = draw(rng, topic)
            names.append(values[first].text)
            texts.append(say(rng, rng.choice(frames), values))
        names = list(dict.fromkeys(name for name, text in zip(names, texts, strict=True) if name in text))
        text = " ".join(texts)
        plural = {
            "device": "[devices|products|models|laptops|phones]",
            "person": "[people|persons|employees]",
            "pet": "[pets|animals]",
            "book": "[books|titles]",
            "project": "projects",
            "order": "[customers|buyers]",
        }[topic.name]
        prompt = rng.choice(
            [
                f"{{t}}\n\n[Which|What] {plural} does the text name?",
                f"[List|Name] the {plural} in this text: {{t}}",
                f"Which {plural} are [named|mentioned]? {{t}}",
                f"{{t}}\n\n[List|Give me] all {plural}.",
            ]
        )
        messages = [user(say(rng, prompt, {"t": text}))]
        return Example("patterns", messages, json_answer(messages, {key: names}) if rng.random() < 0.75 else plain(rng.choice(["\n".join(names), ", ".join(names)])))
    goal, steps = rng.choice(GOALS)
    count = rng.randint(2, len(steps))
    prompt = rng.choice(
        [
            "[Plan|Break down|Split into steps]: {g}",
            "[I want to|We have to|My goal is to] {g}. [What are the steps|Make a plan|Which tasks are there]?",
            "[Write|Make|Give me] a plan [to|in {n} steps to] {g}.",
            "[List|Name] {n} steps to {g}.",
        ]
    )
    prompt = say(rng, prompt, {"g": goal, "n": count})
    if str(count) not in prompt:
        count = len(steps)
    messages = [user(prompt)]
    if rng.random() < 0.6:
        return Example("patterns", messages, json_answer(messages, {key: list(steps[:count])}))
    return Example("patterns", messages, plain("\n".join(f"{n}. {step}" for n, step in enumerate(steps[:count], 1))))


def _told(rng: random.Random, key: str) -> Example:
    """Return a text with a sequence of steps, questions or subjects, and their list."""
    kind = rng.random()
    if kind < 0.4:
        steps = rng.sample(w.TASKS, rng.randint(2, 4))
        first, *middle, last = steps
        between = "".join(f", {rng.choice(['then', 'after that'])} {one}" for one in middle)
        text = say(rng, "[First|To begin with,] {a}{b}[, and finally|, finally|, then] {c}.", {"a": first, "b": between, "c": last})
        ask, answer = "[Which|What] [steps|tasks] are there|Make a list of the [steps|tasks]|What has to be done", steps
    elif kind < 0.65:
        answer = [
            say(rng, q, {"p": rng.choice(w.PRODUCTS)})
            for q in rng.sample(
                ["How much does the {p} cost?", "When does it arrive?", "Who repairs the {p}?", "Is there a discount?", "Which colours are there?", "Can I return it?", "How long is the warranty?"],
                rng.randint(2, 4),
            )
        ]
        text = " ".join(answer)
        ask = "[Which|What] questions [are asked|does the customer ask|must be answered]|List the questions"
    else:
        make = rng.choice([w.words(w.CITIES), w.person, w.words(w.PRODUCTS), w.words(w.FOODS)])
        answer = list(dict.fromkeys(str(make(rng)) for _ in range(rng.randint(2, 5))))
        *rest, last = answer
        joined = f"{', '.join(rest)} and {last}" if rest else last
        text = say(rng, "[We compare|The report covers|Look into|Please research|They talked about] {x}[ this year| for the board|].", {"x": joined})
        ask = "[What|Which ones] are [named|to be researched|in it]|One [topic|task] for each|List them|Make a plan with one [step|topic] for each"
    request = choose(rng, rng.choice(_sides(ask)))
    prompt = rng.choice([f"{text}\n\n{request}.", f"{request}: {text}", f"{request}?\n\n{text}"])
    messages = [user(prompt)]
    return Example("patterns", messages, json_answer(messages, {key: answer}))


def _sides(frame: str) -> list[str]:
    """Return the parts of `frame` between the bars outside of brackets."""
    sides, depth = [""], 0
    for letter in frame:
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            sides.append("")
        else:
            sides[-1] += letter
    return sides


GOALS = [
    ("[paint a room|paint the bedroom]", ["Move the furniture", "Cover the floor", "Buy paint", "Paint the walls"]),
    ("[bake a cake|bake a birthday cake]", ["Buy the ingredients", "Mix the dough", "Bake the cake", "Decorate it"]),
    ("[move to a new flat|move house]", ["Pack the boxes", "Rent a van", "Carry the boxes", "Change the address"]),
    ("[plan a trip|prepare a holiday]", ["Choose a destination", "Book the train", "Book a hotel", "Pack the suitcase"]),
    ("[launch a website|publish a website]", ["Write the texts", "Design the pages", "Test the site", "Publish it"]),
    ("[organise a party|prepare a party]", ["Invite the guests", "Buy food and drinks", "Decorate the room", "Choose the music"]),
    ("[learn to swim|start swimming]", ["Find a pool", "Take lessons", "Practise every week"]),
    ("[grow tomatoes|plant tomatoes]", ["Buy seeds", "Prepare the soil", "Plant the seeds", "Water the plants"]),
    ("[hire a new colleague|fill a position]", ["Write the advert", "Read the applications", "Hold interviews", "Sign the contract"]),
    ("[fix a flat tyre|repair a flat tyre]", ["Take off the wheel", "Find the hole", "Patch the tube", "Pump up the tyre"]),
    ("[write a report|hand in a report]", ["Collect the data", "Write a draft", "Check the figures", "Send the report"]),
    ("[sell a bicycle|sell my bike]", ["Clean the bike", "Take pictures", "Write an advert", "Meet the buyers"]),
    ("[open a small shop|start a shop]", ["Find a place", "Order the goods", "Hire staff", "Tell the neighbours"]),
    ("[release an app|release the new version]", ["Fix the last bugs", "Run the tests", "Write the notes", "Upload the app"]),
]
GOALS = [(say(random.Random(number), goal)[:1].lower() + say(random.Random(number), goal)[1:], steps) for number, (goal, steps) in enumerate(GOALS)]


def again(rng: random.Random) -> Example:
    """Return an answer that was rejected with a reason, and a correct one, as JSON or in words."""
    topic = rng.choice(TOPICS)
    values = draw(rng, topic)
    text, names = passage(rng, topic, values, 1, 3)
    chosen = rng.sample(names, rng.randint(1, min(3, len(names))))
    keys = {name: rng.choice(topic.fields[name].key_names()) for name in chosen}
    if len(set(keys.values())) < len(chosen):
        return again(rng)
    shown = ", ".join(key.replace("_", " ") for key in keys.values())
    prompt = say(rng, "[Extract|Write|Give me|Find] [the|] {k} [from|in] [the following text|this text]:\n\n{t}", {"k": shown, "t": text})
    missing = rng.choice(chosen)
    label = keys[missing].replace("_", " ")
    wrong_value = _other(rng, text)
    problem = rng.choice(
        [
            f"{wrong_value} is not in the text",
            f"{wrong_value} is not the {label}",
            f"{label} is not {wrong_value}",
            f"{label} is missing",
            f"there is no {label}",
            f"the {label} is not in the text",
            f"{label}: wrong value",
            f"the value of {label} must be copied from the text",
            "not valid JSON",
            "it is empty",
        ]
    )
    answer = {keys[name]: values[name].json if isinstance(values[name].json, list) else values[name].text for name in chosen}
    asked = fill(choose(rng, rng.choice(NOT_ACCEPTED)), {"prompt": prompt, "problem": problem})
    asked = asked if rng.random() < 0.8 else prompt
    messages: list[Message] = [user(asked)]
    if rng.random() < 0.25:
        wrong = ", ".join(f"{key.replace('_', ' ')}: {_other(rng, text)}" for key in keys.values())
        messages = [user(prompt), assistant(wrong), user(say(rng, "[That is wrong|Not accepted|Try again]: {p}.", {"p": problem}))]
    if rng.random() < 0.5:
        return Example("patterns", messages, json_answer(messages, answer))
    joint = rng.choice(["\n", ", "])
    return Example("patterns", messages, plain(joint.join(f"{key.replace('_', ' ')}: {values[name]}" for name, key in keys.items())))


def better(rng: random.Random) -> Example:
    """Return a question or a task whose first answer was rejected, and the correct answer in words."""
    if rng.random() < 0.6:
        text, pairs = drawn(rng)
        question, value, _ = rng.choice(pairs)
        prompt = fill(choose(rng, rng.choice(ASK)), {"text": text, "question": question})
        others = [other.text for _, other, _ in pairs if other is not value] or [_other(rng, text)]
        problem = rng.choice(
            [f"{rng.choice(others)} is not what was asked", f"{rng.choice(others)} is not the answer", "that is not what the text says", "the answer is longer than needed", "wrong value"]
        )
        answer = f"{value.text[:1].upper()}{value.text[1:]}."
    else:
        values = {
            "n": str(w.person(rng)),
            "c": str(w.words(w.CITIES)(rng)),
            "p": str(w.words(w.PRODUCTS)(rng)),
            "m": str(w.money(3, 900)(rng)),
            "o": rng.choice(w.COLOURS),
            "k": str(rng.randint(2, 90)),
        }
        task, done = rng.choice(TASKS)
        prompt, answer = say(rng, task, values), say(rng, done, values)
        problem = rng.choice(
            [
                "the answer has no numbers",
                "it is not one sentence",
                "a name is missing",
                "it is empty",
                "it does not say what was asked for",
                "it is no question" if answer.endswith("?") else "it is too long",
            ]
        )
    asked = fill(choose(rng, rng.choice(NOT_ACCEPTED)), {"prompt": prompt, "problem": problem})
    return Example("patterns", [user(asked if rng.random() < 0.75 else prompt)], plain(answer))


TASKS = [
    ("Write a sentence [that says that|which tells that] the {p} costs {m}.", "The {p} costs {m}."),
    ("[Say|Write] in one sentence that {n} lives in {c}.", "{n} lives in {c}."),
    ("[Tell|Write to] {n} that the {p} is {o}.", "{n}, the {p} is {o}."),
    ("Ask {n} one question: which colour [does|should] the {p}[ have|]?", "Which colour should the {p} have, {n}?"),
    ("Ask the customer [one question|] [how many|what number of] {p}s [are needed|to send].", "How many {p}s do you need?"),
    ("[Write|Give] a sentence with the number {k} and the word {p}.", "There are {k} parts in the {p}."),
    ("[Thank|Write a line of thanks to] {n} for the {p}.", "Thank you for the {p}, {n}."),
    ("[Apologise|Say sorry] to {n} [because|that] the {p} is late.", "Dear {n}, I am sorry that the {p} is late."),
    ("[Write|Say] one sentence about a {o} {p}.", "The {p} is {o}."),
    ("[Describe|Advertise] the {p} in one sentence: {o}, {m}.", "The {p} is {o} and costs {m}."),
    ("[Say hello to|Greet] {n}.", "Hello, {n}!"),
    ("[Invite|Ask] {n} to {c}.", "{n}, would you like to come to {c}?"),
]


def found(rng: random.Random) -> Example:
    """Return passages as the server's search passes them to the model, a question, and the answer with its source."""
    passages, known, unknown = [], [], []
    for _ in range(rng.randint(1, 4)):
        if rng.random() < 0.4:
            text, pairs = drawn(rng)
            texts, some, none = [text], [(ask, value.text, "") for ask, value, _ in pairs], []
        else:
            texts, some, none = sentences(rng, rng.randint(1, 3))
        source = f"file-{uuid.UUID(int=rng.getrandbits(128)).hex}"
        passages.append((" ".join(texts), source))
        known += [(*fact, source) for fact in some]
        unknown += none
    question, value, sentence, source = rng.choice(known)
    busy = not sentence.endswith(".") or sum(fact[2] == sentence for fact in known) > 2
    answer = f"{value[:1].upper()}{value[1:]}." if busy or rng.random() < 0.4 else sentence
    if rng.random() < 0.06:
        question, answer, source = rng.choice(unknown or [question]), "The text does not say.", ""
    return _rendered(rng, passages, question, answer, source)


def searched(rng: random.Random, texts: list[str], question: str, answer: str, at: int | None) -> Example:
    """Return an example like those of `found`, with given passages; the answer is in passage `at`, or in none."""
    passages = [(text, f"file-{uuid.UUID(int=rng.getrandbits(128)).hex}") for text in texts]
    return _rendered(rng, passages, question, answer, "" if at is None else passages[at][1])


def _rendered(rng: random.Random, passages: list[tuple[str, str]], question: str, answer: str, source: str) -> Example:
    content = [{"type": "text", "text": f"knowledge_search found {len(passages)} passages:\n"}]
    for number, (text, file) in enumerate(passages, 1):
        content.append({"type": "text", "text": f"{number}. {text} The source is <|{file}|>\n\n"})
    query = question if rng.random() < 0.8 else question.rstrip("?.").lower()
    content += [{"type": "text", "text": "\n"}, {"type": "text", "text": f" Question: {query}"}]
    call = {"id": "call_1", "type": "function", "function": {"name": "knowledge_search", "arguments": f'{{"query": "{query}"}}'}}
    messages: list[Message] = [user(question), {"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_1", "content": content}]
    if rng.random() < 0.15:
        messages.insert(0, system(say(rng, "[Answer from the documents|You answer questions about our files|Be brief].")))
    tool = {
        "type": "function",
        "function": {
            "name": "knowledge_search",
            "description": "Search for information in a database.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string", "description": "The query to search for. Can be a natural language sentence or keywords."}},
                "required": ["query"],
            },
        },
    }
    cited = f"{answer} <|{source}|>" if source else answer
    return Example("patterns", messages, plain(cited), [tool])


def spoken(rng: random.Random) -> Example:
    """Return facts of a text in words: as lines, as a sentence, or as answers to questions."""
    topic = rng.choice(TOPICS)
    values = draw(rng, topic)
    text, names = passage(rng, topic, values, 1, 3)
    if rng.random() < 0.5:
        chosen = rng.sample(names, rng.randint(1, min(4, len(names))))
        keys = {name: rng.choice(topic.fields[name].key_names()).replace("_", " ") for name in chosen}
        if len(set(keys.values())) < len(chosen):
            return spoken(rng)
        *rest, last = keys.values()
        shown = f"{', '.join(rest)} and {last}" if rest else last
        prompt = say(rng, "[Extract|List|Give me|Find|Tell me] [the|] {k} [from|in] [the following text|this text|the text below]:\n\n{t}", {"k": shown, "t": text})
        joint = rng.choice(["\n", "\n", ", "])
        return Example("patterns", [user(prompt)], plain(joint.join(f"{key[:1].upper()}{key[1:]}: {values[name]}" for name, key in keys.items())))
    name = rng.choice([n for n in topic.fields if any("{" + n + "}" in f for f in topic.frames)])
    frame = rng.choice([f for f in topic.frames if "{" + name + "}" in f])
    sentence = say(rng, frame, values)
    if not sentence.endswith(".") or values[name].text not in sentence:
        return spoken(rng)
    facts = ", ".join(f"{topic.fields[s].key_names()[0].replace('_', ' ')} {values[s]}" for s in slots(frame) if values[s].text in sentence)
    prompt = say(rng, "[Write|Make] [a sentence|one sentence] [from|with|of] these facts: {f}", {"f": facts})
    return Example("patterns", [user(prompt)], plain(sentence))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([grade, plan, again, better, found, spoken], [0.1, 0.2, 0.17, 0.13, 0.24, 0.16])[0](rng)
