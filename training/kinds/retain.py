"""Ordinary requests that the untrained model answers itself, so that training doesn't degrade its ordinary answers."""

import random

from training import words as w
from training.facts import TOPICS
from training.frames import say
from training.kinds.extract import draw, passage

ASK = [
    "[Tell me|Write something|Say a few words] about {x}.",
    "[What do you know about|What is special about|Why do people like] {x}?",
    "[Write|Tell|Invent] a [short |]story about {x}.",
    "[Describe|Explain] {x}[ in two sentences| in simple words|].",
    "[Give me|Write down] [some|three] [ideas|tips|facts] about {x}.",
    "[Write|Compose] a [short poem|poem|letter|speech] about {x}.",
    "[How|Why] [should|can] [I|we] [use|take care of|look at] {x}?",
    "[What are the advantages|What are the good sides] of {x}?",
    "[Write|Give me] [a paragraph|two sentences] [about|on] {x}.",
    "[I'd like to learn about|Teach me about|Introduce me to] {x}.",
]


# Short questions, some of which the model can answer: it should keep that knowledge.
SHORT = [
    (
        "Who [wrote|is the author of] {x}?",
        "Faust|Moby-Dick|The Odyssey|Don Quixote|War and Peace|Pride and Prejudice|The Hobbit|1984|Oliver Twist|Frankenstein|Dracula|The Iliad|Emma|Ulysses|Little Women|Jane Eyre|The Trial|Walden|Candide|Animal Farm",
    ),
    ("Who [painted|made] {x}?", "Guernica|The Starry Night|The Scream|The Last Supper|The Night Watch|Water Lilies|The Birth of Venus|The Kiss"),
    (
        "Who [invented|discovered] {x}?",
        "the telephone|radium|the light bulb|gravity|the telescope|dynamite|the printing press|the steam engine|vaccination|the periodic table|X-rays|America|electricity|the radio",
    ),
    (
        "[What is|Explain] {x}[ in one sentence|][?|.]",
        "a volcano|an atom|inflation|democracy|a virus|a comet|a triangle|an algorithm|a black hole|evolution|a contract|a vitamin|an earthquake|energy|a sonnet|a robot|the internet|a computer|a satellite|a cell|a prime number|an eclipse|a glacier|oxygen|a synonym|a verb|a noun|a metaphor|recycling|climate",
    ),
    (
        "[What is|Give me] the [opposite|antonym] of {x}[?|.]",
        "brave|honest|polite|calm|ancient|generous|visible|careful|possible|legal|modern|smooth|public|simple|guilty|success|friend|victory|peace|arrival",
    ),
    ("[What is|Give me] a [synonym|word similar] for {x}[?|.]", "happy|angry|big|small|smart|fast|beautiful|tired|begin|end|help|answer|strange|brave|funny"),
    (
        "[Where|In which country] is {x}?",
        "Mount Fuji|the Taj Mahal|Machu Picchu|the Great Wall|the Kremlin|Big Ben|the Acropolis|the Sahara|the Amazon|the Statue of Liberty|Lake Victoria|Stonehenge|the Grand Canyon|the Danube|the Louvre",
    ),
    ("[What|Which] ocean [is|lies] {x}?", "between Europe and America|between Africa and Australia|around the North Pole|west of California|east of Japan"),
    (
        "What do you call {x}?",
        "frozen water|a baby horse|a person who flies planes|a person who writes books|a house for bees|dried grapes|a group of wolves|the study of stars|a shop that sells bread|molten rock",
    ),
    ("What colour is {x}?", "a zebra|a strawberry|the sun|an elephant|coal|a frog|a lemon|chocolate|a rose|blood|a polar bear|an orange|the sea|a carrot"),
    (
        "How many {x}[ are there|]?",
        "legs does a dog have|wings does a butterfly have|players are in a football team|strings does a violin have|sides does a hexagon have|states are in the USA|planets are in the solar system|letters are in the alphabet|bones does a human have|eyes does a spider have",
    ),
    (
        "[How do you say|What is] {x}[?|.]",
        "window in Spanish|summer in French|love in Italian|snow in German|bird in Spanish|fire in French|good night in German|please in Italian|door in French|green in Spanish",
    ),
    ("What is {x}[ made of|]?", "glass|paper|cheese|steel|a tyre|bread|concrete|wine|a candle|silk"),
    (
        "[Why|How] {x}?",
        "do birds fly south|do we dream|does the moon change shape|do leaves fall|is the sea salty|do cats purr|does soap clean|do planes fly|do we yawn|does a compass work|do volcanoes erupt|does rain form",
    ),
    (
        "[When|In which year] {x}?",
        "did the Second World War end|was the Berlin Wall opened|did people land on the moon|was the Titanic lost|did the French Revolution begin|was the first Olympic Games|did Columbus sail to America",
    ),
    (
        "Name [a|one] {x}.",
        "colour of the rainbow|planet|mammal that flies|river in Africa|famous painter|musical|country in Asia|city in Spain|fruit that is red|vegetable|tree|tool|programming language|chemical element|dinosaur",
    ),
    ("[Is|Are] {x}?", "a tomato a fruit|the earth flat|whales fish|water wet|seven a prime number|spiders insects|Paris in France|the sun a star|ice heavier than water|penguins birds|bats blind"),
    ("[What is|Calculate] {x}[?|.]", "8 + 5|7 * 6|100 - 37|half of 50|9 squared|12 / 4|15 + 27|a dozen minus two|10% of 200|3 times 14"),
    (
        "{x}",
        "Hello!|Good morning!|How are you?|Thanks a lot!|Who are you?|Can you help me?|What can you do?|Good night!|Are you human?|Tell me something interesting.|I am bored.|I am sad today.|What should I cook tonight?|Give me a riddle.|Motivate me.|Write a limerick.|Sing me a song.",
    ),
]


