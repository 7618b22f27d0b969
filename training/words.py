"""Word lists, and values made from them. All of them were written for this purpose."""

import random
import string
from collections.abc import Callable

from training.frames import Value

FIRST = """Aaron Abigail Adrian Agnes Alan Albert Alina Amir Amy Andrea Angela Anita Anton Arthur Astrid Beatrice Ben Bianca
Boris Brenda Bruno Carla Carmen Cecilia Charles Chloe Clara Claude Conrad Daniel Daphne David Deborah Diego Dora Edgar
Edith Elias Ellen Elsa Emil Erik Esther Ethan Eva Fatima Felix Fiona Frank Frida Gabriel George Gina Gloria Greta Gustav
Hannah Harold Hector Helen Henry Hugo Ian Ida Igor Ingrid Irene Isaac Ivan Ivy Jack Jana Jasper Jean Joan Jonas Judith
Julia Karen Karl Kate Kenji Kevin Kim Lars Laura Leah Leo Liam Linda Lorenzo Lucas Lucy Luis Mabel Magnus Maria Mark
Martha Martin Mateo Maya Megan Mia Miguel Milan Mina Mona Nadia Nathan Nina Noah Nora Olga Oliver Omar Oscar Otto Pablo
Paul Pedro Petra Philip Priya Rachel Ralph Rosa Ruth Sam Sandra Sarah Sergei Silvia Simon Sofia Stefan Susan Tara Theo
Thomas Tina Tom Ursula Valerie Vera Victor Viktor Walter Wendy William Yara Yusuf Zoe Hiroshi Mei Ravi Lakshmi Kwame
Amara Chidi Ines Joao Bogdan Milena Tariq Leila Soren Maja Aoife Declan Rhys Carys""".split()
LAST = """Adams Alvarez Andersen Baker Barnes Becker Bell Bennett Berg Bishop Blake Brandt Brooks Brown Burke Carter Castro
Chen Clark Cohen Cole Collins Cooper Costa Cruz Dahl Dean Diaz Dixon Duarte Dubois Eriksen Evans Farrell Fischer Fisher
Fletcher Flores Ford Foster Fox Garcia Gibson Gomez Grant Green Gupta Hall Hansen Harper Hayes Hoffman Holm Hughes Hunt
Ito Jansen Jensen Jones Kaiser Kaur Kelly Khan Klein Kovac Kumar Lang Larsen Lee Lewis Lopez Marsh Martinez Mason Mendes
Meyer Moore Moreau Morgan Murphy Nakamura Nelson Nguyen Novak Okafor Olsen Ortiz Owens Palmer Park Patel Perez Peters
Petrov Porter Price Quinn Ramos Reed Reyes Rivera Roberts Romano Rossi Russo Santos Schmidt Schulz Scott Shaw Silva
Singh Sloan Smith Sousa Stone Suzuki Tanaka Taylor Thorne Torres Tran Turner Vargas Vega Wagner Walsh Ward Watson Weber
West White Wilson Wood Wright Yamada Young Zimmer""".split()
CITIES = """Athens Auckland Austin Baltimore Bangkok Barcelona Basel Belfast Bergen Berlin Bilbao Bogota Bologna Bonn Boston
Bremen Bristol Brussels Bucharest Budapest Cairo Calgary Cardiff Chicago Cologne Copenhagen Cork Dallas Delhi Denver
Dresden Dublin Durban Edinburgh Florence Frankfurt Geneva Genoa Ghent Glasgow Graz Hamburg Hanoi Helsinki Houston
Istanbul Jakarta Kyoto Lagos Leeds Leipzig Lille Lima Linz London Lyon Madrid Malaga Manila Marseille Melbourne Miami
Milan Montreal Munich Nairobi Nantes Naples Oporto Osaka Oslo Ottawa Palermo Perth Porto Prague Quito Riga Rome
Rotterdam Salzburg Seattle Seoul Seville Sofia Stockholm Sydney Taipei Tallinn Tampere Tokyo Toronto Toulouse Trieste
Tunis Turin Utrecht Valencia Vancouver Venice Vienna Vilnius Warsaw Zagreb Zurich""".split()
COMPANIES = """Northgate|Brightwater|Halden Foods|Kestrel Air|Bluepeak|Fernwood|Orbis|Quillon|Redstone|Silverline|Tamarin|
Umbra Labs|Vantage|Westbrook|Zephyr|Alder & Sons|Copperfield|Driftwood Media|Evergreen Energy|Fairmont|Granite Works|
Harborview|Ironbridge|Juniper Bank|Lanternfish|Meridian|Novaform|Oakridge|Pinecrest|Riverton Motors|Solara|Thistle Group|
Mosaic Travel|Cobalt Systems|Larkspur Clinic|Amber Logistics""".replace("\n", "").split("|")
PRODUCTS = """desk lamp|garden hose|office chair|electric kettle|rain jacket|mountain bike|water bottle|coffee grinder|phone case|
yoga mat|tent|sleeping bag|winter coat|pair of boots|toaster|blender|bookshelf|wool blanket|headset|keyboard|monitor|router|
tablet|laptop|camera|printer|vacuum cleaner|drill|saw|paint roller|suitcase|backpack|umbrella|wallet|wristwatch|guitar|
piano stool|violin|drum kit|scarf|pillow|mattress|rug|mirror|candle|clock|teapot|frying pan|knife set|fridge|washing machine|
heater|fan|bicycle pump|helmet|scooter|skateboard|tennis racket|football|chess set|puzzle|toy train|novel|notebook|pen|
stapler|microphone|speaker|projector|telescope|microscope|thermometer|shovel|lawn mower""".replace("\n", "").split("|")
COLOURS = "red blue green yellow orange purple black white grey brown pink turquoise silver gold beige navy maroon teal".split()
FOODS = """pasta|rice|lentil soup|tomato soup|pancakes|apple pie|chicken curry|fish and chips|salad|pizza|sushi|tacos|noodles|
risotto|omelette|burger|falafel|dumplings|paella|stew|porridge|lasagne|ramen|goulash|cheesecake|waffles|hummus""".replace("\n", "").split("|")
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
HOBBIES = """chess|painting|running|gardening|photography|swimming|climbing|baking|knitting|fishing|cycling|singing|dancing|
sailing|skiing|hiking|pottery|astronomy|birdwatching|juggling|surfing|origami""".replace("\n", "").split("|")
JOBS = """nurse|teacher|plumber|lawyer|pilot|baker|carpenter|dentist|engineer|farmer|gardener|journalist|librarian|mechanic|
musician|painter|pharmacist|photographer|programmer|sailor|scientist|tailor|translator|vet|waiter|electrician|architect|
accountant|firefighter|chef""".replace("\n", "").split("|")
PETS = "dog cat rabbit parrot hamster turtle horse goat lizard goldfish ferret pony".split()
PET_NAMES = """Biscuit Pepper Luna Rocky Coco Ginger Shadow Bella Toffee Pickles Smokey Waffles Domino Marble Hazel Noodle
Pumpkin Rusty Misty Bandit Clover Maple Olive Peanut Sable Ziggy""".split()
LANGUAGES = "French German Spanish Italian Portuguese Dutch Polish Swedish Japanese Korean Turkish Greek Arabic Hindi".split()
ILLNESSES = "migraine asthma flu bronchitis diabetes anaemia sprain eczema tonsillitis".split()
DRUGS = "ibuprofen paracetamol amoxicillin insulin cetirizine aspirin metformin salbutamol omeprazole".split()
STREETS = "Mill Lane|Station Road|Church Street|Park Avenue|High Street|Bridge Road|Elm Street|King Street|Garden Way".split("|")
ROOMS = "kitchen bedroom bathroom garage attic cellar hallway office library studio balcony".split()
TEAMS = "Falcons Tigers Rovers Wolves Sharks Eagles Bears Panthers Hawks Dragons Lions Comets Rangers Pirates".split()
INSTRUMENTS = "piano violin guitar flute drums cello trumpet harp saxophone clarinet".split()
GENRES = "thriller comedy drama fantasy horror romance biography documentary western mystery".split()
TITLES = """The Silent Harbour|Winter Bread|A Map of Rain|The Ninth Door|Salt and Stone|The Glass Orchard|Northern Lights|
The Clockmaker|Paper Boats|The Last Lantern|Under the Linden|Blue Hour|The Long Tide|Ashes of Spring|The Hidden Garden""".replace("\n", "").split("|")
TASKS = """call the bank|water the plants|buy milk|pay the rent|book a flight|clean the oven|renew the passport|fix the bike|
send the invoice|walk the dog|order new tyres|return the parcel|charge the drill|update the website|write the minutes|
print the tickets|visit the dentist|feed the cat|mow the lawn|sharpen the knives|pack the suitcase|test the alarm""".replace("\n", "").split("|")
INGREDIENTS = """flour|sugar|butter|eggs|milk|salt|yeast|garlic|onions|tomatoes|basil|cream|cheese|lemon|honey|rice|beans|carrots|
potatoes|mushrooms|spinach|ginger|cinnamon|walnuts""".replace("\n", "").split("|")
SKILLS = """Python|Java|Excel|welding|bookkeeping|Photoshop|first aid|negotiation|SQL|data entry|public speaking|driving|
copywriting|carpentry|Spanish|German""".replace("\n", "").split("|")

