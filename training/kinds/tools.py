"""Function calls: the right function with arguments from the request, two calls, or none if no function fits."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from training import words as w
from training.example import Example, Message, plain, system, user
from training.frames import Value, choose, fill, say
from training.kinds.context import sentences


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function: alternative names, how to make a value, its JSON type, its description, its choices."""

    names: str
    make: w.Make
    kind: str = "string"
    about: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function: alternative names, descriptions, parameters by slot, requests for it, its results and their meaning."""

    names: str
    about: str
    parameters: dict[str, Parameter]
    asks: list[str]
    result: str
    answer: str


def p(names: str, make: w.Make, kind: str = "string", about: str = "", choices: tuple[str, ...] = ()) -> Parameter:
    return Parameter(names, make, kind, about, choices)


def number(low: int, high: int) -> w.Make:
    return w.whole(low, high, spelled=0.12)


def _topic(rng: random.Random) -> Value:
    text = say(
        rng,
        "[the opening hours of the museum|the rules for parking|vacation days|the {x} of {p}|how to clean the {p}|the warranty of the {p}|"
        "the fastest way to {c}|train times to {c}|the history of {c}|who invented the {p}|the safety of {p}s|travel costs]",
        {"x": rng.choice(["price", "weight", "colour", "age", "size"]), "p": rng.choice(w.PRODUCTS), "c": rng.choice(w.CITIES)},
    )
    text = text[:1].lower() + text[1:]
    return Value(text, text)


def _message(rng: random.Random) -> Value:
    text = rng.choice(["I am late", "see you soon", "the meeting is cancelled", "dinner is ready", "call me back", "happy birthday", "the parcel is here", "we won", "the key is under the mat"])
    return Value(text, text)


def _enum(*choices: str) -> w.Make:
    return w.words(list(choices))


FUNCTIONS = [
    Function(
        "get_weather weather current_weather fetch_weather",
        "Get the [current |]weather [for|in|of] a city.",
        {"city": p("city location place", w.words(w.CITIES), about="[The city|Name of the city]")},
        ["[What is|How is|What's] the weather [in|like in] {city}[ today|]?", "[Is it raining|Do I need an umbrella|Is it cold] in {city}?", "[Tell me|Show me] the weather [for|in] {city}."],
        "{n} degrees, {sky}",
        "[In {city} it is|It is] {n} degrees and {sky}[ in {city}|].",
    ),
    Function(
        "get_forecast forecast weather_forecast",
        "[Forecast|Predict] the weather of a city for [the next|some] days.",
        {"city": p("city location", w.words(w.CITIES)), "days": p("days number_of_days", number(2, 10), "integer", "[How many days ahead|Number of days]")},
        ["[What will the weather be in|Give me the forecast for] {city} for [the next|] {days} days[?|.]", "{days}-day forecast for {city}[, please|]."],
        "mostly {sky}, up to {n} degrees",
        "[It will be|The forecast is] mostly {sky}, [with|] up to {n} degrees.",
    ),
    Function(
        "convert_currency convert exchange currency_converter change_money",
        "Convert [an amount of|] money [from one currency to another|between currencies].",
        {
            "amount": p("amount value sum", w.decimal(1, 900, 0), "number", "[The amount|How much]"),
            "source": p("from_currency from source source_currency", _enum("USD", "EUR", "GBP", "JPY", "dollars", "euros", "pounds", "yen", "francs", "rupees")),
            "target": p("to_currency to target target_currency", _enum("USD", "EUR", "GBP", "CHF", "SEK", "pesos", "crowns", "rand", "lira", "zloty")),
        },
        [
            "[Convert|Change|Exchange] {amount} {source} [to|into] {target}.",
            "[How much is|What are] {amount} {source} in {target}?",
            "I have {amount} {source}[.|,] [how many {target} is that|what is that in {target}]?",
        ],
        "{n}",
        "{amount} {source} are {n} {target}.",
    ),
    Function(
        "convert_units unit_converter convert_length convert_measure",
        "Convert [a length|a measure|units].",
        {
            "amount": p("value amount quantity", w.decimal(1, 400, 1), "number"),
            "source": p("from_unit from unit", _enum("miles", "feet", "inches", "yards", "gallons", "ounces")),
            "target": p("to_unit to", _enum("kilometres", "metres", "centimetres", "litres", "grams", "millimetres")),
        },
        ["[Convert|Change] {amount} {source} [to|into] {target}.", "How many {target} are {amount} {source}?"],
        "{n}",
        "{amount} {source} are {n} {target}.",
    ),
    Function(
        "get_price price price_of lookup_price product_price",
        "[Get|Look up] the price of a product[ in euros|].",
        {"product": p("product item name article", w.words([*w.PRODUCTS]), about="[The product|Name of the product]")},
        ["[How much is|What is the price of|What does] the {product}[ cost|]?", "[Tell me the|I need the|Look up the] price of the {product}.", "How [expensive|much] is the {product}?"],
        "{n} euros",
        "The {product} costs {n} euros.",
    ),
    Function(
        "get_stock check_stock stock inventory availability",
        "[Check|Say] how many of a product are in stock.",
        {"product": p("product item article", w.words(w.PRODUCTS))},
        ["[Do you have|Is there] [a|the] {product} in stock?", "How many {product}s [are left|do you have]?", "[Check|Look] whether the {product} is available."],
        "{n} in stock",
        "[There are|We have] {n} in stock.",
    ),
    Function(
        "send_email email write_email mail",
        "Send an email.",
        {"to": p("to recipient address email", w.email), "subject": p("subject title", _topic)},
        ["[Send an email|Write] to {to} about {subject}.", "Email {to} [on|about] {subject}."],
        "sent",
        "[The email was|I have] sent[ to {to}|].",
    ),
    Function(
        "send_message message text_message send_sms",
        "Send a [text |]message to [a person|somebody].",
        {"to": p("recipient to person contact name", w.words(w.FIRST)), "text": p("text message body content", _message)},
        ["[Tell|Text|Message] {to} that {text}.", '[Send {to} a message|Write to {to}]: "{text}"', "Let {to} know that {text}."],
        "delivered",
        "[The message to {to} was delivered|I told {to}].",
    ),
    Function(
        "set_timer timer start_timer countdown",
        "Set a timer[ in minutes|].",
        {"minutes": p("minutes duration_minutes duration", number(1, 90), "integer", "[Minutes|Length in minutes]")},
        ["[Set a timer|Start a timer|Wake me] [for|in] {minutes} minutes.", "[Timer|Countdown]: {minutes} minutes[, please|].", "[Remind me|Ring] in {minutes} minutes."],
        "timer set",
        "[The timer is set|I set a timer] for {minutes} minutes.",
    ),
    Function(
        "set_alarm alarm wake_up",
        "Set an alarm[ clock|].",
        {"time": p("time at when", w.clock)},
        ["[Wake me up|Set an alarm|Ring] at {time}.", "[Alarm|I must get up] at {time}[, please|]."],
        "alarm set",
        "The alarm is set for {time}.",
    ),
    Function(
        "create_event add_event calendar schedule_meeting add_to_calendar",
        "[Add an event to|Put an appointment into] the calendar.",
        {
            "title": p("title name event subject", w.words(["dentist", "lunch with Anna", "team meeting", "yoga", "parents' evening", "haircut", "job interview", "piano lesson", "budget review"])),
            "date": p("date day when", w.date),
            "time": p("time start start_time", w.clock),
        },
        ["[Add|Put|Schedule|Enter] {title} on {date} at {time}.", "[I have|There is] {title} on {date} at {time}[, put it into my calendar|]."],
        "saved",
        "{title} is in [the|your] calendar for {date} at {time}.",
    ),
    Function(
        "book_table reserve_table table_reservation reserve",
        "[Book|Reserve] a table [in a restaurant|].",
        {
            "restaurant": p("restaurant place name", w.words([f"{n}'s" for n in w.FIRST[:70]] + ["the Blue Lantern", "the Old Mill", "Casa Verde"])),
            "people": p("people guests party_size persons", number(2, 12), "integer"),
            "time": p("time at", w.clock),
        },
        ["[Book|Reserve] a table [at|in] {restaurant} for {people}[ people|] at {time}.", "We are {people} and want to eat at {restaurant} at {time}."],
        "confirmed",
        "[Your table|The table] at {restaurant} is [booked|confirmed] for {time}.",
    ),
    Function(
        "track_order order_status get_order lookup_order where_is_order",
        "[Look up|Say] [where an order is|the status of an order].",
        {"order": p("order_id order number id order_number", w.code, about="[The number of the order|Order number]")},
        ["[Where is|What about|What is the status of] [my|the] order {order}?", "[Has|When will] order {order} [arrived|arrive]?", "[Track|Check|Look up] order {order}."],
        "in {city}, arrives on {day}",
        "[It|Order {order}] is in {city} and arrives on {day}.",
    ),
    Function(
        "cancel_order cancel",
        "Cancel an order.",
        {"order": p("order_id order number", w.code), "reason": p("reason why", _enum("too late", "wrong size", "no longer needed", "found it cheaper", "ordered twice"))},
        ["[Cancel|Stop] order {order}[,| because it was|:] {reason}.", "I don't want order {order}: {reason}."],
        "cancelled",
        "Order {order} [was|is] cancelled.",
    ),
    Function(
        "search_documents search knowledge_search search_docs find_documents lookup search_wiki search_web file_search",
        "[Search|Look] [in|through] [the|our] [documents|handbook|database|web|files|knowledge base][ for information|].",
        {"query": p("query q question search_query text", _topic, about="[What to look for|The question|The query to search for]")},
        ["[Search for|Look up|Find|Find out about|What do we know about] {query}[.|?]", "[Tell me about|I want to know] {query}."],
        "{fact}",
        "{fact}",
    ),
    Function(
        "translate translate_text translator",
        "Translate [a text|words|a sentence].",
        {"text": p("text phrase sentence input", _message), "language": p("language target_language to", w.words(w.LANGUAGES))},
        ['[Translate|Say] "{text}" [into|in] {language}.', 'How do you say "{text}" in {language}?', "[Translate|Put] {text} into {language}."],
        "done",
        "[It is|The text was] translated into {language}.",
    ),
    Function(
        "calculate_tip tip",
        "[Calculate|Work out] the tip of a bill.",
        {"bill": p("bill amount total", w.decimal(8, 240, 2), "number"), "percent": p("percent tip_percent rate", number(5, 25), "number")},
        ["[What is|How much is] a {percent}% tip on {bill}?", "[Calculate|Work out] {percent} percent tip [for|on] a bill of {bill}."],
        "{n}",
        "The tip is {n}.",
    ),
    Function(
        "add sum add_numbers plus",
        "Add two numbers.",
        {"a": p("a x first", number(1, 990), "number"), "b": p("b y second", number(1, 990), "number")},
        ["[What is|How much is|Calculate] {a} [plus|+] {b}[?|.]", "Add {a} [and|to] {b}."],
        "{n}",
        "[The sum is|It is] {n}.",
    ),
    Function(
        "multiply times product",
        "Multiply two numbers.",
        {"a": p("a x first", number(2, 99), "number"), "b": p("b y second", number(2, 99), "number")},
        ["[What is|How much is|Calculate] {a} [times|multiplied by|x] {b}[?|.]", "Multiply {a} [by|and] {b}."],
        "{n}",
        "[The product is|It is] {n}.",
    ),
    Function(
        "get_time current_time time_in world_clock",
        "[Get|Say] the [current |]time in a city.",
        {"city": p("city place location timezone", w.words(w.CITIES))},
        ["[What time is it|What's the time] in {city}?", "[How late is it|Tell me the time] in {city}[?|.]"],
        "{t}",
        "It is {t} in {city}.",
    ),
    Function(
        "get_distance distance route_length how_far",
        "[Get|Measure] the distance between two cities.",
        {"start": p("from start origin city_a", w.words(w.CITIES)), "goal": p("to end destination city_b", w.words(w.CITIES))},
        ["How far is it from {start} to {goal}?", "[What is the distance|How many kilometres are there] between {start} and {goal}?"],
        "{n} km",
        "[It is|The distance is] {n} km[ from {start} to {goal}|].",
    ),
    Function(
        "find_flights search_flights flights book_flight",
        "[Find|Search] flights.",
        {"start": p("origin from departure_city", w.words(w.CITIES)), "goal": p("destination to arrival_city", w.words(w.CITIES)), "date": p("date day departure_date", w.date)},
        ["[Find|Book|Search|I need] [a flight|flights] from {start} to {goal} on {date}.", "[I want to fly|Can I fly] from {start} to {goal} on {date}[.|?]"],
        "{n} flights",
        "There are {n} flights from {start} to {goal}.",
    ),
    Function(
        "play_music play play_song music",
        "Play music[ of an artist|].",
        {"artist": p("artist band musician query", w.words(["Mozart", "the Beatles", "Nina Simone", "Abba", "Bach", "Queen", "Miles Davis", "Vivaldi"]))},
        ["[Play|Put on] [something by|] {artist}.", "I want to [hear|listen to] {artist}."],
        "playing",
        "[Now playing|I am playing] {artist}.",
    ),
    Function(
        "turn_on_light light switch_light set_light",
        "Switch the light of a room on or off.",
        {"room": p("room where location", w.words(w.ROOMS)), "state": p("state action mode", _enum("on", "off"), choices=("on", "off"))},
        ["[Turn|Switch] {state} the light in the {room}.", "Lights {state} in the {room}[, please|]."],
        "done",
        "The light in the {room} is {state}.",
    ),
    Function(
        "set_temperature thermostat heating set_heating",
        "Set the temperature of a room.",
        {"room": p("room location", w.words(w.ROOMS)), "degrees": p("degrees temperature celsius", number(14, 26), "number")},
        ["[Set|Turn] the [heating|temperature] in the {room} to {degrees}[ degrees|].", "Make the {room} {degrees} degrees warm."],
        "set",
        "The {room} is set to {degrees} degrees.",
    ),
    Function(
        "add_to_list add_item shopping_list_add remember_item",
        "Add an item to the shopping list.",
        {"item": p("item product thing", w.words(w.INGREDIENTS)), "quantity": p("quantity amount count", number(1, 20), "integer")},
        ["[Add|Put] {quantity} {item} [to|on] [the|my] [list|shopping list].", "We need {quantity} {item}."],
        "added",
        "{quantity} {item} [is|are] on the list.",
    ),
    Function(
        "create_ticket open_ticket report_bug new_ticket",
        "Open a ticket for [the support|a problem].",
        {
            "title": p("title summary problem subject", w.words(["printer jams", "no sound", "screen flickers", "slow network", "lost badge", "broken chair"])),
            "priority": p("priority urgency level", _enum("low", "medium", "high"), choices=("low", "medium", "high")),
        },
        ["[Open|Create] a {priority} priority ticket: {title}.", "[Report|Please note]: {title}, priority {priority}."],
        "ticket {n}",
        "[The ticket is|I opened ticket] {n}.",
    ),
    Function(
        "find_recipe recipe get_recipe recipe_for",
        "Find a recipe for a dish.",
        {"dish": p("dish food name meal", w.words(w.FOODS))},
        ["[How do I make|How do you cook|I want to cook] {dish}[?|.]", "[Find|Give me|Show me] a recipe for {dish}."],
        "takes {n} minutes",
        "{dish} takes {n} minutes.",
    ),
    Function(
        "get_population population inhabitants",
        "[Get|Look up] how many people live in a city.",
        {"city": p("city town place", w.words(w.CITIES))},
        ["How many people live in {city}?", "[What is the population|How large is the population] of {city}?"],
        "{n} thousand",
        "[About|] {n} thousand people live in {city}.",
    ),
    Function(
        "get_employee lookup_employee find_person person_info",
        "Look up [an employee|a colleague][ by name|].",
        {"name": p("name employee person full_name", w.full_name)},
        ["[Who is|Look up|Find] {name}[?|.]", "[In which office|Where] does {name} work?"],
        "works in {city}",
        "{name} works in {city}.",
    ),
    Function(
        "get_balance account_balance balance",
        "Get the balance of [an|a bank] account.",
        {"account": p("account account_id account_number iban", w.code)},
        ["[What is the balance of|How much is on|Check] account {account}[?|.]", "How much money [is on|do I have in] {account}?"],
        "{n} euros",
        "[There are|The balance is] {n} euros[ on account {account}|].",
    ),
    Function(
        "transfer_money transfer pay send_money",
        "Transfer money to somebody.",
        {"amount": p("amount sum euros", w.decimal(2, 900, 0), "number"), "to": p("to recipient receiver person", w.words(w.FIRST))},
        ["[Send|Transfer|Pay] {amount} [euros|dollars] to {to}.", "[Give|Pay] {to} {amount} euros."],
        "done",
        "[{to} got|I sent {to}] {amount} euros.",
    ),
    Function(
        "rate_movie movie_info film_info get_movie",
        "Get information [on|about] a film.",
        {"title": p("title film movie name", w.words(w.TITLES))},
        ["[Who directed|What do you know about|Tell me about] the film {title}[?|.]", "Is {title} a good film?"],
        "{stars} stars",
        "{title} has {stars} stars.",
    ),
    Function(
        "get_stock_price stock_price share_price quote",
        "[Get|Look up] the share price of a company.",
        {"company": p("company ticker symbol name", w.words(w.COMPANIES))},
        ["[What is|How high is] the share price of {company}?", "How are the shares of {company}[ today|]?"],
        "{n} dollars",
        "A share of {company} costs {n} dollars.",
    ),
    Function(
        "define dictionary get_definition explain_word",
        "[Define|Explain] a word.",
        {"word": p("word term", w.words("gazebo lantern quorum tundra vellum sonnet ledger isthmus plateau fjord".split()))},
        ['[What does|What is the meaning of] "{word}"[ mean|]?', "[Define|Explain] [the word|] {word}."],
        "a noun",
        "{word} is a noun.",
    ),
    Function(
        "delete_file remove_file remove",
        "Delete a file.",
        {"path": p("path file filename name", w.words([f"{a}.{b}" for a in ("notes", "draft", "report", "photo", "backup", "old_list") for b in ("txt", "pdf", "png", "csv")]))},
        ["[Delete|Remove] [the file|] {path}.", "I no longer need {path}[, delete it|]."],
        "deleted",
        "{path} was deleted.",
    ),
    Function(
        "roll_dice dice roll random_number",
        "Roll dice.",
        {"count": p("count dice number", number(1, 6), "integer"), "sides": p("sides faces", number(4, 20), "integer")},
        ["Roll {count} dice with {sides} sides.", "[Throw|Roll] {count} {sides}-sided dice."],
        "{n}",
        "[You rolled|The dice show] {n}.",
    ),
    Function(
        "get_capital capital_of country_capital",
        "Get the capital of a country.",
        {"country": p("country nation state", w.words("Norway Peru Kenya Japan Chile Ghana Nepal Cuba Iceland Jordan Malta Finland".split()))},
        ["[What is|Which city is|Name] the capital of {country}[?|.]"],
        "{city}",
        "The capital of {country} is {city}.",
    ),
    Function(
        "get_news news headlines latest_news",
        "Get the [latest |]news about a topic.",
        {"topic": p("topic subject query about", _enum("football", "elections", "space", "electric cars", "the economy", "cinema", "tennis", "energy"))},
        ["[What is new|What's the news|What happened] in {topic}?", "[Show|Read] me the news about {topic}."],
        "{n} articles",
        "There are {n} articles about {topic}.",
    ),
    Function(
        "set_volume volume",
        "Set the volume [of the speaker|] from 0 to 100.",
        {"level": p("level volume percent", number(5, 100), "integer")},
        ["[Set|Turn] the volume to {level}[ percent|].", "Volume {level}[, please|]."],
        "set",
        "The volume is {level}.",
    ),
    Function(
        "book_hotel reserve_room hotel",
        "Book a hotel room.",
        {"city": p("city place location", w.words(w.CITIES)), "nights": p("nights duration number_of_nights", number(1, 14), "integer"), "guests": p("guests people persons", number(1, 6), "integer")},
        ["[Book|I need|Find] a [hotel|room] in {city} for {nights} nights and {guests} [people|guests].", "{guests} of us stay in {city} for {nights} nights[, book a hotel|]."],
        "booked",
        "[The|Your] room in {city} is booked for {nights} nights.",
    ),
]

SEARCH = next(function for function in FUNCTIONS if "search" in function.names.split())
SKIES = "sunny cloudy rainy foggy windy clear snowy".split()
FACTS = ["The museum opens at nine.", "Parking is free after six.", "It takes three hours by train.", "You get thirty days a year.", "The warranty lasts two years.", "It was invented in Austria."]
CHAT = [
    ("[Hello|Hi|Good morning|Hey there][!|.]", "Hello! How can I help you?"),
    ("[Thank you|Thanks|Many thanks][!|.]", "You're welcome!"),
    ("[How are you|How do you do]?", "I'm fine, thank you. How can I help you?"),
    ("[Who are you|What are you]?", "I'm a helpful assistant."),
    ("[Goodbye|Bye|See you later][!|.]", "Goodbye!"),
    ("Tell me a joke.", "Why did the book go to the doctor? It had a broken spine."),
    ("[What is|What's] your favourite colour?", "I don't have favourites, but many people like blue."),
    ("[Write|Give me] a [short |]sentence about the sea.", "The sea is wide and blue."),
    ("[Say|Write] something nice.", "You are doing a great job."),
    ("What can you do?", "I can answer questions and use the tools that I have."),
]
SYSTEM = ["You are a [helpful |]assistant[ with tools|].", "[Use|Call] [the tools|a tool|the functions] [where it helps|when needed].", "You help [customers|colleagues|users] of {company}."]


def _declared(rng: random.Random, function: Function) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the declaration of `function` as the server sends it, and the name of each parameter by its slot."""
    names = {slot: rng.choice(parameter.names.split()) for slot, parameter in function.parameters.items()}
    if len(set(names.values())) < len(names):
        names = {slot: parameter.names.split()[0] for slot, parameter in function.parameters.items()}
    properties = {}
    for slot, parameter in function.parameters.items():
        about: dict[str, Any] = {"type": parameter.kind}
        if parameter.choices:
            about["enum"] = list(parameter.choices)
        if parameter.about and rng.random() < 0.5:
            about["description"] = say(rng, parameter.about)
        properties[names[slot]] = about
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    described = {"name": rng.choice(function.names.split()), "description": say(rng, function.about), "parameters": schema}
    return {"type": "function", "function": described}, names


