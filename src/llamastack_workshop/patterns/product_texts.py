"""Extract a product's numbers from an English text: clock speed, memory, drive, and price in euros.

A number alone is ambiguous: 16 GB may be memory, a drive, a graphics card or a limit. So each size is classified by the
words of its phrase ("16GB LPDDR5x RAM", "an SSD of 2 TB", "Memory: 8 GB"), and each price by the thing that its clause
names ("a bag costs 19 euros"). If the words do not tell, the kind is "unknown".
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from llamastack_workshop.system.errors import WorkshopError

Kind = Literal["processor", "memory", "drive", "other", "unknown"]

EXAMPLE = "UltraBook: 3.5 GHz processor, 16 GB of memory, a 1 TB drive, 1299 euros"

# Not part of a longer number, or of a name such as i7. The words are those used with gigabytes and terabytes.
_APART = r"(?<![A-Za-z0-9_])(?<![0-9][.,])"
_IN_WORDS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "six": "6",
    "eight": "8",
    "twelve": "12",
    "sixteen": "16",
}
_IN_WORDS |= {"twenty-four": "24", "thirty-two": "32", "forty-eight": "48", "sixty-four": "64"}
_NUMBER = rf"{_APART}[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])|{_APART}[0-9]+(?:[.,][0-9]+)?|\b(?:{'|'.join(_IN_WORDS)})"
_SIZE = rf"(?P<size>(?:{_NUMBER})[ \u00a0\u202f-]?(?:[gt]i?b|gigabytes?|terabytes?|gigs?)(?!\w|/s|\s?/\s?s\b))"
_CLOCK = rf"(?P<clock>(?:{_NUMBER})[ \u00a0\u202f-]?(?:ghz|gigahertz)\b)"
# The words that identify the kind of a size or a clock speed.
_WORDS: dict[Kind, str] = {
    "other": r"VRAM|GDDR\w*|HBM\w*|GPU|graphics|video|RTX|GTX|Radeon|GeForce|cache|cloud|iCloud|USB|sticks?|"
    r"SD|microSD|cards?|Ethernet|LAN|bandwidth|downloads?|Wi-?Fi|WLAN|wireless|Bluetooth|radio|bands?",
    "memory": r"memory|RAM|(?:LP)?DDR\w*(?:-\d+)?|(?:SO-?)?DIMMs?|unified",
    "drive": r"drives?|SSDs?|HDDs?|disks?|discs?|storage|NVMe|SATA|M\.2|eMMC|UFS|flash",
}
_MARK = "|".join(rf"(?P<{kind}>\b(?:{words})(?!\w))" for kind, words in _WORDS.items())
# The end of a phrase: a size takes its kind from words beyond it only if it is alone in its phrase.
_BREAK = r"(?P<break>,(?!\d)|[()|•+&/]|\s[-–—]\s|\b(?:and|with|plus|but|while)\b)"
_TOKEN = re.compile(rf"{_SIZE}|{_CLOCK}|{_MARK}|{_BREAK}|(?P<word>\w[\w.'’-]*)", re.IGNORECASE)
_LINE_END = r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+"
_SENTENCE = re.compile(rf"(?<=[.!?;])\s+|{_LINE_END}")
_LIMIT = re.compile(r"\b(up to|expand|extend|upgrad|rais|max|support|configur|option)", re.IGNORECASE)
# The maximum distance, in words, between a size and the word that identifies its kind.
_REACH = 6


class Quantity(NamedTuple):
    """A size or a clock speed in normalised spelling ("16 GB", "3.5 GHz"), and its kind according to the text.

    A `limit` is a maximum, or the size of another version of the product.
    """

    value: str
    kind: Kind
    limit: bool = False


class UnclearText(WorkshopError):
    """The text lacks information that a pattern needs, or states it unclearly; another model would not help."""


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`, split at line ends and semicolons, too."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def quantities(text: str) -> list[Quantity]:
    """Return the sizes and clock speeds in `text`, in order."""
    return [quantity for sentence in sentences(text) for quantity in _in_sentence(sentence)]


def values(text: str, kind: Kind) -> list[str]:
    """Return the distinct quantities of one kind in `text`; limits only if there is nothing else."""
    found = [quantity for quantity in quantities(text) if quantity.kind == kind]
    plain = [quantity.value for quantity in found if not quantity.limit]
    return list(dict.fromkeys(plain or [quantity.value for quantity in found]))


def unclear(text: str) -> list[str]:
    """Return the sizes in `text` whose kind it does not state."""
    return values(text, "unknown")


def sections(text: str) -> list[str]:
    """Return the paragraphs of `text`; a paragraph with a size and a price in every line is split into its lines."""
    found = []
    for paragraph in re.split(r"\n\s*\n|\u2029", text):
        lines = [line.strip() for line in re.split(_LINE_END, paragraph) if line.strip()]
        each = len(lines) > 1 and all(prices(line) and _sized(line) for line in lines)
        found += lines if each else [paragraph.strip()]
    return [part for part in found if part]


def flaw(text: str) -> str | None:
    """Return a predicate about `text` ("gives no …") unless it gives one memory, one drive and one price in euros."""
    given = {"memory": values(text, "memory"), "drive": values(text, "drive"), "price": written_prices(text)}
    lacking = [name for name in ("memory", "drive") if not given[name]]
    if lacking and (sizes := unclear(text)):
        return f"does not say in English what {sizes[0]} is"
    if lacking:
        return f"gives no {lacking[0]} in GB or TB"
    if not given["price"]:
        return f"gives {no_price(text)}"
    several = [f"gives more than one {name}: {', '.join(found[:4])}" for name, found in given.items() if len(found) > 1]
    return several[0] if several else None


def _sized(text: str) -> bool:
    return any(quantity.kind in ("memory", "drive") for quantity in quantities(text))


_CURRENCIES = {
    "euros": r"€|EUR\b|euros?\b",
    "dollars": r"US\$|\$|USD\b|dollars?\b|bucks\b",
    "pounds": r"£|GBP\b|(?:pounds?\b(?! heavy))",
    "Swiss francs": r"CHF\b|francs?\b",
    "yen": r"¥|JPY\b|yen\b",
    "rupees": r"₹|INR\b|rupees?\b",
}
# Words for the product itself, or for its price.
_WHOLE = (
    r"laptops?|notebooks?|computers?|machines?|devices?|pcs?|desktops?|workstations?|servers?|tablets?|phones?|models?|"
    r"versions?|ones?|prices?|costs?|tag|total|sum|offers?|bargain|steal|deal|choice|buy|pick|option|product|unit|"
    r"chromebooks?|ultrabooks?|configurations?|variants?|editions?|minis?|books?|systems?|towers?"
)
# With further words that mean the product beside a price, but may be its name: "a beast at 1999 euros".
_ITSELF = rf"{_WHOLE}|rigs?|monsters?|beasts?|workhorses?|powerhouses?|flagships?|gems?|everything|mine|yours"
_CHARGES = (
    r"shipping|delivery|postage|warranty|insurance|deposit|rent|tax|taxes|VAT|assembly|installation|repairs?|support|"
    r"vouchers?|discounts?|savings?|cashback|service|fees?"
)
_DETERMINER = r"an?|the|its|his|her|their|your|our|each|every|another|one|two|three|any|some|extra|optional|spare"

# The letters of all alphabets: `re` has no class for a capital letter.
_UPPER, _LOWER = (f"[{''.join(filter(kind, map(chr, range(0x10000))))}]" for kind in (str.isupper, str.islower))
# A name: "UltraBook", "XPS 13", "MacBook Air M3", "iMac", "Élan"; not the 16 of "WorkMate 16 GB".
_PART_OF_NAME = rf"(?:{_UPPER}[\w-]+|{_LOWER}{_UPPER}{_LOWER}+)"
_OF_NUMBER = rf"[0-9]+[a-z]?\b(?![.,]?[0-9])(?![ -]?(?:[GT]i?B|GHz|kg|cm|inch)\b)(?!\s?(?:{_CURRENCIES['euros']}))"
_NAME = re.compile(rf"(?<![\w-]){_PART_OF_NAME}(?: (?:{_PART_OF_NAME}|{_OF_NUMBER}))*(?![\w-])")
_NO_NAME = re.compile(
    rf"(?:{'|'.join(_WORDS.values())}|{_CHARGES}|{_DETERMINER}|CPUs?|processors?|chips?|SoC|ECC|PCIe|OLED|LED|"
    r"IPS|HDMI|EUR|USD|GBP|CHF|JPY|INR|[GT]B|GHz|OS|screen|display|weight|battery|keyboard|capacity|clock|speed|size|"
    r"its?|it|this|that|these|those|we|you|I|he|she|they|there|here|for|with|at|in|on|of|from|by|and|but|or|both|all|"
    r"only|just|now|then|also|if|when|while|as|so|yet|to|no|not|buy|get|what|who|which|how|why|designed|made|built)",
    re.IGNORECASE,
)
# Text that may follow a name at the start of a sentence; other capitalised words there are not names.
_SAYS = re.compile(
    r"\s*(?:[:,(–—|-]|$|[0-9€]|(?:has|have|had|costs?|comes|is|offers?|with|gets?|features?|packs?|boasts?|sells|runs|"
    r"pairs|brings|holds|includes|ships|carries|provides|starts|for|at|weighs|and)\b)"
)


def names(text: str) -> list[str]:
    """Return the names in `text`: capitalised words that are not just the start of a sentence."""
    found = []
    for sentence in sentences(text):
        readable = _PROCESSOR.sub(lambda match: " " * len(match[0]), sentence)
        for match in _NAME.finditer(readable):
            name, before = match[0], readable[: match.start()]
            while (words := name.split(" ", 1)) and _is_no_name(words[0]) and len(words) > 1:
                before, name = f"{before}{words[0]} ", words[1]
            begins = not re.search(r"\w", before)
            if name.isdigit() or (begins and name.endswith("ing")):
                continue
            if _is_no_name(name) or (begins and not _SAYS.match(readable, match.end())):
                continue
            found.append(name)
    return list(dict.fromkeys(found))


def _is_no_name(word: str) -> bool:
    # Ultrabook is a kind of laptop, UltraBook a name.
    kind = re.fullmatch(_WHOLE, word, re.IGNORECASE) and (word.istitle() or word.islower() or word.isupper())
    return bool(kind or _NO_NAME.fullmatch(word))


def part_about(text: str, name: str) -> str:
    """Return the pieces of `text` that contain a number and are about `name`: they name it, or follow such a piece."""
    about, part = None, []
    for piece, named in _pieces(text):
        about = named or about
        if about == name and re.search(r"\d", piece):
            part.append(piece)
    return " ".join(part)


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the sentences of `text`, split where they switch to another name, each with the name it is about."""
    known = sorted(names(text), key=len, reverse=True)
    pattern = re.compile(
        rf"(?P<the>\b(?i:the|an?|this|our|their) )?(?<![\w-])(?P<name>{'|'.join(map(re.escape, known))})(?![\w-])"
    )
    for sentence in sentences(text):
        found = list(pattern.finditer(sentence)) if known else []
        # "Designed by Apple, the Air has …" is about the Air.
        found = [match for match in found if match["the"]] or found[:1] or found
        start, subject = 0, None
        for match in found:
            cut = max((sentence.rfind(mark, start, match.start()) for mark in (", ", " and ", ": ")), default=-1)
            if subject and (
                cut < 0 or not (re.search(r"\d", sentence[start:cut]) and re.search(r"\d", sentence[cut:]))
            ):
                continue
            if subject:
                yield sentence[start:cut].strip(" ,"), subject
                start = cut
            subject = match["name"]
        yield re.sub(r"^(?:, |and )+", "", sentence[start:].strip()), subject


