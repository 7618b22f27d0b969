"""Grading a text by one criterion: yes or no, true or false, with or without a reason."""

import random
from collections.abc import Iterator

from training import words as w
from training.example import Example, json_answer, plain, system, user
from training.frames import choose, fill, say

# Features of a sentence, the wording of their criterion, and sentences that have them.
FEATURES: dict[str, tuple[str, list[str]]] = {
    "price": ("[names|gives|states|contains] a price", ["The {p} costs {m}.", "[You pay|It is yours for] {m}.", "Entry is {m}."]),
    "date": ("[names|gives|contains] a date", ["[It ends|We open|The fair begins] on {d}.", "Please answer by {d}."]),
    "time": ("[says|tells] [at what time|the time]", ["The [bus|film|lesson] [starts|leaves] at {t}.", "Come at {t}."]),
    "person": ("[names|mentions] a person", ["{n} [wrote the letter|fixed the {p}|will call you].", "Ask {n} about it."]),
    "place": ("[names|mentions] a [place|city]", ["The [office|concert|factory] is in {c}.", "We met in {c}."]),
    "number": ("[contains|has|gives] a number", ["There are {k} [chairs|boxes|pages].", "It weighs {k} kilos."]),
    "apology": (
        "[apologises|says sorry|contains an apology]",
        ["[We are sorry|We apologise|Please forgive us|I regret] [for the delay|that the {p} was late|for this mistake].", "Sorry about the {p}."],
    ),
    "thanks": ("[thanks the reader|says thank you|contains thanks]", ["[Thank you|Many thanks|We are grateful] for [your order|your patience|the {p}]."]),
    "question": ("[asks a question|contains a question]", ["[Which colour|What size|How many] would you like?", "Do you still need the {p}?", "When does it suit you?"]),
    "greeting": ("[greets the reader|begins with a greeting]", ["[Hello|Dear {n}|Good morning], [we have news|your {p} is ready|here is the plan]."]),
    "warranty": ("[mentions|speaks of] the [warranty|guarantee]", ["It comes with [two|three|five] years of [warranty|guarantee].", "The warranty covers the {p}."]),
    "colour": ("[names|mentions] a colour", ["The {p} is {o}.", "We painted it {o}."]),
    "contact": ("[gives|contains] [an email address|a way to contact us]", ["[Write to|You can reach us at|Mail] {e}."]),
    "refusal": ("[refuses|says no to] the request", ["[Unfortunately|Sorry, but] we [cannot|can't] [do that|send the {p}|help you].", "[That is not possible|We have to decline]."]),
    "praise": ("[praises|speaks well of] the product", ["[A wonderful|An excellent|The best] {p} [we know|on the market].", "The {p} is [great|superb|a joy]."]),
    "reason": ("[gives|contains] a reason", ["It is late because [the {p} broke|of the snow|nobody came].", "We closed [since|as] the {p} was broken."]),
}
PLAIN = [
    "The {p} is [on the table|heavy|made of wood].",
    "[It|This] is [a|our] {p}.",
    "[People use it every day|Nothing happened|It works well enough|The box was empty].",
    "The {p} [stands|lies] in the corner.",
]
ASK = [
    "[Criterion|Rule|Requirement|Rubric]: the [text|sentence|draft|reply|answer] {f}.\n[Text|Sentence|Draft|Reply|Answer]: {t}[\nDoes it pass?|\nPassed?|]",
    "{t}\n\nDoes [this|the text|the sentence|the draft] [meet this rule|pass]: it {f}?",
    "[Check|Judge|Grade] [the|this] [draft|text|reply]: it must be one that {f}.\n\n{t}",
    "Does the [text|draft|reply] do this: it {f}?\n\n{t}",
    "[Draft|Text]: {t}\n\n[True or false|Yes or no]: the text {f}.",
    "{t}\n\nIs it true that this text {f}? Answer yes or no.",
]


def _values(rng: random.Random) -> dict[str, str]:
    return {
        "p": str(w.words(w.PRODUCTS)(rng)), "m": str(w.money(3, 900)(rng)), "d": str(w.date(rng)), "t": str(w.clock(rng)), "n": str(w.person(rng)),
        "c": str(w.words(w.CITIES)(rng)), "k": str(rng.randint(2, 95)), "o": rng.choice(w.COLOURS), "e": str(w.email(rng)),
    }  # fmt: skip


