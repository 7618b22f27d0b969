"""Random values for the slots of the written texts: `{city}` is a city, `{city2}` another one."""

import random
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from training import words as w
from training.frames import Value

_SLOT = re.compile(r"\{([a-z]+)(\d*)\}")


def _list(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.split("|")]


_ADJECTIVES = _list("red|tall|narrow|quiet|wooden|foldable|heavy|cheap|modern|shiny|round|tiny|electric|soft|spare|broken|old|new|striped|waterproof")
_ANIMALS = _list("hedgehog|falcon|lynx|tortoise|seal|moose|donkey|stork|gecko|toad|weasel|bison|kingfisher|salamander|raven|hare|pelican|walrus|ibex|jackdaw")
_DRINKS = _list("espresso|ginger ale|apple juice|hot chocolate|mint tea|iced tea|tomato juice|sparkling water|cappuccino|elderflower cordial|oat milk latte|root beer")
_FRUIT = _list("apple|pear|cherry|quince|apricot|melon|grape|fig|nectarine|blueberry|mango|papaya|tangerine|gooseberry")
_VEGETABLES = _list("leek|fennel|carrot|radish|beetroot|courgette|kale|parsnip|artichoke|cucumber|pumpkin|asparagus")
_MATERIALS = _list("oak|steel|linen|copper|bamboo|leather|glass|marble|cotton|plywood|clay|felt|brass|wool")
_DEPARTMENTS = _list("purchasing|sales|accounting|human resources|logistics|research|legal|marketing|quality control|customer service|production")
_SUBJECTS = _list("geography|chemistry|biology|maths|history|music|art|physics|Latin|economics|computer science|drama")
_SPORTS = _list("badminton|handball|archery|judo|volleyball|fencing|curling|water polo|table tennis|cricket|lacrosse")
_CURRENCIES = _list("USD|EUR|GBP|CHF|SEK|NOK|JPY|CAD|PLN|euros|dollars|pounds|francs|crowns|yen|pesos|rupees|zloty|lira|rand|won|forints")
_UNITS = _list("kg|grams|tons|litres|metres|miles|km|inches|feet|cm|ounces|gallons|mm")
_WEATHER = _list("light rain|heavy snow|thick fog|clear skies|scattered clouds|thunderstorms|strong wind|drizzle|bright sunshine|freezing rain|hail")
_FEELINGS = _list("tired|cheerful|nervous|proud|bored|lonely|excited|worried|relieved|jealous|calm|grumpy")
_COUNTRIES = _list("Iceland|Morocco|Portugal|Vietnam|Chile|Latvia|Ghana|Croatia|Nepal|Uruguay|Oman|Estonia|Malta|Panama|Jordan|Bolivia|Georgia|Taiwan|Rwanda|Slovenia")
_VENUE_FIRST = _list("Crooked|Golden|Silent|Merry|Blue|Hungry|Iron|Old|White|Wandering|Hidden|Rusty|Velvet|Laughing|Sleepy")
_VENUE_LAST = _list("Kettle|Heron|Spoon|Barrel|Lantern|Fiddler|Pheasant|Mill|Stag|Acorn|Plough|Compass|Teapot|Boar|Chestnut")
_VENUE_KIND = _list("Hotel|Inn|Hall|Café|Theatre|Bistro|Arena|Guesthouse|Club|Pavilion")
_BOOK = _list("The {a} of the {b}|{b} and {c}|A {d} {b}|The {d} {b}|{b} in {m}|Beyond the {b}|My {d} {b}|Seven {b}s")
_STREETS = _list(
    "Tollgate Road|Birch Lane|Cooper Street|Harbour Way|Priory Close|Fuller's Row|Mason Avenue|Quarry Hill|Weir Street|Saddler Lane|Vine Court|Ferry Road|Orchard Drive|Granary Street|Chapel Walk"
)
_COMPANY_END = _list("Ltd|AG|Foods|& Partners|Logistics|Labs|Industries|Press|Motors|Insurance|Textiles|Software|Bros|Energy|Group|Bakery")
_BRAND_END = ["", "", " Pro", " Max", " Lite", " One", "Pad", " Mini", " XL", " Go"]
_FILE_END = "pdf csv py txt md json docx yaml html sql log".split()
_HOURS = "one two three four five six seven eight nine ten eleven twelve".split()