def check_sizes(text: str) -> None:
    """Raise UnclearText if `text` contains a size whose kind it does not state."""
    if sizes := unclear(text):
        raise UnclearText(
            f"The text does not say in English what {sizes[0]} is: memory, a drive or something else.",
            f"Write it like this: {EXAMPLE!r}",
        )


class _Item(NamedTuple):
    what: Literal["size", "clock", "mark", "word"]
    value: str
    place: int
    limit: bool


def _in_sentence(sentence: str) -> list[Quantity]:
    phrases = _phrases(sentence)
    claimed: set[int] = set()
    found: list[tuple[int, Quantity]] = []
    for number, phrase in enumerate(phrases):
        for item in phrase:
            if item.what == "clock":
                other = any(mark.value == "other" for mark in _near(phrase, item))
                found.append((item.place, Quantity(_spelt(item.value), "other" if other else "processor")))
            elif item.what == "size":
                kind = _kind(phrase, item) or _from_beside(phrases, number, claimed)
                if "respectively" in sentence:
                    kind = "unknown"
                # A limit alone in its phrase refers to the size before it.
                kind = kind or ("other" if item.limit else "unknown")
                found.append((item.place, Quantity(_spelt(item.value), kind, item.limit)))
    bare = {phrase[0].place for phrase in phrases if len(phrase) == 1}
    return _with_bare(sorted(found, key=lambda pair: pair[0]), bare)


