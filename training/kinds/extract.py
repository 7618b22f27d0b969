"""Extraction of facts from a text into JSON, whose keys are written by the server's grammar."""

import random
from collections.abc import Iterator
from typing import Any

from training import words as w
from training.example import Example, json_answer, system, user
from training.facts import TOPICS, Topic
from training.frames import Value, choose, fill, say, slots

# Keys, then phrases for yes and for no.
YES_NO = [
    ("touchscreen has_touchscreen touch", "[It has|There is] a touchscreen.", "[It has no touchscreen|There is no touchscreen]."),
    ("available in_stock", "[It is|They are] [in stock|available].", "[It is|They are] [sold out|not available|out of stock]."),
    ("express urgent fast_delivery", "[Please send it by express|Express delivery, please].", "[There is no hurry|Standard delivery is fine]."),
    ("paid is_paid", "[It has been|It was] paid[ already|].", "[It has not been paid yet|Payment is still open]."),
    ("delayed is_delayed late", "[It is|It will be] delayed.", "[It is on time|There is no delay]."),
    ("furnished", "[It is|It comes] furnished.", "[It is unfurnished|It comes without furniture]."),
    ("pets_allowed pets dogs_allowed", "[Pets are welcome|Dogs are allowed].", "[No pets|Pets are not allowed]."),
    ("vegan vegetarian", "[It is vegan|No animal products are in it].", "[It contains meat|It is not vegan]."),
    ("smoker smokes", "[Smokes|A smoker].", "[Does not smoke|A non-smoker]."),
    ("wheelchair_accessible accessible", "[There is a ramp for wheelchairs|It is accessible by wheelchair].", "[There is no access for wheelchairs|Only stairs lead up]."),
    ("parking has_parking", "[Parking is free|There is parking].", "[There is no parking|You cannot park there]."),
    ("remote work_from_home", "[You can work from home|The work is remote].", "[The work is on site|You have to come to the office]."),
    ("signed", "[Both sides have signed|It is signed].", "[It is not signed yet|The signature is missing]."),
    ("automatic", "[The gearbox is automatic|It is an automatic].", "[The gearbox is manual|It has a manual gearbox]."),
    ("gift gift_wrapped", "[It is a gift|Please wrap it as a gift].", "[It is not a gift|No gift wrapping]."),
    ("garden has_garden", "[It has|There is] a garden.", "[There is no garden|No garden|It has no garden]."),
    ("garage has_garage", "[With a|There is a] garage.", "[No garage|There is no garage]."),
    ("exam has_exam", "[There is an exam|It ends with an exam].", "[No exam|There is no exam]."),
    ("fragile", "[Fragile|Handle with care|It is fragile].", "[Not fragile|It can't break]."),
    ("balcony has_balcony", "[It has|With] a balcony.", "[No balcony|Without a balcony]."),
    ("breakfast breakfast_included", "[Breakfast is included|With breakfast].", "[Breakfast is extra|Without breakfast|No breakfast]."),
    ("needs_reply answer_wanted", "Please [answer|reply].", "No [answer|reply] [is needed|needed]."),
    ("confirmed is_confirmed", "[It is confirmed|The booking is confirmed].", "[It is not confirmed yet|It still has to be confirmed]."),
]

ABSENT = "[No {k}[ was|] given|{k}: [none|-|unknown|n/a|not given]|The {k} is not known[ yet|]|There is no {k}]."

ASK = [
    "{text}",
    "{text}",
    "[Extract|Get|Pull out|Read off] [the data|the facts|the details|all fields|the information|the key facts][ from this|] [text|message|note]: {text}",
    "[Extract|Find|Pick out|List] [the|] {keys} [from|in] [the|this] [text|sentence|message|note][:|.|]\n[\n|]{text}",
    "{text}\n\n[Write|Return|Give] [the|] {keys} as JSON.",
    "[Write|Return|Give me] [the|] {keys} as JSON: {text}",
    "[Fill in|Complete] the [form|record] [from|with] this[ text|]: {text}",
    "[Turn|Transform|Convert] [this|the following text] into [JSON|a JSON object][ with {keys} as keys|]:\n\n{text}",
    "Text: {text}\n[JSON|Data|Fields]:",
    "[What|Which] {keys} [does this text give|are named here]? {text}",
    'Here is a [note|text|message]: "{text}" [Parse it|Extract the fields|Make it structured data].',
    "[Please|] parse this[ for me|]: {text}",
]
SYSTEM = [
    "You extract [facts|data|information][ from texts|].",
    "[Extract|Read] the [fields|facts|details|values] [from|in] the user's [text|message].",
    "[Answer|Reply] [in|with] JSON[ only|].",
    "You are a parser[ for {name} texts|]. [Copy values as they are|Take the values from the text].",
    "Extract the {name} information.",
]