Make = Callable[[random.Random], Value]

# Words of all kinds, for texts to copy from; `data` replaces them with the tokenizer's own.
VOCABULARY: list[str] = ["lantern", "marble", "orchard"]
_SYLLABLES = "ba be bo bri ca ce cho da del dra e el en fa fi ga gri ha hil i im ja jo ka ke kri la le lo lu ma mi mo na ne no o ol or pa pe pra qui ra re ri ro sa se sha sto ta te ti tra u ul va ve vo wa we xa ya yo za zé ø ö ü á ł ñ ç".split()
_ENDINGS = "n s r l th ck m nd a o e i us os ia ov ski sen ak et in ur".split()


def invented(rng: random.Random) -> str:
    """Return an invented word, as names often are."""
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 3))) + rng.choice(_ENDINGS)


def any_words(rng: random.Random) -> str:
    """Return one or two words of the vocabulary."""
    return " ".join(rng.choices(VOCABULARY, k=rng.choice([1, 1, 2])))


NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def words(options: list[str]) -> Make:
    """Return a function that picks one of `options`."""

    closed = len(options) < 22 or options is COLOURS or options is LANGUAGES
    proper = all(option[:1].isupper() for option in options)

    def make(rng: random.Random) -> Value:
        option = rng.choice(options)
        if not closed and rng.random() < 0.3:
            option = invented(rng).capitalize() if proper else any_words(rng)
        return Value(option, option)

    return make