def _with_bare(found: list[tuple[int, Quantity]], bare: set[int]) -> list[Quantity]:
    """Return the quantities; a bare size next to a larger one is memory, as in "16GB/512GB SSD"."""
    result = [quantity for _, quantity in found]
    unknown = [n for n, (place, quantity) in enumerate(found) if quantity.kind == "unknown" and place in bare]
    sizes = [n for n, quantity in enumerate(result) if not quantity.value.endswith("GHz")]
    if len(sizes) != 2 or not unknown:
        return result
    small, large = sorted(sizes, key=lambda n: gigabytes(result[n].value))
    pair = small in unknown and (large in unknown or result[large].kind == "drive")
    if pair and gigabytes(result[small].value) <= min(128, gigabytes(result[large].value) / 2):
        result[small] = result[small]._replace(kind="memory")
        result[large] = result[large]._replace(kind="drive")
    return result


def gigabytes(size: str) -> float:
    """Return a size such as "2 TB" in GB."""
    number, unit = size.split()
    return float(number) * (1024 if unit == "TB" else 1)


def _phrases(sentence: str) -> list[list[_Item]]:
    phrases: list[list[_Item]] = [[]]
    # "96 GB (2x48 GB) of memory" has one size.
    sentence = re.sub(r"\(\s*\d+\s?[x×]\s?\d+\s?[GT]B\s*\)", "", sentence)
    since_break = 0
    for place, token in enumerate(_TOKEN.finditer(sentence)):
        what, value = token.lastgroup, token[0]
        if what == "break":
            phrases.append([])
            since_break = token.start()
        elif what in ("size", "clock"):
            before = sentence[since_break : token.start()]
            phrases[-1].append(_Item(what, value, place, bool(_LIMIT.search(before[-40:]))))
        elif what == "word":
            phrases[-1].append(_Item("word", value, place, False))
        else:
            phrases[-1].append(_Item("mark", what, place, False))
    return phrases