WITH_TEXT = [
    "[Summarise|Summarize|Sum up] [this|the text][ in one sentence|]: {t}",
    "{t}\n\n[Summarise it|Give me the main point|What is this about]?",
    "[Rewrite|Rephrase|Reword] [this|the following text][ more politely| in simple words| as a question|]: {t}",
    "[Make this shorter|Shorten this text|Improve this text]: {t}",
    "[Write|Draft] [a reply|an answer|an email] to this message: {t}",
    "[Give this text a title|Suggest a headline]: {t}",
    "[Continue|Go on with] this text: {t}",
]


def requests(count: int, seed: int) -> list[str]:
    """Return `count` distinct requests."""
    rng = random.Random(f"retain-{seed}")
    found: dict[str, None] = {}
    for ask, things in SHORT:
        for thing in things.split("|"):
            for _ in range(3):
                found[say(rng, ask, {"x": thing})] = None
    for _ in range(count // 8):
        topic = rng.choice(TOPICS)
        text, _ = passage(rng, topic, draw(rng, topic), 2, 4)
        found[say(rng, rng.choice(WITH_TEXT), {"t": text})] = None
    while len(found) < count:
        thing = rng.choice(
            [
                f"a {rng.choice(w.PRODUCTS)}",
                f"the city of {rng.choice(w.CITIES)}",
                rng.choice(w.HOBBIES),
                f"a {rng.choice(w.JOBS)}",
                f"a {rng.choice(w.PETS)}",
                rng.choice(w.FOODS),
                f"the {rng.choice(w.INSTRUMENTS)}",
                f"the {rng.choice(['sea', 'moon', 'forest', 'desert', 'rain', 'winter', 'sun', 'stars', 'mountains', 'river'])}",
                f"{rng.choice(['friendship', 'courage', 'time', 'music', 'history', 'science', 'sleep', 'work', 'money', 'peace'])}",
            ]
        )
        found[say(rng, rng.choice(ASK), {"x": thing})] = None
    return list(found)[:count]