def _invented(rng: random.Random) -> str:
    return w.invented(rng).capitalize()


def _first(rng: random.Random) -> str:
    return _invented(rng) if rng.random() < 0.4 else rng.choice(w.FIRST)


def _last(rng: random.Random) -> str:
    name = _invented(rng) if rng.random() < 0.5 else rng.choice(w.LAST)
    return rng.choice(["van ", "de ", "O'", "al-"]) + name if rng.random() < 0.06 else name


def _person(rng: random.Random) -> str:
    middle = f" {rng.choice(string.ascii_uppercase)}." if rng.random() < 0.06 else ""
    return f"{_first(rng)}{middle} {_last(rng)}"


def _city(rng: random.Random) -> str:
    if rng.random() < 0.55:
        return rng.choice(w.CITIES)
    name = _invented(rng) + rng.choice(["", "", "burg", "ton", "stad", "ville", "berg", "mouth", "by", "ford"])
    return rng.choice(["Port ", "New ", "Upper ", "St. ", "Bad "]) + name if rng.random() < 0.2 else name


def _company(rng: random.Random) -> str:
    return rng.choice([f"{_invented(rng)} {rng.choice(_COMPANY_END)}", f"{_invented(rng)} {rng.choice(_COMPANY_END)}", f"{_last(rng)} & {_last(rng)}", rng.choice(w.COMPANIES), _invented(rng)])


def _brand(rng: random.Random) -> str:
    number = f" {rng.randint(2, 990)}" if rng.random() < 0.5 else rng.choice(_BRAND_END)
    return f"{_invented(rng)}{number}"