def _near(phrase: list[_Item], item: _Item) -> list[_Item]:
    return [mark for mark in phrase if mark.what == "mark" and abs(mark.place - item.place) <= _REACH]


def _kind(phrase: list[_Item], size: _Item) -> Kind | None:
    """Return the kind of `size` according to the words of its phrase, or None."""
    marks = _near(phrase, size)
    before = [mark for mark in marks if mark.place < size.place]
    after = [mark for mark in marks if mark.place > size.place]
    order = [item.what for item in phrase if item.what in ("mark", "size")]
    # "RAM 16 GB SSD 512 GB" puts the word first, each time.
    labels = order[0] == "mark" and order[-1] == "size"
    run = _run(before[::-1], size.place) if before and (labels or not after) else _run(after, size.place)
    if not run:
        return None
    # "8 GB graphics memory", "video memory of 8 GB".
    return "other" if "other" in run else (run[0] if run[0] != "memory" or "drive" not in run else "drive")


def _run(marks: list[_Item], place: int) -> list[Kind]:
    """Return the kinds of the first of `marks` and of those directly next to it."""
    run: list[Kind] = []
    for mark in marks:
        if run and abs(mark.place - place) > 1:
            break
        run.append(mark.value)
        place = mark.place
    return run


def _from_beside(phrases: list[list[_Item]], number: int, claimed: set[int]) -> Kind | None:
    """Return the kind named in a phrase next to phrase `number` that has no size itself, as in "SSD (512 GB)"."""
    for beside in (number - 1, number + 1):
        if 0 <= beside < len(phrases) and beside not in claimed:
            kinds = [item.value for item in phrases[beside] if item.what == "mark"]
            if kinds and not any(item.what in ("size", "clock") for item in phrases[beside]):
                claimed.add(beside)
                return "other" if "other" in kinds else kinds[0]
    return None


def _spelt(quantity: str) -> str:
    number, unit = re.fullmatch(rf"({_NUMBER})[\s-]?(\w+)", quantity, re.IGNORECASE).groups()
    number = _IN_WORDS.get(number.lower(), number)
    unit = {"g": "GB", "t": "TB"}[unit[0].lower()] if "h" not in unit.lower() else "GHz"
    return f"{plain_number(number)} {unit}"


def plain_number(number: str) -> str:
    """Return a number with a decimal point and without thousands separators."""
    number = re.sub(r"[\s'’\u00a0\u202f]", "", number)
    parts = re.split(r"[.,]", number)
    if len(parts) > 1 and (len(parts[-1]) != 3 or parts[0] == "0"):
        *whole, fraction = parts
        return f"{''.join(whole)}.{fraction}" if set(fraction) - {"0"} or len(fraction) == 1 else "".join(whole)
    return "".join(parts)