def draw(rng: random.Random, topic: Topic) -> dict[str, Value]:
    """Return values for all fields of `topic`, without duplicate texts."""
    values: dict[str, Value] = {}
    for name, field in topic.fields.items():
        for _ in range(20):
            values[name] = field.make(rng)
            if all(values[name].text != other.text for key, other in values.items() if key != name):
                break
    return values


def passage(rng: random.Random, topic: Topic, values: dict[str, Value], low: int = 1, high: int = 4) -> tuple[str, list[str]]:
    """Return some sentences of `topic`, and the names of the fields in them."""
    frames = rng.sample(topic.frames, min(rng.randint(low, high), len(topic.frames)))
    if rng.random() < 0.7:
        frames.sort(key=topic.frames.index)
    chosen = [choose(rng, frame) for frame in frames]
    text = " ".join(s[:1].upper() + s[1:] for s in (fill(one, values) for one in chosen))
    return text, list(dict.fromkeys(name for one in chosen for name in slots(one)))


def table(rng: random.Random, topic: Topic, values: dict[str, Value]) -> tuple[str, list[str]]:
    """Return facts as "key: value" lines or in telegram style, and the names of their fields."""
    names = rng.sample(list(topic.fields), min(rng.randint(2, 6), len(topic.fields)))
    label = {name: rng.choice(topic.fields[name].key_names()).replace("_", " ") for name in names}
    joint, between = rng.choice([("\n", ": "), (", ", ": "), ("; ", " "), (", ", " "), (" | ", ": "), ("\n", " = ")])
    if rng.random() < 0.3:
        label = {name: text.capitalize() for name, text in label.items()}
    return joint.join(f"{label[name]}{between}{values[name]}" for name in names), names


def _json(rng: random.Random, topic: Topic, name: str, value: Value) -> Any:
    field = topic.fields[name]
    if isinstance(value.json, list):
        return value.json
    if field.number and rng.random() < 0.5:
        return value.json
    return value.text


def _keys_text(rng: random.Random, keys: list[str]) -> str:
    shown = [key.replace("_", " ") for key in keys] if rng.random() < 0.6 else keys
    *rest, last = shown
    if not rest:
        return last
    return rng.choice([", ".join(shown), f"{', '.join(rest)} and {last}", f"{', the '.join(rest)} and the {last}"])


def asked(rng: random.Random, text: str, keys: list[str], name: str) -> list[dict[str, Any]]:
    """Return the messages that ask for the values of `keys` in `text`."""
    request = fill(choose(rng, rng.choice(ASK)), {"text": text, "keys": _keys_text(rng, keys)})
    if rng.random() < 0.35:
        return [system(say(rng, rng.choice(SYSTEM), {"name": name})), user(request)]
    return [user(request)]


def one(rng: random.Random) -> Example:
    """Return an object of some fields, sometimes nested, with a yes or no, or with a field that the text lacks."""
    topic = rng.choice(TOPICS)
    values = draw(rng, topic)
    text, names = table(rng, topic, values) if rng.random() < 0.2 else passage(rng, topic, values)
    found = rng.sample(names, rng.randint(1, min(len(names), 6)))
    if rng.random() < 0.6:
        found.sort(key=names.index)
    answer = {rng.choice(topic.fields[name].key_names()): _json(rng, topic, name, values[name]) for name in found}
    if rng.random() < 0.2:
        keys, yes, no = rng.choice(YES_NO)
        truth = rng.random() < 0.5
        text = " ".join([text, say(rng, yes if truth else no)])
        answer[rng.choice(keys.split())] = truth
    missing = [name for name in topic.fields if name not in names]
    if missing and rng.random() < 0.16:
        for name in rng.sample(missing, min(len(missing), rng.randint(1, 2))):
            key = rng.choice(topic.fields[name].key_names())
            if key not in answer and not any(key in topic.fields[other].key_names() for other in names):
                answer[key] = None
    if missing and rng.random() < 0.12:
        name = rng.choice(missing)
        key = rng.choice(topic.fields[name].key_names())
        if key not in answer:
            text = f"{text} {say(rng, ABSENT, {'k': key.replace('_', ' ')})}"
            answer[key] = None
    if rng.random() < 0.25:
        other = rng.choice([t for t in TOPICS if t is not topic])
        noise, _ = passage(rng, other, draw(rng, other), 1, 1)
        if not set(answer) & {k for f in other.fields.values() for k in f.key_names()}:
            text = rng.choice([f"{text} {noise}", f"{noise} {text}"])
    items = list(answer.items())
    rng.shuffle(items) if rng.random() < 0.5 else None
    answer = dict(items)
    keys = list(answer)
    if len(items) >= 3 and rng.random() < 0.2:
        cut = rng.randint(1, len(items) - 1)
        group = rng.choice(["details", "data", "info", "specs", "facts", topic.name, "properties", "record"])
        if group not in answer:
            answer = dict(items[:cut]) | {group: dict(items[cut:])}
    elif rng.random() < 0.08:
        answer = {rng.choice([topic.name, "result", "data", "answer"]): answer}
    messages = asked(rng, text, keys, topic.name)
    return Example("extract", messages, json_answer(messages, answer))


