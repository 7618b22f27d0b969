"""Work on the letters of a given text: repeat it, write it in capitals, mend its spelling, pick one of its words; small sums and sequences."""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache

from training import words as w
from training.example import Example, plain, system, user
from training.frames import choose
from training.written import slots
from training.written.texts import load

SYSTEM = ["[Do|Follow] exactly what [is asked|people ask for].", "You [edit|proofread|work on] texts.", "[Answer|Reply] with the result [only|and nothing else]."]

SAME = [
    "[Copy|Echo] {t}", "{t} - [the same again|once more], please", "[Give|Hand] me back this text [as it is|unchanged]: {t}", "[Type|Print] \"{t}\"[, nothing else|]",
    "[Your whole answer|The reply] [is to|should] be: {t}", "parrot: {t}", "[I say|When I say] '{t}', you say[ the same|]:", "Don't change a letter of it: {t}",
]  # fmt: skip
CAPITALS = [
    "{t} [-> upper case|in upper-case letters|(shout it)|=> CAPS]", "[Make|Turn] {t} [upper case|all caps]", "[UPPERCASE|Caps lock]: {t}", "[Shout|Yell]: {t}",
    "[Give|Show] me {t} in [big|capital] letters[ only|]", "How does \"{t}\" look in [capitals|upper case]?", "[For a sign|For the poster], [with every letter capital|in caps throughout]: {t}",
]  # fmt: skip
SMALL = ["{t} [-> lower case|without capitals]", "[lowercase|small letters][ only|]: {t}", '[Make|Turn] "{t}" [lower case|small]', "[Calmer|Quieter], in small letters: {t}"]
SPELLING = [
    "[typos|mistakes|errors]? {t}", "{t}\n[Correct|Fix|Mend] [the typos|my spelling|every mistake].", "[Clean this up|Proofread this|Correct this line]: {t}", "{t} [- spelling ok?|(spell check)|<- any typos?]",
    "[Which words are wrong|I typed too fast]. [Right version|Please correct]: {t}", "autocorrect: {t}", "[My keyboard is bad|Sorry for the spelling], [write it properly|put it right]: \"{t}\"",
]  # fmt: skip
QUOTED = ["In quotation marks: {t}", "Put quotes around {t}", "{t} [with|in] quotes"]
FIRST_WORD = ['[First|Opening] word of "{t}"?', "[With which word does|How does] this [begin|start]? {t}", "{t}\n[Only the first word|The first word of that], please."]
LAST_WORD = ['[Last|Final] word of "{t}"?', "[With which word|On what word] does this end? {t}", "{t}\n[Only the last word|The last word of that], please."]
COUNT = ['How many words [has|are in] "{t}"?', "word count: {t}", "{t}\n[Number of words|How many words is that]?"]

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
_THINGS = (
    "marbles|plates|bottles|candles|buttons|lemons|onions|shirts|spoons|letters|nails|bulbs|ducks|sheep|students|guests|points|goals|steps|litres|"
    "melons|peaches|cakes|lamps|chairs|tables|towels|bricks|trees|cows|hens|bees|cars|trains|seats|rooms|doors|jars|brushes|glasses|potatoes|photos|songs|games"
).split("|")


@cache
def correct_lines() -> list[str]:
    """Return the sentences of four to eleven words in the texts of the training that are spelled right."""
    texts = [item["text"] for name in ("passages", "business_texts") for item in load(name) if "[" not in item["text"]]
    sentences = [sentence for text in texts for sentence in re.split(r"(?<=[.?!])\s+|\n", text)]
    return [one for one in sentences if one[:1].isupper() and one[-1:] in ".?!" and 4 <= len(one.split()) <= 11 and '"' not in one]


def mistyped(rng: random.Random, word: str) -> str:
    """Return `word` with a mistake as people type it: letters swapped, left out, doubled, or replaced by one that sounds alike."""
    at = rng.randrange(1, len(word) - 1)
    alike = _alike(word)
    if alike and rng.random() < 0.5:
        old, new = rng.choice(alike)
        return word.replace(old, new, 1)
    return rng.choice([word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]])