# The manufacturers' names for processors, and names with a digit before or after the word.
_MAKER = r"(?:Intel|AMD|Apple|Qualcomm|MediaTek|Nvidia|IBM)"
_FAMILY = (
    r"(?:Core(?= (?:Ultra )?i?\d)(?: Ultra)?|Xeon|Celeron|Pentium|Atom|Ryzen(?: AI| Threadripper)?|EPYC|Athlon|"
    r"Snapdragon|Dimensity|Exynos|Ampere|Graviton\d*)"
)
_MODEL = r"(?:i?\d[\w-]*|i\d[\w-]*|[A-Z]\d[\w-]*|[XW]|Elite|Plus|Pro|PRO|Max|Ultra|Gold|Silver|Platinum|Gen(?= \d))"
_PROCESSOR = re.compile(
    rf"(?:{_MAKER} )?\b{_FAMILY}(?: {_MODEL}){{0,4}}|(?:{_MAKER} )?\bi[3579](?:-\d\w*)?\b|"
    rf"(?:{_MAKER} )?\b[AM]\d{{1,2}}(?: (?:Pro|Max|Ultra|Bionic))?(?= (?:chip|processor|CPU|SoC)\b)|Apple M\d{{1,2}}"
    rf"(?: (?:Pro|Max|Ultra))?|\b(?:\d+|[a-z]+)-core\b"
)


def processors(text: str) -> list[str]:
    """Return the processors in `text`: clock speeds, such as "3.5 GHz", or else names, such as "Core i7-1360P"."""
    return values(text, "processor") or processor_names(text)


def processor_names(text: str) -> list[str]:
    """Return the processor names in `text`, and phrases such as "8-core"."""
    return list(dict.fromkeys(match[0] for match in _PROCESSOR.finditer(text)))


def numbers(text: str) -> list[str]:
    """Return the numbers in `text`, with decimal points and without thousands separators."""
    return [plain_number(number) for number in re.findall(r"\d+(?:[.,]\d+)*", text)]


# Prices.

_AMOUNT = (
    rf"{_APART}[0-9]{{1,3}}(?:[.,'’\u00a0\u202f][0-9]{{3}})+(?:[.,][0-9]{{2}})?(?![0-9])|"
    rf"{_APART}[0-9]+(?:[.,][0-9]{{1,2}})?(?![0-9])"
)
_CLAUSE = re.compile(r"[;()|•]|,\s|\s[-–—]\s|\b(?:and|but|while|whereas|plus)\b", re.IGNORECASE)
_COSTS = (
    r"(?:is |are )?(?:available|on sale|sold|offered|sells?|retails?|goes|comes|priced|yours) (?:for|at|to|from)|"
    r"costs?|is|are|for(?: it)?|at|from|only|just|now|about"
)
_LITTLE = (
    "of|for|at|to|by|with|in|on|is|are|was|has|have|costs?|sells?|retails?|comes|from|only|just|now|about|around|under|"
    "over|that|which|it|itself|this|as|available|sold|priced|yours|roughly|currently"
)
_BELONGS_TO_ANOTHER = [
    # "a bag costs", "the matching dock at", "with a mouse for", "a bag for the Robin costs"
    rf"\b(?i:{_DETERMINER})\s+(?:(?!(?:{_LITTLE})\b){_LOWER}[\w-]*\s+){{0,2}}?"
    rf"(?!(?:{_ITSELF}|{_LITTLE})\b)(?P<thing>{_LOWER}[\w-]*)\s*(?:\b(?:for|to) "
    rf"(?:it|this|that|them|the \w+|\w+)\b)?\s*(?:\b(?:{_COSTS})\b|[:=])?\s*(?:only|just|about|from)?\s*$",
    # "sleeve 19 euros", "shipping: 9 euros", "bags cost"; not "its 899 euros"
    rf"^\W*(?!(?:{_ITSELF}|{_LITTLE}|an?|the|its|his|her|their|your|our|my|all|you|we|retail\w*|list|sale)\b)"
    rf"(?P<thing>{_LOWER}[\w-]*)\s*(?:\b(?:costs?|is|are)\b|[:=])?\s*$",
    rf"\b(?P<thing>(?i:{_CHARGES}))\b",
    rf"['’]s (?P<thing>{_LOWER}[\w-]*) (?:costs?|is)\s*$",
]
_NOT_TO_PAY = (
    r"\b(?:instead of|formerly|previously|originally|usually|normally|down from|reduced from|RRP|MSRP|sav(?:e|es|ing)|"
    r"was|were|additional|another|extra|than)\b(?!.*\b(?:to|now)\b)"
)
_AFTERWARDS = (
    rf"^\s*(?:off|less|more|cheaper|extra|per|a month|an? year|monthly|/|each|worth|{_CHARGES}|"
    rf"(?:of|for) (?:{_CHARGES})|for (?:an?|the|its|one) (?!(?:\w+ )?(?:{_ITSELF})\b)(?P<thing>{_LOWER}[\w-]*))"
)