def _values(rng: random.Random, function: Function) -> dict[str, Value]:
    values = {slot: parameter.make(rng) for slot, parameter in function.parameters.items()}
    texts = [value.text for value in values.values()]
    return values if len(set(texts)) == len(texts) else _values(rng, function)


def call_text(name: str, arguments: dict[str, Any]) -> str:
    """Return a call as the chat template writes it."""
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments, ensure_ascii=False)}}}\n</tool_call>'


def _arguments(function: Function, names: dict[str, str], values: dict[str, Value]) -> dict[str, Any]:
    return {names[slot]: values[slot].json if parameter.kind != "string" else values[slot].text for slot, parameter in function.parameters.items()}


def _offered(rng: random.Random, right: Function | None) -> tuple[list[Function], list[dict[str, Any]], list[dict[str, str]]]:
    count = rng.choices([1, 2, 3, 4], [0.34, 0.26, 0.24, 0.16])[0]
    others = rng.sample([f for f in FUNCTIONS if f is not right], count)
    functions = [*others[: count - 1], right] if right else others
    rng.shuffle(functions)
    declared = [_declared(rng, function) for function in functions]
    if len({one["function"]["name"] for one, _ in declared}) < len(declared):
        return _offered(rng, right)
    return functions, [one for one, _ in declared], [names for _, names in declared]