def _alike(word: str) -> list[tuple[str, str]]:
    pairs = "ie:ei ei:ie tt:t ll:l ss:s mm:m rr:r pp:p nn:n ee:ea ea:ee ou:o ck:k ph:f able:ible ant:ent ent:ant ence:ance gh:g ight:ite y:i ai:a ure:er"
    return [(old, new) for old, _, new in (pair.partition(":") for pair in pairs.split()) if old in word[1:]]


def phrase(rng: random.Random) -> str:
    """Return one to five words, with names, codes and numbers among them."""
    if rng.random() < 0.2:
        kinds = rng.sample(["code", "person", "brand", "city", "email", "venue", "company", "time", "file"], rng.choice([1, 1, 2]))
        return " ".join(value.text for value in slots.draw(rng, kinds).values())
    words = [w.invented(rng) if rng.random() < 0.2 else rng.choice(w.VOCABULARY or w.PRODUCTS) for _ in range(rng.choice([1, 2, 2, 3, 4, 5]))]
    if rng.random() < 0.15:
        words[rng.randrange(len(words))] = str(rng.randint(2, 999))
    return " ".join(words) + rng.choice(["", "", "", "!", "."])


def line(rng: random.Random) -> str:
    frame = rng.choice(correct_lines())
    return slots.said(frame, slots.draw(rng, slots.names(frame)))


def _asked(rng: random.Random, frames: list[str], text: str) -> str:
    return choose(rng, rng.choice(frames)).replace("{t}", text)


def letters(rng: random.Random) -> tuple[str, str]:
    """Return a request to repeat a text, or to write it in other letters."""
    text = line(rng) if rng.random() < 0.2 else phrase(rng)
    kind = rng.choices(["same", "capitals", "small", "quoted"], [0.45, 0.38, 0.12, 0.05])[0]
    if kind == "same":
        return _asked(rng, SAME, text), text
    if kind == "capitals":
        return _asked(rng, CAPITALS, text), text.upper()
    if kind == "small":
        return _asked(rng, SMALL, text.upper() if rng.random() < 0.7 else text.title()), text.lower()
    return _asked(rng, QUOTED, text), f'"{text}"'


def spelling(rng: random.Random) -> tuple[str, str]:
    """Return a text with one to three mistakes, and the right one."""
    right = line(rng) if rng.random() < 0.7 else rng.choice(w.VOCABULARY or ["kitchen"])
    places = [match for match in re.finditer(r"(?<![\w@.'-])[a-z]{4,}(?![\w@'-])", right)]
    if not places:
        return spelling(rng)
    wrong = right
    for match in sorted(rng.sample(places, min(len(places), rng.choice([1, 1, 2, 3]))), key=lambda one: -one.start()):
        wrong = wrong[: match.start()] + mistyped(rng, match[0]) + wrong[match.end() :]
    return _asked(rng, SPELLING, wrong), right


def parts(rng: random.Random) -> tuple[str, str]:
    """Return a question about the words of a text."""
    words = [rng.choice(w.VOCABULARY or w.PRODUCTS).split()[0] for _ in range(rng.randint(2, 6))]
    text = " ".join(words)
    frames, answer = rng.choice([(FIRST_WORD, words[0]), (LAST_WORD, words[-1]), (COUNT, rng.choice([str(len(words)), f"{_NUMBERS[len(words)].capitalize()} words."]))])
    return _asked(rng, frames, text), answer


