"""Short questions and small tasks without a text."""

import random
from collections.abc import Iterator

from training import words as w
from training.example import Example, plain, system, user
from training.frames import say

CAPITALS = dict(
    pair.split(":")
    for pair in """Austria:Vienna|Belgium:Brussels|Bulgaria:Sofia|Croatia:Zagreb|Czechia:Prague|Denmark:Copenhagen|Estonia:Tallinn|
Finland:Helsinki|Germany:Berlin|Greece:Athens|Hungary:Budapest|Iceland:Reykjavik|Ireland:Dublin|Italy:Rome|Latvia:Riga|
Lithuania:Vilnius|Luxembourg:Luxembourg|Malta:Valletta|the Netherlands:Amsterdam|Norway:Oslo|Poland:Warsaw|Romania:Bucharest|
Serbia:Belgrade|Slovakia:Bratislava|Slovenia:Ljubljana|Spain:Madrid|Sweden:Stockholm|Switzerland:Bern|Turkey:Ankara|
Ukraine:Kyiv|England:London|Scotland:Edinburgh|Egypt:Cairo|Kenya:Nairobi|Morocco:Rabat|Tunisia:Tunis|Ghana:Accra|
Ethiopia:Addis Ababa|China:Beijing|India:New Delhi|Indonesia:Jakarta|Iran:Tehran|Iraq:Baghdad|Israel:Jerusalem|Jordan:Amman|
South Korea:Seoul|Thailand:Bangkok|Vietnam:Hanoi|the Philippines:Manila|Argentina:Buenos Aires|Brazil:Brasília|Chile:Santiago|
Colombia:Bogotá|Cuba:Havana|Ecuador:Quito|Mexico:Mexico City|Peru:Lima|Uruguay:Montevideo|Canada:Ottawa|Russia:Moscow|
Saudi Arabia:Riyadh|New Zealand:Wellington|Pakistan:Islamabad|Nepal:Kathmandu|Japan:Tokyo|Australia:Canberra|Portugal:Lisbon|
France:Paris|the United States:Washington, D.C.""".replace("\n", "").split("|")
)
OPPOSITES = dict(
    p.split()
    for p in """hot cold|big small|fast slow|early late|light dark|open closed|full empty|high low|young old|
rich poor|strong weak|happy sad|hard soft|wet dry|clean dirty|long short|thick thin|wide narrow|near far|loud quiet|heavy light|
sharp blunt|sweet sour|true false|good bad|new old|easy difficult|cheap expensive|deep shallow|awake asleep|up down|left right|
day night|summer winter|buy sell|push pull|arrive leave|begin end|win lose|give take|love hate|inside outside|above below|always never
""".replace("\n", "").split("|")
)
PLURALS = dict(
    p.split()
    for p in """child children|mouse mice|foot feet|tooth teeth|goose geese|man men|woman women|leaf leaves|
knife knives|wolf wolves|city cities|baby babies|box boxes|dish dishes|potato potatoes|book books|house houses|tree trees|
bus buses|church churches|person people|shelf shelves|lady ladies|cherry cherries|watch watches|wife wives""".replace("\n", "").split("|")
)
PASTS = dict(
    p.split()
    for p in """go went|see saw|eat ate|drink drank|run ran|write wrote|take took|give gave|buy bought|think thought|
come came|find found|sing sang|swim swam|speak spoke|sleep slept|drive drove|fly flew|know knew|make made|begin began|break broke|
read read|teach taught|walk walked|play played|open opened|ask asked|help helped|dance danced""".replace("\n", "").split("|")
)
SOUNDS = dict(p.split() for p in "cow moo|dog woof|cat meow|duck quack|sheep baa|pig oink|horse neigh|rooster cock-a-doodle-doo|lion roar|bee buzz".split("|"))
YOUNG = dict(p.split() for p in "dog puppy|cat kitten|cow calf|sheep lamb|horse foal|hen chick|goat kid|deer fawn|bear cub|duck duckling|swan cygnet|pig piglet|lion cub|goose gosling".split("|"))
WORDS = {
    "French": "dog chien|cat chat|house maison|water eau|bread pain|book livre|red rouge|thank_you merci|good_morning bonjour|yes oui|milk lait|tree arbre|sun soleil|friend ami|night nuit|school école|apple pomme|cheese fromage",
    "German": "dog Hund|cat Katze|house Haus|water Wasser|bread Brot|book Buch|red rot|thank_you danke|good_morning guten_Morgen|yes ja|milk Milch|tree Baum|sun Sonne|friend Freund|night Nacht|school Schule|apple Apfel|cheese Käse",
    "Spanish": "dog perro|cat gato|house casa|water agua|bread pan|book libro|red rojo|thank_you gracias|good_morning buenos_días|yes sí|milk leche|tree árbol|sun sol|friend amigo|night noche|school escuela|apple manzana|cheese queso",
    "Italian": "dog cane|cat gatto|house casa|water acqua|bread pane|book libro|red rosso|thank_you grazie|good_morning buongiorno|yes sì|milk latte|tree albero|sun sole|friend amico|night notte|school scuola|apple mela|cheese formaggio",
}
FACTS = [
    ("[What is|Name] the largest planet[ in the solar system|][?|.]", "Jupiter is the largest planet[ in the solar system|]."),
    ("[Which|What] planet is [known as|called] the red planet?", "Mars is [known as|called] the red planet."),
    ("[Which|What] planet is closest to the sun?", "Mercury is closest to the sun."),
    ("How many legs does a[n|] [spider|octopus] have?", "It has eight."),
    ("How many legs does an insect have?", "An insect has six legs."),
    ("How many days [are there in|does] a week[ have|]?", "A week has seven days."),
    ("How many months [are there in|does] a year[ have|]?", "A year has twelve months."),
    ("How many hours [are there in|does] a day[ have|]?", "A day has 24 hours."),
    ("How many minutes [are there in|does] an hour[ have|]?", "An hour has 60 minutes."),
    ("How many seconds [are in|has] a minute?", "A minute has 60 seconds."),
    ("How many centimetres [are in|has] a metre?", "A metre has 100 centimetres."),
    ("How many grams [are in|has] a kilogram?", "A kilogram has 1000 grams."),
    ("How many continents are there?", "There are seven continents."),
    ("[What is|Name] the largest ocean[?|.]", "The Pacific is the largest ocean."),
    ("[What is|Name] the longest river in [Africa|the world][?|.]", "The Nile is the longest river."),
    ("[What is|Name] the highest mountain[ in the world|][?|.]", "Mount Everest is the highest mountain."),
    ("[What is|Which is] the largest animal?", "The blue whale is the largest animal."),
    ("[What is|Which is] the fastest land animal?", "The cheetah is the fastest land animal."),
    ("[What is|Which is] the tallest animal?", "The giraffe is the tallest animal."),
    ("[Who wrote|Who is the author of] [Hamlet|Macbeth|Romeo and Juliet]?", "William Shakespeare wrote it."),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    ("Who discovered penicillin?", "Alexander Fleming discovered penicillin."),
    ("Who was the first [man|person] on the moon?", "Neil Armstrong was the first person on the moon."),
    ("Who developed the theory of relativity?", "Albert Einstein developed the theory of relativity."),
    ("[What is|Give me] the chemical [symbol|formula] [of|for] water[?|.]", "The chemical formula of water is H2O."),
    ("[What is|Give me] the chemical symbol [of|for] gold[?|.]", "The chemical symbol of gold is Au."),
    ("[What is|Give me] the chemical symbol [of|for] iron[?|.]", "The chemical symbol of iron is Fe."),
    ("[At what temperature|When] does water boil?", "Water boils at 100 degrees Celsius."),
    ("[At what temperature|When] does water freeze?", "Water freezes at 0 degrees Celsius."),
    ("[What|Which] gas do plants [need|take in|absorb]?", "Plants take in carbon dioxide."),
    ("[What|Which] gas do [we|people] breathe in?", "We breathe in oxygen."),
    ("What do bees make?", "Bees make honey."),
    ("What do cows [give|produce]?", "Cows give milk."),
    ("What colour is the sky[ on a clear day|]?", "The sky is blue."),
    ("What colour is grass?", "Grass is green."),
    ("What colour is snow?", "Snow is white."),
    ("What colour is a banana?", "A banana is yellow."),
    ("[What|Which] colour do blue and yellow make?", "Blue and yellow make green."),
    ("[What|Which] colour do red and yellow make?", "Red and yellow make orange."),
    ("[What|Which] colour do red and blue make?", "Red and blue make purple."),
    ("[What|Which] season comes after winter?", "Spring comes after winter."),
    ("[What|Which] season comes after summer?", "Autumn comes after summer."),
    ("In which country is the Eiffel Tower?", "The Eiffel Tower is in France."),
    ("In which country are the pyramids of Giza?", "The pyramids of Giza are in Egypt."),
    ("In which city is the Colosseum?", "The Colosseum is in Rome."),
    ("[Which|What] language do people speak in Brazil?", "People in Brazil speak Portuguese."),
    ("[Which|What] language do people speak in Austria?", "People in Austria speak German."),
    ("[Which|What] currency do they use in Japan?", "Japan uses the yen."),
    ("[Which|What] currency do they use in the United Kingdom?", "The United Kingdom uses the pound."),
    ("What is H2O?", "H2O is water."),
    ("What does [a doctor|a physician] do?", "A doctor treats people who are ill."),
    ("What does a baker do?", "A baker makes bread and cakes."),
    ("What is a [thermometer|thermometer for]?", "A thermometer measures temperature."),
    ("What is [a clock|a watch] for?", "It shows the time."),
    ("What is an umbrella for?", "An umbrella keeps you dry in the rain."),
    ("[What is|Explain] a language model[ in one sentence|][?|.]", "A language model is a program that predicts the next words of a text."),
    ("[What is|Explain] an API[ in one sentence|][?|.]", "An API is a way for programs to talk to each other."),
    ("[What is|Explain] JSON[ in one sentence|][?|.]", "JSON is a text format for data with keys and values."),
    ("[What is|Explain] Python[ in one sentence|][?|.]", "Python is a programming language."),
    ("[What is|Explain] a database[?|.]", "A database stores data so that it can be found again."),
    ("[What is|Explain] a server[?|.]", "A server is a computer or program that answers requests."),
    ("[What is|Explain] photosynthesis[?|.]", "Photosynthesis is how plants turn light, water and carbon dioxide into sugar and oxygen."),
    ("[What is|Explain] gravity[?|.]", "Gravity is the force that pulls things towards each other."),
    ("[Hello|Hi|Hey|Good morning|Good evening|Hi there][!|.|]", "Hello! How can I help you?"),
    ("[How are you|How are you today|How is it going]?", "I'm doing well, thank you. How can I help you?"),
    ("[Thanks|Thank you|Thank you very much][!|.]", "You're welcome!"),
    ("[Who are you|What are you|What is your name|Are you a robot]?", "I'm a small language model that answers your questions."),
    ("[Say|Write] hello[ in one word|].", "Hello!"),
    ("[Bye|Goodbye|See you][!|.]", "Goodbye!"),
    ("[Tell me|Do you know] a joke[?|.]", "Why don't skeletons fight each other? They don't have the guts."),
    ("[Name|List|Give me] three fruits.", "Apple, banana and orange."),
    ("[Name|List|Give me] three [animals|mammals].", "Dog, horse and elephant."),
    ("[Name|List|Give me] three [colours|colors].", "Red, green and blue."),
    ("[Name|List|Give me] three primary colours.", "Red, yellow and blue."),
    ("[Name|List|Give me] three vegetables.", "Carrot, onion and spinach."),
    ("[Name|List|Give me] three planets.", "Mars, Venus and Jupiter."),
    ("[Name|List|Give me] two [metals].", "Iron and copper."),
    ("[Name|List|Give me] three [musical instruments|instruments].", "Piano, violin and flute."),
    ("[Name|List|Give me] three countries in Europe.", "Spain, Poland and Italy."),
    ("[Name|List|Give me] three programming languages.", "Python, Java and C."),
    ("[Count|Please count] [from one |]to five.", "One, two, three, four, five."),
    ("[Count|Please count] [from one |]to ten.", "One, two, three, four, five, six, seven, eight, nine, ten."),
    ("[List|Name] the seasons.", "Spring, summer, autumn and winter."),
    ("[List|Name] the days of the week.", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
    ("Write [one|a] sentence about the [sea|ocean].", "The sea is wide and full of life."),
    ("Write [one|a] sentence about [dogs|a dog].", "A dog is a loyal friend."),
    ("Write [one|a] sentence about [winter|snow].", "In winter, snow covers the fields."),
    ("Write [one|a] sentence about [music].", "Music brings people together."),
    ("Write [one|a] sentence about [trees|a forest].", "The forest is quiet and green."),
    ("Write a haiku[ about rain|].", "Rain on the window,\nsoft voices of falling drops,\nthe garden drinks deep."),
    ("[Give me|Write] a [title|headline] for a story about a [lost dog|dog].", "The Dog Who Found His Way Home"),
    ("[Suggest|Give me] a name for a [cat|kitten].", "How about Whiskers?"),
    ("[Suggest|Give me] a gift for [my mother|a friend].", "A book or a bunch of flowers is a nice gift."),
    ("[How do I|How can I] boil an egg?", "Put the egg into boiling water for eight minutes, then cool it."),
    ("[How do I|How can I] [sleep better|fall asleep]?", "Go to bed at the same time each day and put your phone away."),
    ("[How do I|How can I] [learn|start] to program?", "Begin with a simple language such as Python and write small programs every day."),
    ("[Why is|What makes] the sky blue?", "The air scatters blue light more than red light."),
    ("Why do we sleep?", "Sleep lets the body and the brain rest and recover."),
]  # fmt: skip
ANIMALS = {
    "whale": "mammal",
    "bat": "mammal",
    "dolphin": "mammal",
    "horse": "mammal",
    "eagle": "bird",
    "penguin": "bird",
    "salmon": "fish",
    "shark": "fish",
    "frog": "amphibian",
    "snake": "reptile",
    "lizard": "reptile",
    "ant": "insect",
    "bee": "insect",
}
SYSTEM = ["You are a [helpful|friendly] assistant.", "[Answer briefly|Be brief|Keep it short|Answer in one sentence].", "You are a [teacher|tutor|guide]."]


def short(rng: random.Random) -> tuple[str, str]:
    """Return a short question or a small task, with its answer."""
    kind = rng.random()
    if kind < 0.14:
        country, capital = rng.choice(list(CAPITALS.items()))
        ask = rng.choice(["[What is|What's|Name|Tell me] the capital of {c}[?|.]", "[Which city|What city] is the capital of {c}?"])
        if rng.random() < 0.25:
            return say(rng, "[Of which country is|Which country has] {x} [as its|the] capital?", {"x": capital}), f"{capital} is the capital of {country}."
        return say(rng, ask, {"c": country}), f"The capital of {country} is {capital}."
    if kind < 0.26:
        a, b = rng.randint(1, 12), rng.randint(1, 12)
        if rng.random() < 0.3:
            a, b = rng.randint(10, 60), rng.randint(1, 40)
        sign, word, result = rng.choice([("+", "plus", a + b), ("-", "minus", a - b), ("*", "times", a * b)])
        if result < 0 or result > 144:
            sign, word, result = "+", "plus", a + b
        ask = say(rng, "[What is|How much is|What's|Calculate] {a} [{s}|{w}] {b}[?|.]", {"a": a, "b": b, "s": sign, "w": word})
        return ask, rng.choice([f"{a} {word} {b} is {result}.", f"{a} {sign} {b} = {result}", f"{result}"])
    if kind < 0.33:
        word, other = rng.choice(list(OPPOSITES.items()))
        return say(rng, '[What is the opposite of|Give me the opposite of|What is the antonym of] ["{x}"|{x}][?|.]', {"x": word}), f"The opposite of {word} is {other}."
    if kind < 0.38:
        word, other = rng.choice(list(PLURALS.items()))
        return say(rng, '[What is|Give me] the plural of ["{x}"|{x}][?|.]', {"x": word}), f"The plural of {word} is {other}."
    if kind < 0.42:
        word, other = rng.choice(list(PASTS.items()))
        return say(rng, '[What is|Give me] the past tense of ["{x}"|{x}][?|.]', {"x": word}), f"The past tense of {word} is {other}."
    if kind < 0.48:
        language = rng.choice(list(WORDS))
        word, other = (part.replace("_", " ") for part in rng.choice(WORDS[language].split("|")).split())
        ask = rng.choice(['[How do you say|What is] "{x}" in {l}?', 'Translate ["{x}"|{x}] [into|to] {l}.', "[What is the {l} word for|What is {l} for] {x}?"])
        return say(rng, ask, {"x": word, "l": language}), rng.choice([f'"{word[:1].upper()}{word[1:]}" in {language} is "{other}".', other])
    if kind < 0.51:
        animal, kind_of = rng.choice(list(ANIMALS.items()))
        other = rng.choice(["mammal", "bird", "fish", "reptile", "insect", "amphibian"])
        article = "an" if other[0] in "ai" else "a"
        answer = (
            f"Yes, a{'n' if animal[0] in 'ae' else ''} {animal} is {article} {other}."
            if other == kind_of
            else f"No, a{'n' if animal[0] in 'ae' else ''} {animal} is a{'n' if kind_of[0] in 'ai' else ''} {kind_of}."
        )
        return f"Is a{'n' if animal[0] in 'ae' else ''} {animal} {article} {other}?", answer
    if kind < 0.54:
        days, step = rng.choice([(w.DAYS, "day"), (w.MONTHS, "month")])
        at = rng.randrange(len(days))
        if rng.random() < 0.6:
            return say(rng, "[Which|What] {s} comes after {d}?", {"s": step, "d": days[at]}), f"{days[(at + 1) % len(days)]} comes after {days[at]}."
        return say(rng, "[Which|What] {s} comes before {d}?", {"s": step, "d": days[at]}), f"{days[at - 1]} comes before {days[at]}."
    if kind < 0.57:
        a, b = rng.sample(range(1, 1000), 2)
        more = rng.random() < 0.5
        ask = say(rng, "[Which number is|Which is|What is] {w}, {a} or {b}?", {"w": "larger" if more else "smaller", "a": a, "b": b})
        return ask, f"{max(a, b) if more else min(a, b)} is {'larger' if more else 'smaller'}."
    if kind < 0.61:
        phrase = rng.choice([rng.choice(w.PRODUCTS), rng.choice(w.FOODS), f"{rng.choice(w.COLOURS)} {rng.choice(w.PETS)}", f"hello from {rng.choice(w.CITIES)}", str(w.code(rng))])
        return say(rng, "[Repeat|Say|Write] [after me|exactly|this|]: {p}", {"p": phrase}), phrase
    if kind < 0.64:
        return _instruction(rng)
    if kind < 0.655:
        animal, young = rng.choice(list(YOUNG.items()))
        return say(rng, "[What is a young {a} called|What do you call a baby {a}]?", {"a": animal}), f"A young {animal} is called a {young}."
    if kind < 0.67:
        animal, sound = rng.choice(list(SOUNDS.items()))
        return say(rng, "[What sound does a {a} make|What does a {a} say]?", {"a": animal}), f"A {animal} says {sound}."
    ask, answer = rng.choice(FACTS)
    return say(rng, ask), say(rng, answer)


SPELLED = dict(
    p.split()
    for p in "becuase because|freind friend|recieve receive|tommorow tomorrow|adress address|wierd weird|definately definitely|seperate separate|begining beginning|untill until|beleive believe|calender calendar|goverment government|libary library|neccessary necessary|occured occurred|peice piece|writting writing|langauge language|knowlege knowledge".split(
        "|"
    )
)
TRUTHS = [
    ("is snow cold", True),
    ("is the sun hot", True),
    ("is ice warm", False),
    ("can fish swim", True),
    ("can stones fly", False),
    ("is a week shorter than a day", False),
    ("is ten more than two", True),
    ("is five more than nine", False),
    ("is the moon made of cheese", False),
    ("do cats bark", False),
    ("do birds have wings", True),
    ("is honey sweet", True),
    ("is salt sweet", False),
    ("is a feather heavy", False),
    ("does the sun rise in the east", True),
    ("is Rome in Italy", True),
    ("is Madrid in Sweden", False),
    ("is coal black", True),
    ("is milk green", False),
]


def _instruction(rng: random.Random) -> tuple[str, str]:
    kind = rng.random()
    if kind < 0.2:
        phrase = w.any_words(rng) + rng.choice(["", f" {w.any_words(rng)}"])
        return say(rng, "[Write|Put|Say] [this|the following] in [capital|upper-case] letters: {p}", {"p": phrase}), phrase.upper()
    if kind < 0.3:
        phrase = w.any_words(rng).upper()
        return say(rng, "[Write|Put] [this|the following] in [small|lower-case] letters: {p}", {"p": phrase}), phrase.lower()
    if kind < 0.5:
        truth, right = rng.choice(TRUTHS)
        return say(rng, "[Answer|Reply] [only |][with|] yes or no[ only|]: {t}?", {"t": truth}), "Yes" if right else "No"
    if kind < 0.65:
        wrong, right = rng.choice(list(SPELLED.items()))
        frame = rng.choice(["I {x} it.", "It is {x}.", "The {x} was long.", "{x}"])
        return say(rng, "[Correct|Fix] the spelling: ") + frame.replace("{x}", wrong), frame.replace("{x}", right)
    if kind < 0.85:
        name, word = str(w.person(rng)), rng.choice(["hello", "good morning", "goodbye", "good night"])
        return say(rng, "[Say|Write] {w} to {n}.", {"w": word, "n": name}), f"{word.capitalize()}, {name}!"
    word = w.any_words(rng).split()[0]
    return say(rng, '[What is|Give me] the first letter of [the word |]"{p}"[?|.]', {"p": word}), word[0]


def one(rng: random.Random) -> Example:
    question, answer = short(rng)
    messages = [user(question)]
    if rng.random() < 0.2:
        messages.insert(0, system(say(rng, rng.choice(SYSTEM))))
    return Example("chat", messages, plain(answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