def _opening(rng: random.Random) -> list[Message]:
    return [system(say(rng, rng.choice(SYSTEM), {"company": rng.choice(w.COMPANIES)}))] if rng.random() < 0.3 else []


def _polite(rng: random.Random, request: str) -> str:
    if rng.random() < 0.25:
        return rng.choice([f"Please {request[:1].lower()}{request[1:]}", f"Hi! {request}", f"{request} Thanks.", f"Can you help? {request}", f"{request} Use the tool."])
    return request


def call(rng: random.Random) -> Example:
    """Return a request and the call, or the two calls, that it needs."""
    right = SEARCH if rng.random() < 0.12 else rng.choice(FUNCTIONS)
    functions, tools, names = _offered(rng, right)
    at = functions.index(right)
    first = _values(rng, right)
    request = say(rng, rng.choice(right.asks), first)
    calls = [call_text(tools[at]["function"]["name"], _arguments(right, names[at], first))]
    chance = rng.random()
    if "search" in right.names.split() and chance < 0.75:
        # The user's question is the best search query.
        _, known, unknown = sentences(rng, 2)
        request = rng.choice(unknown or [known[0][0]])
        calls = [call_text(tools[at]["function"]["name"], {names[at]["query"]: request})]
        return Example("tools", [*_opening(rng), user(request)], plain(calls[0]), tools)
    if chance < 0.1 and len(right.parameters) == 1:
        second = _values(rng, right)
        slot = next(iter(right.parameters))
        frame = choose(rng, rng.choice(right.asks))
        if second[slot].text != first[slot].text and frame.count("{") == 1:
            both = f"{first[slot]} and {rng.choice(['', '', 'in ', 'of ']) if slot in ('city', 'country') else 'the ' if slot == 'product' else ''}{second[slot]}"
            request = say(rng, frame, {slot: both})
            calls = [call_text(tools[at]["function"]["name"], _arguments(right, names[at], one)) for one in (first, second)]
    elif chance < 0.18 and len(functions) > 1:
        index = rng.choice([i for i in range(len(functions)) if i != at])
        other = functions[index]
        second = _values(rng, other)
        request = f"{request} {rng.choice(['And', 'Also:', 'Then', ''])} {say(rng, rng.choice(other.asks), second)}".replace("  ", " ")
        calls.append(call_text(tools[index]["function"]["name"], _arguments(other, names[index], second)))
    messages = [*_opening(rng)]
    if rng.random() < 0.12:
        ask, reply = rng.choice(CHAT)
        messages += [user(say(rng, ask)), {"role": "assistant", "content": reply}]
    return Example("tools", [*messages, user(_polite(rng, request))], plain("\n".join(calls)), tools)