def _name(rng: random.Random, options: list[str]) -> str:
    return invented(rng).capitalize() if rng.random() < 0.3 else rng.choice(options)


def person(rng: random.Random) -> Value:
    name = _name(rng, FIRST) + (f" {_name(rng, LAST)}" if rng.random() < 0.65 else "")
    return Value(name, name)


def full_name(rng: random.Random) -> Value:
    name = f"{_name(rng, FIRST)} {_name(rng, LAST)}"
    return Value(name, name)


def whole(low: int, high: int, *, spelled: float = 0.2) -> Make:
    """Return a function that picks a whole number from `low` to `high`, sometimes written as a word."""

    def make(rng: random.Random) -> Value:
        number = rng.randint(low, high)
        if number < len(NUMBER_WORDS) and number > 0 and rng.random() < spelled:
            return Value(NUMBER_WORDS[number], number)
        return Value(f"{number:,}" if number > 9999 and rng.random() < 0.5 else str(number), number)

    return make


def decimal(low: float, high: float, digits: int = 1) -> Make:
    """Return a function that picks a number with up to `digits` decimals."""

    def make(rng: random.Random) -> Value:
        number = round(rng.uniform(low, high), digits)
        number = int(number) if number == int(number) else number
        return Value(str(number), number)

    return make


def money(low: int, high: int) -> Make:
    """Return a function that picks an amount with its currency, written in one of many ways; its JSON is the number."""

    def make(rng: random.Random) -> Value:
        amount: float = rng.randint(low, high)
        if rng.random() < 0.35:
            amount = round(amount + rng.choice([0.5, 0.99, 0.95, 0.25, 0.75, rng.randint(1, 99) / 100]), 2)
        number = f"{amount:,.2f}" if isinstance(amount, float) else (f"{amount:,}" if rng.random() < 0.5 else str(amount))
        text = rng.choice(["${}", "{} dollars", "€{}", "{} euros", "£{}", "{} pounds", "{} USD", "{} EUR", "{} €", "{} yen"])
        return Value(text.format(number), amount)

    return make