def _after(rng: random.Random, row: list[str], names: tuple[str, ...]) -> tuple[str, str]:
    at = rng.randrange(1, len(row) - 1)
    now, before, after = row[at], row[at - 1], row[at + 1]
    one = rng.choice(names)
    asks = [
        (f"[Which|What] {one} [follows|comes right after] {now}?", after), (f"the {one} after {now}", after), (f"{before}, {now}, ...?", after), (f"[We have|It's] {now}. [And next|Next {one}]?", after),
        (f"[Which|What] {one} comes [right|just] before {now}?", before), (f"the {one} before {now}", before), (f"{now} [has begun|is here]. Which {one} [has just ended|was it before]?", before),
        (f"{now} [has ended|is behind us]: [now it's|next comes] ...", after), (f"[Last|The last] {one} was {now}, [so this one is|and now it is] ...?", after),
    ]  # fmt: skip
    ask, answer = rng.choice(asks)
    return choose(rng, ask), rng.choice([answer, f"{answer}."])


def sequence(rng: random.Random) -> tuple[str, str]:
    """Return a question for the neighbour in a row of months, days, letters or numbers."""
    number = rng.randint(2, 60)
    rows: list[tuple[list[str], tuple[str, ...]]] = [
        (w.MONTHS, ("month",)), (w.MONTHS, ("month",)), (w.DAYS, ("day", "weekday")), (list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ("letter",)),
        ([str(number + i) for i in range(5)], ("number",)), (["spring", "summer", "autumn", "winter"], ("season",)),
    ]  # fmt: skip
    return _after(rng, *rng.choice(rows))


def told_sum(rng: random.Random) -> tuple[str, str]:
    """Return a small sum or difference in a sentence of everyday life."""
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    if rng.random() < 0.25:
        a, b = rng.randint(6, 20), rng.randint(1, 9)
    high, low = max(a, b), min(a, b)
    spell: Callable[[int], str] = (lambda number: _NUMBERS[number]) if rng.random() < 0.5 and max(a, b) <= 20 else str
    x, y, h, o = spell(a), spell(b), spell(high), spell(low)
    many = rng.choice(_THINGS)
    first, first2 = (value.text for value in slots.draw(rng, ["first", "first2"]).values())
    asks = [
        (f"{x} {many} plus {y} {many} [makes|gives|is]?", a + b, many), (f"[There were|We had] {x} {many}, [then|and] {y} more [came|arrived]. [Total|How many is that]?", a + b, many),
        (f"{first} has {x} {many}, {first2} has {y}. [Together|In total]?", a + b, many), (f"If you put {x} {many} and {y} {many} into one bag, [what's in it|how many does it hold]?", a + b, many),
        (f"{x} and {y} [more|on top] [make|is]?", a + b, ""), (f"[sum|add]: {x}, {y}", a + b, ""), (f"{x} [red|big] {many} and {y} [blue|small] ones - [count them all|all in all]?", a + b, many),
        (f"{h} {many}, {o} [got lost|break|were eaten]. [What's left|How many are left]?", high - low, many), (f"[I had|There were] {h} {many} and [gave away|sold] {o}. [Left|What do I have now]?", high - low, many),
        (f"{h} take away {o}", high - low, ""), (f"{first} has {h} {many} and {first2} {o}. How many more does {first} have?", high - low, many),
        (f"[Each|Every] [box|bag] has {x} {many}. {y.capitalize()} [boxes|bags] hold?", a * b, many) if a * b <= 81 else (f"{x} + {y}?", a + b, ""),
        (f"{a}*{b}", a * b, ""), (f"{x} by {y}, multiplied?", a * b, ""),
    ]  # fmt: skip
    ask, result, of = rng.choice(asks)
    said = _NUMBERS[result] if result <= 20 and spell is not str and rng.random() < 0.5 else str(result)
    return choose(rng, ask[:1].upper() + ask[1:]), rng.choice([said, f"{said}.", f"{said} {of}." if of else f"{said}."]).capitalize()


def one(rng: random.Random) -> Example:
    ask, answer = rng.choices([letters, spelling, parts, sequence, told_sum], [0.36, 0.22, 0.07, 0.1, 0.25])[0](rng)
    messages = [system(choose(rng, rng.choice(SYSTEM)))] if rng.random() < 0.12 else []
    return Example("copying", [*messages, user(ask)], plain(answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
