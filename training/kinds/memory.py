"""Facts from an earlier turn of the conversation, among others that distract."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from training import words as w
from training.example import Example, Message, assistant, plain, system, user
from training.frames import say
from training.kinds.chat import short
from training.kinds.context import sentences


@dataclass(frozen=True)
class Fact:
    """A fact about a user: statements of it, replies to it, questions about it, and answers."""

    name: str
    make: w.Make
    tells: str
    back: str
    asks: str
    answer: str


FACTS = [
    Fact(
        "name",
        w.words(w.FIRST),
        "[My name is|I am|I'm|Call me|This is|They call me|People call me] {v}.",
        "[Nice to meet you|Hello|Pleased to meet you|Hi], {v}[!|.]",
        "[What is my name|What's my name|Who am I|Do you [remember|know] my name|How am I called|What did I say my name was]?",
        "[Your name is {v}|You are {v}].",
    ),
    Fact(
        "city",
        w.words(w.CITIES),
        "I [live in|am from|moved to|come from] {v}.",
        "{v} is a [lovely|nice|great] city[!|.]",
        "[Where do I live|Which city do I live in|Where am I from|What is my home town|In which town is my home]?",
        "You [live in|are from] {v}.",
    ),
    Fact(
        "job",
        w.words(w.JOBS),
        "I [am|work as] a[n|] {v}.",
        "[That sounds interesting|Good to know|What a fine job].",
        "[What is my job|What do I do for a living|What is my profession|How do I earn my money]?",
        "You are a {v}.",
    ),
    Fact(
        "pet",
        w.words(w.PET_NAMES),
        "My [dog|cat|rabbit|horse|parrot] is [called|named] {v}.",
        "{v} is a [cute|lovely|good] name.",
        "[What is my pet called|What is the name of my pet|How is my [animal|pet] called]?",
        "Your pet is called {v}.",
    ),
    Fact(
        "colour",
        w.words(w.COLOURS),
        "My favourite [colour|color] is {v}.",
        "{v} is a [beautiful|nice] colour.",
        "[What is my favourite colour|Which colour do I like best|What's my favorite color]?",
        "Your favourite colour is {v}.",
    ),
    Fact(
        "food",
        w.words(w.FOODS),
        "[I love|My favourite food is|The dish I like best is] {v}.",
        "[Delicious|Good choice|Tasty]!",
        "[What is my favourite food|What do I like to eat|Which dish do I like best]?",
        "[You like|Your favourite food is] {v}.",
    ),
    Fact("age", w.whole(18, 90, spelled=0), "I am {v}[ years old|].", "[Thank you for telling me|Good to know].", "[How old am I|What is my age]?", "You are {v} years old."),
    Fact(
        "birthday", w.date, "[My birthday is on|I was born on] {v}.", "[I will remember that|Noted].", "[When is my birthday|When was I born|On which day is my birthday]?", "Your birthday is on {v}."
    ),
    Fact(
        "allergy",
        w.words(["nuts", "milk", "eggs", "pollen", "cats", "shellfish", "wheat", "strawberries"]),
        "I am allergic to {v}.",
        "[I'll keep that in mind|Noted, no {v}].",
        "[What am I allergic to|Which allergy do I have|What must I avoid]?",
        "You are allergic to {v}.",
    ),
    Fact(
        "hobby",
        w.words(w.HOBBIES),
        "[My hobby is|In my free time I enjoy|I like] {v}.",
        "{v} is [fun|a great hobby].",
        "[What is my hobby|What do I do in my free time|What do I enjoy]?",
        "[Your hobby is|You enjoy] {v}.",
    ),
    Fact("instrument", w.words(w.INSTRUMENTS), "I play the {v}.", "[How nice|That is wonderful].", "[Which instrument do I play|What do I play]?", "You play the {v}."),
    Fact(
        "sister",
        w.words(w.FIRST),
        "My [sister|brother|daughter|son|wife|husband|boss|friend] is [called|named] {v}.",
        "[Good to know|Nice name].",
        "[Who did I tell you about|Which name did I tell you|What name did I mention]?",
        "You told me about {v}.",
    ),
    Fact(
        "code",
        w.code,
        "[The code|The password|My password|The secret code|The access code] is {v}.",
        "[I'll remember it|Noted].",
        "[What is the code|What was the code|Tell me the [code|password]|What is the password]?",
        "[The code|It] is {v}.",
    ),
    Fact(
        "room",
        w.whole(101, 980, spelled=0),
        "[My room is|I am in room|I stay in room] {v}.",
        "[Thank you|Noted].",
        "[Which room am I in|What is my room number]?",
        "[You are in room|Your room is] {v}.",
    ),
    Fact("flight", w.code, "[I'm on|My flight is|I take] flight {v}.", "[Have a good trip|Noted].", "[Which flight do I take|What is my flight number]?", "[Your flight is|You are on flight] {v}."),
    Fact(
        "budget",
        w.money(40, 4000),
        "[My budget is|I can spend|I want to spend] {v}.",
        "[Good to know|Noted].",
        "[What is my budget|How much can I spend|How much money do I have]?",
        "[Your budget is|You can spend] {v}.",
    ),
    Fact(
        "meeting",
        w.clock,
        "[My meeting is|The meeting starts|I have a meeting] at {v}.",
        "[Noted|I will remember that].",
        "[When is my meeting|At what time is the meeting]?",
        "[Your|The] meeting is at {v}.",
    ),
    Fact(
        "car",
        w.words([f"{c} {k}" for c in w.COLOURS for k in ("van", "truck", "estate car", "convertible", "minibus")]),
        "I drive a {v}.",
        "[Drive safely|A fine car].",
        "[What do I drive|What kind of car do I have|Which car do I drive]?",
        "You drive a {v}.",
    ),
    Fact(
        "language",
        w.words(w.LANGUAGES),
        "[I speak|My mother tongue is|I am learning] {v}.",
        "[Great|How interesting].",
        "[Which language do I speak|What language did I mention]?",
        "[You speak|The language is] {v}.",
    ),
    Fact("size", w.whole(34, 48, spelled=0), "My shoe size is {v}.", "[Noted|Thank you].", "[What is my shoe size|Which size are my shoes]?", "Your shoe size is {v}."),
    Fact("company", w.words(w.COMPANIES), "I work [for|at] {v}.", "[Good to know|I see].", "[Where do I work|Which company do I work for|Who is my employer]?", "You work for {v}."),
    Fact("drink", w.words("tea coffee cocoa lemonade water milk juice".split()), "I [always|only] drink {v}.", "[Cheers|Good choice].", "[What do I drink|Which drink do I like]?", "You drink {v}."),
    Fact("team", w.words(w.TEAMS), "[I support|My team are] the {v}.", "[Go {v}|What a team]!", "[Which team do I support|What is my team]?", "You support the {v}."),
    Fact(
        "number",
        w.whole(3, 99, spelled=0),
        "[My lucky number is|Remember the number|The number is] {v}.",
        "[I'll remember it|Noted].",
        "[What is my lucky number|Which number did I tell you|What was the number]?",
        "[The number|It] is {v}.",
    ),
    Fact(
        "word",
        w.words("lantern marble thunder velvet harbour saffron copper meadow anchor compass feather willow".split()),
        "[The [code|secret|magic] word is|Remember the word|The password is] {v}.",
        "[I'll remember it|Noted].",
        "[What is the [code|secret|magic|] word|Which word did I tell you|What was the word|Repeat the word]?",
        "[The word|It] is {v}.",
    ),
]
PREFACE = [
    "{tell}",
    "{tell}",
    "{tell}",
    "[Hello|Hi]! {tell}",
    "[Please remember|Remember|For your notes|Just so you know|Keep in mind]: {tell}",
    "{tell} [Please remember that|Remember this|Keep that in mind].",
]
SYSTEM = ["You are a [helpful|friendly] assistant.", "[Remember|Keep in mind] what the user tells you.", "[Answer briefly|Be brief]."]
KEEP = ["[Noted|I'll remember that|Thank you, noted|Understood]."]


def one(rng: random.Random) -> Example:
    """Return a conversation of two to five turns whose last question asks about an earlier fact."""
    facts = rng.sample(FACTS, rng.choice([1, 1, 1, 2, 2, 3]))
    values = {fact.name: fact.make(rng).text for fact in facts}
    messages: list[Message] = [system(say(rng, rng.choice(SYSTEM)))] if rng.random() < 0.25 else []
    together = len(facts) > 1 and rng.random() < 0.4
    told = [say(rng, fact.tells, {"v": values[fact.name]}) for fact in facts]
    if together:
        messages += [user(" ".join(told)), assistant(say(rng, facts[0].back, {"v": values[facts[0].name]}))]
    for fact, tell in zip(facts, told, strict=True):
        if not together:
            messages.append(user(say(rng, rng.choice(PREFACE), {"tell": tell})))
            messages.append(assistant(say(rng, rng.choice([fact.back, fact.back, *KEEP]), {"v": values[fact.name]})))
        if rng.random() < 0.25:
            question, answer = short(rng)
            messages += [user(question), assistant(answer)]
    wanted = rng.choice(facts)
    question = say(rng, wanted.asks, {})
    if rng.random() < 0.15:
        question = rng.choice(["And now: ", "One more thing. ", "By the way, ", "Tell me: "]) + question
    answer = say(rng, wanted.answer, {"v": values[wanted.name]})
    return Example("memory", [*messages, user(question)], plain(answer), learn_earlier=True)


def about_others(rng: random.Random) -> Example:
    """Return a conversation whose first turn describes something, and a later one asks about it."""
    texts, known, _ = sentences(rng, rng.randint(1, 2))
    question, value, sentence = rng.choice(known)
    messages = [user(" ".join(texts)), assistant(say(rng, rng.choice(KEEP)))]
    if rng.random() < 0.4:
        other, answer = short(rng)
        messages += [user(other), assistant(answer)]
    answer = sentence if sentence.endswith(".") and rng.random() < 0.6 else f"{value[:1].upper()}{value[1:]}."
    return Example("memory", [*messages, user(question)], plain(answer), learn_earlier=True)


def told(rng: random.Random) -> Example:
    """Return only the first turn: a statement by the user, and an answer that acknowledges it."""
    fact = rng.choice(FACTS)
    value = fact.make(rng).text
    tell = say(rng, rng.choice(PREFACE), {"tell": say(rng, fact.tells, {"v": value})})
    return Example("memory", [user(tell)], plain(say(rng, rng.choice([fact.back, *KEEP]), {"v": value})))


THINGS = "locker desk bike garage mailbox seat ticket table platform house bus gate key shelf parking box".split()


def numbered(rng: random.Random) -> Example:
    """Return two or three things with numbers or codes, each in its own turn, and the question about one."""
    things = rng.sample(THINGS, rng.randint(2, 3))
    values = [str(rng.choice([w.whole(2, 990, spelled=0), w.code])(rng)) for _ in things]
    messages: list[Message] = []
    for thing, value in zip(things, values, strict=True):
        messages += [user(say(rng, "[My {t} has the number|My {t} is number|The number of my {t} is|The code of the {t} is] {v}.", {"t": thing, "v": value})), assistant(say(rng, rng.choice(KEEP)))]
    at = rng.randrange(len(things))
    question = say(rng, "[What is the [number|code] of my {t}|Which number has my {t}|What number is my {t}]?", {"t": things[at]})
    return Example("memory", [*messages, user(question)], plain(say(rng, "[It is|Your {t} has the number|The number of your {t} is] {v}.", {"t": things[at], "v": values[at]})), learn_earlier=True)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([one, about_others, told, numbered], [0.66, 0.18, 0.06, 0.1])[0](rng)
