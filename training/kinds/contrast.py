"""Texts with two values of the same kind, only one of which answers the question or fits the key."""

import random
from collections.abc import Iterator

from training import words as w
from training.example import Example, assistant, json_answer, plain, user
from training.frames import Value, choose, fill, say
from training.kinds.context import ASK
from training.kinds.extract import asked

_THINGS = [w.words(w.FIRST), w.words(w.CITIES), w.whole(2, 95, spelled=0.15), w.money(2, 900), w.clock, w.date, w.words(w.DAYS), w.words(w.COLOURS), w.words(w.JOBS), w.year]
NAME, CITY, NUMBER, MONEY, CLOCK, DATE, DAY, COLOUR, JOB, YEAR = _THINGS

# Each entry: the kinds of its slots, the text, and for each slot the questions and keys that refer to it.
CONTRASTS: list[tuple[dict[str, w.Make], str, dict[str, tuple[str, str]]]] = [
    (
        {"a": MONEY, "b": MONEY},
        "[A ticket|Entry|The tour|A ride] costs {a} for adults and {b} for children[ under twelve|].",
        {
            "a": ("[What does an adult pay|How much is it for a grown-up]?", "adult_price price_adult adults"),
            "b": ("[What does a child pay|How much do kids pay|What is the price for children]?", "child_price price_child children"),
        },
    ),
    (
        {"a": CITY, "b": CITY},
        "[We|Our office|The company|My aunt] moved from {a} to {b}[ last year| in spring|].",
        {
            "a": ("[Where was it before|Where did they live before|What was the old place]?", "old_city from previous moved_from"),
            "b": ("[Where is it now|Where do they live now|What is the new place]?", "new_city to current moved_to"),
        },
    ),
    (
        {"a": DAY, "b": DAY},
        "The [meeting|match|lesson|party|trip] was moved from {a} to {b}.",
        {"a": ("[When was it planned at first|What was the first date]?", "old_day original_day from"), "b": ("[When does it take place now|When is it now|What is the new day]?", "new_day day to")},
    ),
    (
        {"a": CLOCK, "b": CLOCK},
        "[The shop|The pool|The office|It] opens at {a} on weekdays and at {b} on Sundays.",
        {
            "a": ("[When does it open on a Tuesday|At what time does it open in the week]?", "weekday_opening weekdays"),
            "b": ("[When does it open on Sundays|At what time can I go on Sunday]?", "sunday_opening sunday"),
        },
    ),
    (
        {"x": NAME, "a": NUMBER, "y": NAME, "b": NUMBER},
        "{x} [picked|sold|planted|read|baked] {a} [apples|books|trees|cakes] and {y} {b}.",
        {
            "a": ("How many [were {x}'s|did {x} have]?", "first_count count_1"),
            "b": ("How many [were {y}'s|did {y} have]?", "second_count count_2"),
            "x": ("Who [had|got] {a}?", "first_person person_1"),
            "y": ("Who [had|got] {b}?", "second_person person_2"),
        },
    ),
    (
        {"x": NAME, "a": CITY, "y": NAME, "b": CITY},
        "{x} lives in {a}, but {y} lives in {b}.",
        {
            "a": ("Where does {x} live?", "first_city city_1"),
            "b": ("[Where is {y} at home|Where does {y} live]?", "second_city city_2"),
            "x": ("Who lives in {a}?", "first_person"),
            "y": ("Who lives in {b}?", "second_person"),
        },
    ),
    (
        {"x": NAME, "a": JOB, "y": NAME, "b": JOB},
        "{x} is a[n|] {a} and {y} [is|works as] a[n|] {b}.",
        {
            "x": ("Who is the {a}?", "first_name name_1"),
            "y": ("Who is the {b}?", "second_name name_2"),
            "a": ("What does {x} do[ for a living|]?", "first_job job_1"),
            "b": ("[What is {y}'s job|What does {y} do]?", "second_job job_2"),
        },
    ),
    (
        {"x": NAME, "y": NAME},
        "{x} [gave|sent|sold|lent] {y} [a book|the car|a letter|the keys].",
        {"x": ("Who [gave it away|did it come from]?", "giver sender from_person seller"), "y": ("Who [got|received] it?", "receiver recipient to_person buyer")},
    ),
    ({"x": NAME, "y": NAME}, "{x} is older than {y}.", {"x": ("Who [is older|was born first]?", "older elder"), "y": ("Who is [younger|the younger one]?", "younger")}),
    ({"x": NAME, "y": NAME}, "{x} is taller than {y}.", {"x": ("Who is [taller|the tall one]?", "taller"), "y": ("Who is [shorter|smaller]?", "shorter")}),
    (
        {"x": NAME, "y": NAME},
        "{x} [was faster than|beat|came in before] {y}[ in the race|].",
        {"x": ("Who [won|came first|was faster]?", "winner first"), "y": ("Who [lost|was slower|came second]?", "loser second")},
    ),
    (
        {"a": DATE, "b": DATE},
        "The [course|exhibition|lease|holiday|contract] [runs|lasts] from {a} to {b}.",
        {"a": ("[When does it begin|What is the first day]?", "start start_date begins from"), "b": ("[When is it over|When does it end|What is the last day]?", "end end_date until")},
    ),
    (
        {"a": CLOCK, "b": CLOCK},
        "The [train|bus|ferry|plane] leaves at {a} and arrives at {b}.",
        {
            "a": ("[When does it set off|When do I have to be there|When does it start]?", "departure leaves departure_time"),
            "b": ("[When do I get there|When does it get in|What is the arrival time]?", "arrival arrives arrival_time"),
        },
    ),
    (
        {"a": MONEY, "b": MONEY},
        "[The price|It] was {a}, now it is [only |]{b}.",
        {
            "a": ("[What did it cost before|What was the old price]?", "old_price before regular_price"),
            "b": ("[What does it cost now|How much is it today]?", "new_price price current_price sale_price"),
        },
    ),
    (
        {"a": NUMBER, "b": NUMBER},
        "[The hotel|The house|The school|The ship] has {a} [rooms|cabins] and {b} [parking spaces|bathrooms].",
        {"a": ("How many [rooms|cabins] are there?", "rooms number_of_rooms"), "b": ("How many of the others are there, not rooms?", "others spaces")},
    ),
    (
        {"a": NUMBER, "b": NUMBER},
        "{a} people [voted|were] for the plan and {b} against it.",
        {"a": ("How many [wanted it|were in favour|said yes]?", "yes in_favour for_votes"), "b": ("How many [were against it|said no]?", "no against against_votes")},
    ),
    (
        {"a": COLOUR, "b": COLOUR},
        "The [door|roof|car|hat] is {a} and the [window|fence|scarf|bag] is {b}.",
        {"a": ("What colour is the first thing?", "first_color color_1"), "b": ("What colour is the second thing?", "second_color color_2")},
    ),
    (
        {"a": MONEY, "b": MONEY, "c": MONEY},
        "[Subtotal|Net] {a}, [VAT|tax] {b}, [total|sum] {c}.",
        {"a": ("What is the amount before tax?", "subtotal net net_amount"), "b": ("How much is the tax?", "tax vat tax_amount"), "c": ("How much is to be paid[ in all|]?", "total sum gross")},
    ),
    (
        {"a": NUMBER, "b": NUMBER, "c": NUMBER},
        "[You need|Take|Mix] {a} g flour, {b} g butter and {c} g sugar.",
        {
            "a": ("How much flour [is needed|does it take]?", "flour flour_g grams_flour"),
            "b": ("How much butter [is needed|goes in]?", "butter butter_g"),
            "c": ("How much sugar [is needed|does it take]?", "sugar sugar_g"),
        },
    ),
    ({"a": NUMBER, "b": NUMBER}, "Bake [it |]for {a} minutes at {b}0 degrees.", {"a": ("How long [does it stay in the oven|is it baked]?", "minutes time baking_time")}),
    (
        {"x": NAME, "y": NAME, "a": DAY},
        "{x} can't come on {a} because {y} is ill.",
        {"x": ("Who stays away?", "absent person"), "y": ("Who is [ill|sick]?", "patient ill"), "a": ("On which day is it?", "day")},
    ),
    (
        {"x": NAME, "a": YEAR, "b": YEAR},
        "{x} was born in {a} and [died|married|moved abroad] in {b}.",
        {"a": ("[When was the birth|In which year was {x} born]?", "born birth_year"), "b": ("What year was the second event?", "later second_year")},
    ),
    (
        {"a": CITY, "b": CITY, "x": NAME},
        "{x} was born in {a} and grew up in {b}.",
        {"a": ("What is {x}'s place of birth?", "birthplace born_in"), "b": ("Where did {x} spend the childhood?", "grew_up childhood")},
    ),
    ({"x": NAME, "y": NAME}, "{x} wrote the book and {y} drew the pictures.", {"x": ("Who is the author?", "author writer"), "y": ("Who [illustrated it|made the drawings]?", "illustrator artist")}),
    (
        {"a": NUMBER, "b": NUMBER},
        "In [May|winter|the first week] there were {a} visitors, in [June|summer|the second week] {b}.",
        {"a": ("How many came first?", "first_count"), "b": ("How many came later?", "second_count")},
    ),
    (
        {"x": NAME, "y": NAME, "a": NUMBER},
        "{x} is {a}[ years old|], her brother {y} is two years older.",
        {"a": ("How old is {x}?", "age"), "y": ("[Who is {x}'s brother|What is the brother called]?", "brother"), "x": ("Who is the sister of {y}?", "sister name")},
    ),
]
BECAUSE = [
    (
        "The [match|flight|concert|trip] was cancelled because of {r}.",
        ["heavy snow", "a storm", "the strike", "an illness", "a power cut", "thick fog"],
        "Why [was it cancelled|did it not take place]?",
    ),
    ("{x} was late because {r}.", ["the bus broke down", "the alarm did not ring", "the road was closed", "the keys were lost", "a tyre was flat"], "Why was {x} late?"),
    ("The [shop|library|bridge] is closed since {r}.", ["the roof leaks", "the heating failed", "nobody pays for it", "the walls are damp"], "Why is it closed?"),
    ("{x} sold the [house|car|boat] because {r}.", ["it was too small", "money was short", "the repairs cost too much", "nobody used it"], "[What was the reason for the sale|Why did {x} sell it]?"),
]