def none(rng: random.Random) -> Example:
    """Return a request that fits none of the offered functions, and an answer in words."""
    _, tools, _ = _offered(rng, None)
    if rng.random() < 0.6:
        ask, answer = rng.choice(CHAT)
        request = say(rng, ask)
    else:
        names = {tool["function"]["description"] for tool in tools}
        foreign = rng.choice(FUNCTIONS)
        if any(say(random.Random(seed), foreign.about) in names for seed in range(30)) or "search" in str(tools) or "get_time" in foreign.names:
            return none(rng)
        request = say(rng, rng.choice(foreign.asks), _values(rng, foreign))
        answer = rng.choice(["I'm sorry, I have no tool for that.", "I can't do that with the tools that I have."])
    return Example("tools", [*_opening(rng), user(request)], plain(answer), tools)


def after(rng: random.Random) -> Example:
    """Return a request with the result of its call, and the answer in one sentence."""
    right = rng.choice(FUNCTIONS)
    _, tools, names = _offered(rng, right)
    at = next(i for i, tool in enumerate(tools) if tool["function"]["name"] in right.names.split())
    values: dict[str, Any] = _values(rng, right)
    request = say(rng, rng.choice(right.asks), values)
    more = {
        "n": rng.randint(2, 990),
        "sky": rng.choice(SKIES),
        "city": rng.choice(w.CITIES),
        "day": rng.choice(w.DAYS),
        "t": str(w.clock(rng)),
        "stars": round(rng.uniform(1, 5), 1),
        "fact": rng.choice(FACTS),
    } | {k: v for k, v in values.items()}
    result = fill(right.result, more)
    if rng.random() < 0.3 and "{n}" in right.result:
        result = json.dumps({rng.choice(["result", "value", "answer", names[at].get("amount", "amount")]): more["n"]} | ({"unit": result.split()[-1]} if " " in result else {}))
    arguments = json.dumps(_arguments(right, names[at], values), ensure_ascii=False)
    asked = {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": tools[at]["function"]["name"], "arguments": arguments}}]}
    answer = say(rng, right.answer, more)
    if rng.random() < 0.08:
        result, answer = rng.choice(
            [
                ('{"error": "not found"}', "I could not find it."),
                ("Error: unknown", "I could not find that out."),
                ('{"error": "service not available"}', "The service is not available at the moment."),
            ]
        )
    return Example("tools", [*_opening(rng), user(request), asked, {"role": "tool", "tool_call_id": "call_1", "content": result}], plain(answer), tools)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([call, none, after], [0.7, 0.13, 0.17])[0](rng)