def features(rng: random.Random) -> Example:
    """Return a text of one to three sentences and a criterion that it meets or doesn't."""
    wanted = rng.choice(list(FEATURES))
    passes = rng.random() < 0.5
    near = {"number": {"price", "date", "time", "warranty"}, "price": {"number"}, "person": {"greeting", "contact"}, "place": set(), "reason": set()}
    others = [name for name in FEATURES if name != wanted and name not in near.get(wanted, set()) and wanted not in near.get(name, set())]
    sentences = [say(rng, rng.choice(FEATURES[name][1]), _values(rng)) for name in rng.sample(others, rng.choice([0, 0, 1, 1, 2]))]
    if (not sentences and not passes) or rng.random() < 0.4:
        sentences.append(say(rng, rng.choice(PLAIN), _values(rng)))
    said = ""
    if passes:
        said = say(rng, rng.choice(FEATURES[wanted][1]), _values(rng))
        sentences.insert(0 if wanted == "greeting" else rng.randint(0, len(sentences)), said)
    if wanted in ("person", "number") and not passes:
        # The other sentences contain names and numbers.
        sentences = [say(rng, rng.choice(PLAIN), _values(rng)) for _ in range(rng.choice([1, 2]))]
    return _judged(rng, fill(choose(rng, rng.choice(ASK)), {"f": choose(rng, FEATURES[wanted][0]), "t": " ".join(sentences)}), passes, said)


def mention(rng: random.Random) -> Example:
    """Return a text, and whether it contains a certain name, number or fact, or means the same as a reference."""
    values, other = _values(rng), _values(rng)
    kind = rng.choice(["p", "m", "d", "n", "c", "k", "t"])
    frame = {
        "p": "[We sell|I like|Here is] the {p}.",
        "m": "It costs {m}.",
        "d": "The [fair|course|sale] is on {d}.",
        "n": "{n} [wrote|sent|brought] it.",
        "c": "It [comes from|happened in] {c}.",
        "k": "It weighs {k} kilos.",
        "t": "It begins at {t}.",
    }[kind]
    passes = rng.random() < 0.5
    wanted = values[kind] if passes else other[kind]
    if (wanted == values[kind]) != passes:
        return mention(rng)
    text = " ".join(rng.sample([say(rng, frame, values), say(rng, rng.choice(PLAIN), values)], 2)) if rng.random() < 0.5 else say(rng, frame, values)
    form = rng.choice(
        [
            "Does the [text|draft|summary|reply] [mention|name|contain|keep] {w}?\n\n{t}",
            "[Criterion|Rule]: the text mentions {w}.\n[Text|Draft]: {t}\n[Does it pass?|Passed?]",
            "[Source|Facts]: {s}\n[Summary|Draft]: {t}\n\n[Is the summary right|Does the draft agree with the source|Are they the same]?",
            "[The right answer is|Reference]: {w}. The student [wrote|answered]: {v}. [Is that right|Is the student right|Correct]?",
            "Question: {q}\n[Expected|Right answer]: {w}\n[Given|Answer]: {v}\n[Is it correct|Same]?",
        ]
    )
    shown = {
        "w": wanted,
        "t": text,
        "v": values[kind] if rng.random() < 0.6 else say(rng, "[about|I think|it is] {x}", {"x": values[kind]}),
        "s": say(rng, frame, {**values, kind: wanted}),
        "q": "What is it?",
    }
    return _judged(rng, fill(choose(rng, form), shown), passes, say(rng, frame, values))


def _judged(rng: random.Random, prompt: str, passes: bool, said: str) -> Example:
    messages = [user(prompt)]
    if rng.random() < 0.15:
        messages.insert(0, system(say(rng, "[You are a strict grader|You judge drafts|You check texts].")))
    yes = "yes" if passes else "no"
    style = rng.random()
    if style < 0.25:
        return Example("grade", messages, plain(yes.capitalize() + rng.choice([".", ""])))
    key = rng.choice("passes pass passed ok correct right fulfilled accepted met valid".split())
    answer: dict[str, object] = {key: passes} if style < 0.7 else {rng.choice("answer verdict result grade judgement".split()): rng.choice([yes, yes, "pass" if passes else "fail"])}
    if rng.random() < 0.2:
        answer["reason"] = (f"The text says: {said}" if said else "The text has it.") if passes else "The text does not have it."
    return Example("grade", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield (features if rng.random() < 0.6 else mention)(rng)