def _values(rng: random.Random, makers: dict[str, w.Make]) -> dict[str, Value]:
    values = {slot: make(rng) for slot, make in makers.items()}
    return values if len({value.text for value in values.values()}) == len(values) else _values(rng, makers)


def drawn(rng: random.Random) -> tuple[str, list[tuple[str, Value, str]]]:
    """Return a text, and its facts as (question, value, keys)."""
    makers, frame, means = rng.choice(CONTRASTS)
    values = _values(rng, makers)
    return say(rng, frame, values), [(say(rng, question, values), values[slot], keys) for slot, (question, keys) in means.items()]


def question(rng: random.Random) -> Example:
    """Return a text and a question about one of its values."""
    if rng.random() < 0.15:
        frame, reasons, ask = rng.choice(BECAUSE)
        values = {"x": rng.choice(w.FIRST), "r": rng.choice(reasons)}
        text, asking, answer = say(rng, frame, values), say(rng, ask, values), f"Because {'of ' if 'because of' in frame else ''}{values['r']}."
    else:
        text, facts = drawn(rng)
        asking, value, _ = rng.choice(facts)
        answer = rng.choice([value.text, f"{value.text[:1].upper()}{value.text[1:]}."])
    if rng.random() < 0.4:
        more, _ = drawn(rng)
        text = rng.choice([f"{text} {more}", f"{more} {text}"]) if not set(more.split()) & set(text.split()) & set(w.FIRST) else text
    if rng.random() < 0.15:
        messages = [user(text), assistant("Noted."), user(asking)]
    else:
        messages = [user(fill(choose(rng, rng.choice(ASK)), {"text": text, "question": asking}))]
    return Example("context", messages, plain(answer))


def fields(rng: random.Random) -> Example:
    """Return a text and some of its values, under keys that distinguish them."""
    text, facts = drawn(rng)
    chosen = rng.sample(facts, rng.randint(1, len(facts)))
    answer = {rng.choice(keys.split()): value.json if rng.random() < 0.5 else value.text for _, value, keys in chosen}
    if len(answer) < len(chosen):
        return fields(rng)
    messages = asked(rng, text, list(answer), "text")
    return Example("extract", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield (question if rng.random() < 0.6 else fields)(rng)