def _product(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return rng.choice(w.PRODUCTS)
    noun = rng.choice(w.VOCABULARY)
    return noun if rng.random() < 0.4 else f"{rng.choice(_ADJECTIVES)} {noun}"


def _word(rng: random.Random) -> str:
    return rng.choice(w.VOCABULARY)


def _team(rng: random.Random) -> str:
    return rng.choice([rng.choice(w.TEAMS), f"{_city(rng)} {rng.choice(['United', 'City', 'Rovers', 'Athletic'])}", f"{_invented(rng)} {rng.choice(w.TEAMS)}"])


def _venue(rng: random.Random) -> str:
    animal = f"{rng.choice(_VENUE_FIRST)} {rng.choice(_VENUE_LAST)}"
    return rng.choice([f"The {animal}", f"the {animal}", f"{_invented(rng)} {rng.choice(_VENUE_KIND)}", f"{rng.choice(_VENUE_KIND)} {_invented(rng)}"])


def _book(rng: random.Random) -> str:
    nouns = {name: rng.choice(w.VOCABULARY).capitalize() for name in "abc"}
    return rng.choice(_BOOK).format(**nouns, d=rng.choice(_ADJECTIVES).capitalize(), m=rng.choice(w.MONTHS))


def _drug(rng: random.Random) -> str:
    return _invented(rng) + rng.choice(["ol", "in", "ax", "ium", "ine", "yl"])


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    digits = "".join(rng.choices(string.digits, k=rng.randint(2, 6)))
    more = "".join(rng.choices(string.digits, k=rng.randint(2, 4)))
    return rng.choice([f"{letters}-{digits}", f"{letters}{digits}", f"#{digits}", f"{digits}-{letters}", f"{letters}-{more}-{digits}", f"{letters}/{digits}", f"{more}{letters}{digits}"])


def _email(rng: random.Random) -> str:
    name, host = _first(rng).lower(), w.invented(rng)
    ascii_only = "".join(letter for letter in f"{name}@{host}" if letter.isascii())
    name, host = ascii_only.split("@")
    joint = rng.choice(["", ".", "_"])
    return f"{name or 'info'}{joint}{rng.choice(w.LAST).lower()}@{host or 'mail'}.{rng.choice(['com', 'org', 'net', 'eu', 'io', 'de'])}"


def _host(rng: random.Random) -> str:
    return rng.choice(["db", "web", "api", "cache", "mail", "proxy", "worker", "gpu"]) + rng.choice(["-", "", "0"]) + str(rng.randint(1, 48)) + rng.choice(["", "", ".internal", ".local"])


def _version(rng: random.Random) -> str:
    return ".".join(str(rng.randint(0, 19)) for _ in range(rng.choice([2, 3, 3])))


def _file(rng: random.Random) -> str:
    name = rng.choice([_word(rng), f"{_word(rng)}_{_word(rng)}", f"{_word(rng)}-v{rng.randint(2, 9)}"])
    return f"{name}.{rng.choice(_FILE_END)}"


def _url(rng: random.Random) -> str:
    host = "".join(letter for letter in w.invented(rng) if letter.isascii())
    return f"https://{rng.choice(['www.', '', 'docs.', 'shop.'])}{host or 'site'}.{rng.choice(['com', 'org', 'net'])}" + rng.choice(["", f"/{_word(rng)}", f"/{_word(rng)}/{rng.randint(1, 99)}"])


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randrange(12), rng.randint(1998, 2033)
    name = w.MONTHS[month]
    return rng.choice(
        [
            f"{day} {name}",
            f"{name} {day}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{year}-{month + 1:02}-{day:02}",
            f"{day:02}.{month + 1:02}.{year}",
            f"the {_ordinal(day)} of {name}",
            f"{name} {_ordinal(day)}",
            f"{day} {name[:3]} {year}",
        ]
    )


def _time(rng: random.Random) -> str:
    hour, minute = rng.randint(0, 23), rng.choice([0, 5, 10, 12, 15, 20, 25, 30, 35, 40, 45, 48, 50, 55])
    half = rng.choice(["half past", "quarter past", "quarter to"])
    return rng.choice(
        [
            f"{hour:02}:{minute:02}",
            f"{hour:02}:{minute:02}",
            f"{hour}:{minute:02}",
            f"{hour % 12 + 1} {rng.choice(['am', 'pm'])}",
            f"{hour % 12 + 1}:{minute:02} {rng.choice(['am', 'pm'])}",
            f"{half} {rng.choice(_HOURS)}",
            f"{hour % 12 + 1}{rng.choice(['am', 'pm'])}",
        ]
    )


_TEXTS = {
    "person": _person, "first": _first, "last": _last, "city": _city, "company": _company, "brand": _brand, "product": _product,
    "team": _team, "venue": _venue, "book": _book, "drug": _drug, "code": _code, "word": _word, "email": _email, "url": _url,
    "file": _file, "version": _version, "host": _host, "date": _date, "time": _time,
    "country": lambda rng: rng.choice(_COUNTRIES), "street": lambda rng: f"{rng.randint(1, 240)} {rng.choice(_STREETS)}",
    "phone": lambda rng: w.phone(rng).text,
    "day": lambda rng: rng.choice(w.DAYS), "month": lambda rng: rng.choice(w.MONTHS),
    "colour": lambda rng: rng.choice(w.COLOURS), "food": lambda rng: rng.choice(w.FOODS), "drink": lambda rng: rng.choice(_DRINKS),
    "animal": lambda rng: rng.choice(_ANIMALS + w.PETS), "job": lambda rng: rng.choice(w.JOBS), "hobby": lambda rng: rng.choice(w.HOBBIES),
    "language": lambda rng: rng.choice(w.LANGUAGES), "room": lambda rng: rng.choice(w.ROOMS), "material": lambda rng: rng.choice(_MATERIALS),
    "fruit": lambda rng: rng.choice(_FRUIT), "vegetable": lambda rng: rng.choice(_VEGETABLES), "department": lambda rng: rng.choice(_DEPARTMENTS),
    "subject": lambda rng: rng.choice(_SUBJECTS), "sport": lambda rng: rng.choice(_SPORTS), "instrument": lambda rng: rng.choice(w.INSTRUMENTS),
    "currency": lambda rng: rng.choice(_CURRENCIES), "unit": lambda rng: rng.choice(_UNITS), "weather": lambda rng: rng.choice(_WEATHER),
    "adjective": lambda rng: rng.choice(_ADJECTIVES), "feeling": lambda rng: rng.choice(_FEELINGS),
}  # fmt: skip


def _money(rng: random.Random) -> Value:
    amount: float = rng.choice([rng.randint(2, 99), rng.randint(100, 4900), round(rng.uniform(1, 300), 2)])
    if isinstance(amount, float):
        return Value(f"{amount:.2f}", amount)
    return Value(f"{amount:,}" if amount > 999 and rng.random() < 0.5 else str(amount), amount)


def _decimal(rng: random.Random) -> Value:
    number = round(rng.uniform(0.1, 90), rng.choice([1, 1, 2]))
    return Value(str(number), number)


def _negative(rng: random.Random) -> Value:
    number = rng.randint(1, 40)
    return Value(rng.choice([f"-{number}", f"minus {number}"]), -number)


_NUMBERS = {
    "small": w.whole(2, 12, spelled=0.5),
    "int": w.whole(13, 999),
    "big": w.whole(1000, 99999),
    "percent": w.whole(1, 99, spelled=0),
    "year": lambda rng: Value(str(year := rng.randint(1890, 2032)), year),
    "decimal": _decimal,
    "money": _money,
    "negative": _negative,
}


def names(*texts: Any) -> list[str]:
    """Return the slots in `texts`, which may be nested lists and dictionaries, in order and without duplicates."""
    return list(dict.fromkeys(match[0][1:-1] for text in _strings(texts) for match in _SLOT.finditer(text)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (*_strings(key), *_strings(item))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def kind(name: str) -> str:
    """Return the type of the slot `name`: that of `city2` is `city`."""
    return name.rstrip(string.digits)


def known(name: str) -> bool:
    """Return whether there are values for the slot `name`."""
    return kind(name) in _TEXTS or kind(name) in _NUMBERS


def draw(rng: random.Random, wanted: list[str]) -> dict[str, Value]:
    """Return a value for each slot of `wanted`, all different. Raises KeyError for a type that doesn't exist."""
    values: dict[str, Value] = {}
    for name in wanted:
        for _ in range(50):
            value = _value(rng, kind(name))
            if all(value.text.lower() not in other.text.lower() and other.text.lower() not in value.text.lower() for other in values.values()):
                break
        values[name] = value
    return values


def _value(rng: random.Random, of: str) -> Value:
    if of in _NUMBERS:
        return _NUMBERS[of](rng)
    text = _TEXTS[of](rng)
    return Value(text, text)


def as_texts(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return `values` with numbers as the texts that stand for them, which a schema may demand."""
    return {name: Value(value.text, value.text) for name, value in values.items()}


def filled(value: Any, values: Mapping[str, Value]) -> Any:
    """Return `value` with its slots filled; a text that is one slot becomes its JSON, such as a number."""
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if (whole := _SLOT.fullmatch(value)) and (name := whole[0][1:-1]) in values:
        return values[name].json
    return said(value, values)


def said(text: str, values: Mapping[str, Value]) -> str:
    """Return `text` with its slots filled by texts."""
    return _SLOT.sub(lambda match: values[match[0][1:-1]].text if match[0][1:-1] in values else match[0], text)