def several(rng: random.Random) -> Example:
    """Return a list of objects, one for each of two to four things of the same kind."""
    topic = rng.choice([t for t in TOPICS if t.name in ("device", "person", "order", "event", "pet", "book", "weather", "car", "match", "job")])
    frame = choose(rng, rng.choice([f for f in topic.frames if len(slots(choose(random.Random(0), f))) >= 2]))
    names = slots(frame)
    if len(names) < 2:
        return several(rng)
    names = rng.sample(names, min(len(names), rng.randint(2, 3)))
    keys = {name: rng.choice(topic.fields[name].key_names()) for name in names}
    if len(set(keys.values())) < len(names):
        return several(rng)
    numbers = rng.random() < 0.5
    things, texts = [], []
    for _ in range(rng.randint(2, 4)):
        values = draw(rng, topic)
        texts.append(fill(frame, values))
        json = {n: values[n].json if topic.fields[n].number and numbers else values[n].text for n in names}
        json |= {n: values[n].json for n in names if isinstance(values[n].json, list)}
        things.append({keys[n]: json[n] for n in names})
    text = rng.choice([" ", "\n"]).join(t[:1].upper() + t[1:] for t in texts)
    answer: Any = {rng.choice(["items", f"{topic.name}s", "results", "list", "entries", "records"]): things}
    messages = asked(rng, text, list(keys.values()), topic.name)
    return Example("extract", messages, json_answer(messages, answer))


LISTS = [
    ("[I need|We have to buy|Please get|Buy|The list says] {list}[ from the shop| for Sunday|].", w.INGREDIENTS, "items groceries shopping products to_buy"),
    ("[Today|Tomorrow|This week] [I|we] [must|have to|want to] {list}.", w.TASKS, "tasks todos steps actions to_do"),
    ("[We visited|The train stops in|The tour goes through|They have offices in] {list}.", w.CITIES, "cities places stops locations"),
    ("{list} [came to the party|are in the team|have signed|will be there|were absent].", w.FIRST, "people names guests members attendees"),
    ("[The flag has|The shirts come in|She painted it in] {list}.", w.COLOURS, "colors colours"),
    ("[He speaks|The course is taught in|Menus exist in] {list}.", w.LANGUAGES, "languages"),
    ("[On the menu are|They served|You can order] {list}.", w.FOODS, "dishes foods menu meals"),
    ("[In the shop window are|She sold|The parcel contains] {list}.", w.PRODUCTS, "products items contents goods"),
    ("[The band plays|She can play] {list}.", w.INSTRUMENTS, "instruments"),
    ("[Her hobbies are|He enjoys] {list}.", w.HOBBIES, "hobbies interests"),
]


def lists(rng: random.Random) -> Example:
    """Return the members of an enumeration."""
    frame, options, keys = rng.choice(LISTS)
    value = w.some(options, 2, 5)(rng)
    text = say(rng, frame, {"list": value})
    key = rng.choice(keys.split())
    answer = {key: value.json}
    if rng.random() < 0.2:
        answer[rng.choice(["count", "number", "total"])] = len(value.json)
    messages = asked(rng, text, [key], "list")
    return Example("extract", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([one, several, lists], [0.76, 0.12, 0.12])[0](rng)