def measure(low: float, high: float, *units: str, digits: int = 0) -> Make:
    """Return a function that picks a quantity with its unit, such as "16 GB"; its JSON is the number."""

    def make(rng: random.Random) -> Value:
        number: float = rng.randint(int(low), int(high)) if not digits else round(rng.uniform(low, high), digits)
        number = int(number) if number == int(number) else number
        unit = rng.choice(units)
        glue = "" if rng.random() < 0.3 and len(unit) <= 3 else rng.choice([" ", " ", " ", "-"]) if rng.random() < 0.1 else " "
        return Value(f"{number}{glue}{unit}", number)

    return make


def power_of_two(low: int, high: int, *units: str) -> Make:
    """Return a function that picks from 2^`low` to 2^`high` with a unit, like a size of memory."""

    def make(rng: random.Random) -> Value:
        number = 2 ** rng.randint(low, high)
        unit = rng.choice(units)
        return Value(f"{number}{rng.choice(['', ' ', ' '])}{unit}", number)

    return make


def date(rng: random.Random) -> Value:
    day, month, year = rng.randint(1, 28), rng.randrange(12), rng.randint(1995, 2031)
    text = rng.choice(
        [
            f"{day} {MONTHS[month]} {year}",
            f"{MONTHS[month]} {day}, {year}",
            f"{year}-{month + 1:02}-{day:02}",
            f"{day:02}/{month + 1:02}/{year}",
            f"{day} {MONTHS[month]}",
            f"{MONTHS[month]} {day}",
        ]
    )
    return Value(text, text)


def clock(rng: random.Random) -> Value:
    hour, minute = rng.randint(1, 12), rng.choice([0, 5, 10, 15, 20, 30, 40, 45, 50, 55])
    text = rng.choice([f"{hour}:{minute:02} {rng.choice(['am', 'pm'])}", f"{hour + rng.choice([0, 11]):02}:{minute:02}", f"{hour} {rng.choice(['am', 'pm'])}"])
    return Value(text, text)


def year(rng: random.Random) -> Value:
    number = rng.randint(1850, 2030)
    return Value(str(number), number)


def code(rng: random.Random) -> Value:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    digits = "".join(rng.choices(string.digits, k=rng.randint(3, 6)))
    text = rng.choice([f"{letters}-{digits}", f"{letters}{digits}", f"#{digits}", digits, f"{digits}-{letters}"])
    return Value(text, text)


def email(rng: random.Random) -> Value:
    name, host = rng.choice(FIRST).lower(), rng.choice(COMPANIES).split()[0].lower()
    text = f"{name}{rng.choice(['', '.' + rng.choice(LAST).lower(), str(rng.randint(1, 99))])}@{host}.{rng.choice(['com', 'org', 'net', 'eu'])}"
    return Value(text, text)


def phone(rng: random.Random) -> Value:
    text = f"{rng.choice(['+44 ', '+1 ', '+49 ', '0', ''])}{rng.randint(20, 999)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"
    return Value(text, text)


def address(rng: random.Random) -> Value:
    text = f"{rng.randint(1, 240)} {rng.choice(STREETS)}"
    return Value(text, text)


def model_name(rng: random.Random) -> Value:
    syllables = rng.choices("ra vo lin tek mar nova zen plu kor bri sol ex ti quo fen gal hy ori".split(), k=rng.randint(2, 3))
    name = "".join(syllables).capitalize()
    text = name + rng.choice(["", "", f" {rng.randint(2, 900)}", " Pro", " Mini", " X", "Book", "Pad", "Phone", " Air"])
    return Value(text, text)


def some(options: list[str], low: int = 2, high: int = 4) -> Make:
    """Return a function that picks a few of `options`, written as an enumeration; its JSON is the list."""

    def make(rng: random.Random) -> Value:
        chosen = rng.sample(options, rng.randint(low, min(high, len(options))))
        if options[0][:1].islower() and options is not COLOURS:
            chosen = [any_words(rng) if rng.random() < 0.25 else one for one in chosen]
        chosen = list(dict.fromkeys(chosen))
        *rest, last = chosen
        text = rng.choice([", ".join(chosen), f"{', '.join(rest)} and {last}", f"{', '.join(rest)} and {last}"])
        return Value(text, chosen)

    return make