class Price(NamedTuple):
    """An amount in a currency; `of` names the thing that it is the price of, if not the product: "bag", "discount" …"""

    amount: float
    currency: str
    of: str | None


def prices(text: str) -> list[float]:
    """Return the distinct prices in euros of the product or products in `text`, such as 1299 or 1299.5."""
    return list(dict.fromkeys(price.amount for price in _prices(text) if price.currency == "euros" and not price.of))


def written_prices(text: str) -> list[str]:
    """Return the prices of `prices` as text."""
    return [written(price) for price in prices(text)]


def no_price(text: str) -> str:
    """Return a phrase that explains why `text` has no price in euros."""
    found = _prices(text)
    others = [price.currency for price in found if price.currency != "euros"]
    if of_others := [price for price in found if price.currency == "euros"]:
        amount, _, thing = of_others[0]
        return f"no price in euros but {written(amount)}, which seems to be for something else ({thing})"
    return f"no price in euros, only in {others[0]}" if others else "no price in euros"


def written(amount: float) -> str:
    """Return a price as text, such as "1299 euros"."""
    return f"{amount} euros" if isinstance(amount, int) or amount % 1 == 0 else f"{amount:.2f} euros"


def _prices(text: str) -> list[Price]:
    return [price for sentence in sentences(text) for price in _prices_in(sentence)]


def _prices_in(sentence: str) -> Iterator[Price]:
    for currency, sign in _CURRENCIES.items():
        pattern = rf"(?:{sign})\s?(?P<after>{_AMOUNT})|(?P<before>{_AMOUNT})(?:[,.][-–])?\s?(?:{sign})"
        for match in re.finditer(pattern, sentence, re.IGNORECASE):
            before, after = sentence[: match.start()], sentence[match.end() :]
            number = match["after"] or match["before"]
            if currency == "pounds" and re.search(r"\bweigh\w*\W*(?:\w+\W+){0,2}$", before):
                continue
            # 1 499 euros; in "the Titan 5 299 euros", the 5 belongs to the name.
            thousands = (
                re.search(r"(\S*)\b(\d{1,3}) $", before)
                if re.fullmatch(r"\d{3}([.,]\d{1,2})?", match["before"] or "")
                else None
            )
            if thousands and not re.search(rf"{_UPPER}\w* $", before[: thousands.start(2)]):
                number, before = thousands[2] + number, before[: thousands.start(2)]
            amount = float(plain_number(number))
            yield Price(int(amount) if amount == int(amount) else amount, currency, _owner(before, after))


def _owner(before: str, after: str) -> str | None:
    """Return the thing that a price is for, according to its clause; None for the product itself."""
    # "a bag (19 euros)", "a bag, which costs 19 euros"
    clause = _CLAUSE.split(re.sub(r"\s*\(\s*$|,\s+which\b", " ", before))[-1]
    following = _CLAUSE.split(after)[0]
    if re.search(_NOT_TO_PAY, clause, re.IGNORECASE) or (clause.endswith("from ") and re.match(r"\s*to\b", following)):
        return "another price"
    if match := re.search(_AFTERWARDS, following):
        return match["thing"] or "another price"
    if re.search(r"\bplus\s*$", before[: len(before) - len(clause)], re.IGNORECASE):
        return "an extra"
    # "for a mere 899 euros"
    clause = re.sub(r"\b(for|at|costs?|of|from|is) an? \w+\s*$", r"\1 ", clause)
    # "a 256 GB drive for 499 euros" is the price of the product with that drive.
    if any(quantity.kind != "other" for quantity in quantities(clause)) and not re.search(
        r"\b(?:second|extra|spare|external|additional)\b", clause
    ):
        return None
    for pattern in _BELONGS_TO_ANOTHER:
        if match := re.search(pattern, clause):
            return match["thing"]
    return None
