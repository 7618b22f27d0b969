"""Sentences that state facts, and for each fact its JSON keys and the questions that it answers.

Extraction, questions about a context, tool results and memory are all built from these.
"""

from dataclasses import dataclass

from training import words as w


@dataclass(frozen=True)
class Field:
    """One fact of a sentence: how to make a value, the keys that ask for it, and the questions that it answers.

    `number`: its JSON may be a number. Questions may have slots for the other fields of their sentence.
    """

    make: w.Make
    keys: str
    asks: str
    number: bool = False

    def key_names(self) -> list[str]:
        return self.keys.split()


def field(make: w.Make, keys: str, asks: str, *, number: bool = False) -> Field:
    return Field(make, keys, asks, number)


@dataclass(frozen=True)
class Topic:
    """A kind of text: sentence frames in order, and the fields in them."""

    name: str
    fields: dict[str, Field]
    frames: list[str]


_GB, _TB = ("GB", "GB", "gigabytes", "gigs"), ("TB", "TB", "terabytes")

TOPICS = [
    Topic(
        "device",
        {
            "device": field(w.model_name, "name model product device model_name title", "[Which|What] [device|product|model] is [this|it] about?"),
            "processor": field(
                w.measure(1, 5, "GHz", digits=1),
                "cpu processor clock cpu_speed clock_speed cpu_ghz",
                "[How fast is the [processor|CPU]|What is the [clock speed|processor] of the {device}]?",
                number=True,
            ),
            "memory": field(
                w.power_of_two(1, 7, *_GB), "ram memory ram_gb memory_gb main_memory ram_size", "[How much [memory|RAM] does the {device} have|What is the [memory|RAM] of the {device}]?", number=True
            ),
            "drive": field(
                w.power_of_two(0, 3, *_TB),
                "storage drive disk ssd disk_size ssd_size hard_drive storage_tb capacity",
                "[How [large|big] is the [drive|disk] of the {device}|How much storage does the {device} [have|offer]]?",
                number=True,
            ),
            "screen": field(
                w.measure(10, 34, "inch", "inches", '"', digits=1),
                "screen display screen_size display_size screen_inches",
                "[How large is the screen|What is the screen size] of the {device}?",
                number=True,
            ),
            "weight": field(
                w.measure(0.2, 9, "kg", "kilograms", "pounds", digits=1),
                "weight weight_kg mass",
                "[How much does the {device} weigh|How heavy is the {device}|What is the weight of the {device}]?",
                number=True,
            ),
            "price": field(
                w.money(49, 4900), "price cost price_eur amount retail_price", "[How much does the {device} cost|What is the price of the {device}|What does the {device} cost]?", number=True
            ),
            "battery": field(w.measure(3, 40, "hours", "h"), "battery battery_life battery_hours runtime", "[How long does the battery last|What is the battery life of the {device}]?", number=True),
            "colour": field(w.words(w.COLOURS), "color colour finish", "[What colour is the {device}|Which colour does the {device} come in]?"),
        },
        [
            "The {device} has a[n|] {processor} [processor|CPU], {memory} of [RAM|memory] and a {drive} [SSD|drive|disk].",
            "The {device} [comes with|has|offers|packs] {memory} [RAM|of memory|of DDR5 memory|of unified memory|LPDDR5 RAM] and {drive} [of storage|SSD|NVMe drive|hard disk].",
            "[Inside|In it] [are|you find] {memory} [RAM|of RAM|of memory] and [a|one] {drive} [SSD|drive].",
            "Its [processor|CPU] runs at {processor}.",
            "[It has|There is] a {screen} [screen|display][ with slim edges|].",
            "It weighs {weight}[ and is {colour}| without the charger|].",
            "[It costs|The price is|It sells for|You pay] {price}.",
            "The battery lasts [for|up to|about] {battery}.",
            "The {device}[, in {colour},|] [costs|is on sale for|goes for] {price}.",
            "{device}: {processor}, {memory} RAM, {drive} SSD, {price}[, {colour}|].",
        ],
    ),
    Topic(
        "order",
        {
            "customer": field(w.person, "customer customer_name buyer client name ordered_by purchaser", "Who [ordered|bought|placed the order|is the customer]?"),
            "order": field(w.code, "order order_id order_number id reference order_no", "What is the [order number|number of the order]?"),
            "item": field(w.words(w.PRODUCTS), "item product article item_name goods", "[What did {customer} [order|buy]|What was ordered|Which product was bought]?"),
            "quantity": field(w.whole(1, 40), "quantity count amount number_of_items qty units", "How many [items|units|pieces] [were ordered|did {customer} order]?", number=True),
            "total": field(w.money(5, 900), "total price total_price cost sum amount_due", "[How much|What] did {customer} pay?", number=True),
            "city": field(w.words(w.CITIES), "city destination delivery_city ship_to town location", "Where [is the order shipped|does the parcel go] to?"),
            "date": field(w.date, "date delivery_date order_date arrival due_date", "When [does it arrive|is the delivery]?"),
        },
        [
            "{customer} [ordered|bought] {quantity} [of the item|units of the] {item} for {total}.",
            "[Order|Purchase] {order}: {quantity} x {item}, [total|sum] {total}, [for|customer] {customer}.",
            "[It|The parcel|The order] [ships|goes|will be sent] to {city} [on|by] {date}.",
            "Order {order} [by|from] {customer} [was placed on|is dated] {date}.",
            "[Hi, this is|Hello, I am|My name is] {customer} [and I|. I] [would like|want] to order {quantity} times the {item}.",
            "Please deliver [it|the {item}] to {city}.",
            "The [bill|total|amount] is {total}.",
        ],
    ),
    Topic(
        "flight",
        {
            "passenger": field(w.person, "passenger passenger_name traveler name guest", "Who [is flying|is the passenger|travels]?"),
            "flight": field(w.code, "flight flight_number flight_no number", "What is the flight number?"),
            "origin": field(w.words(w.CITIES), "origin from departure_city from_city start departure_airport", "Where does the [flight|trip] [start|begin|leave from]?"),
            "goal": field(w.words(w.CITIES), "destination to arrival_city to_city target arrival_airport", "Where does the [flight|trip] go[ to|]?"),
            "departure": field(w.clock, "departure departure_time time leaves_at takeoff", "[When|At what time] does [it|the flight] [leave|take off]?"),
            "seat": field(w.code, "seat seat_number", "Which seat [does {passenger} have|is booked]?"),
            "gate": field(w.code, "gate gate_number", "Which gate does [it|the flight] leave from?"),
            "fare": field(w.money(39, 1800), "fare price cost ticket_price", "[How much|What] does the ticket cost?", number=True),
        },
        [
            "{passenger} [flies|is flying|travels] from {origin} to {goal}[ on flight {flight}|].",
            "Flight {flight} [from|leaves] {origin} [to|for] {goal} [departs|leaves] at {departure}.",
            "[It|The flight|Boarding] [leaves|is] from gate {gate} at {departure}.",
            "[The ticket|A seat] costs {fare}.",
            "{passenger} has seat {seat}.",
            "[Booking|Reservation] for {passenger}: {origin} - {goal}, {departure}, seat {seat}, {fare}.",
        ],
    ),
    Topic(
        "invoice",
        {
            "number": field(w.code, "invoice_number invoice number id invoice_id reference", "What is the [invoice number|number of the invoice]?"),
            "vendor": field(w.words(w.COMPANIES), "vendor supplier company from seller issuer", "[Which company|Who] [sent|issued] the invoice?"),
            "amount": field(w.money(20, 9800), "amount total sum total_amount price amount_due balance", "[What is the [amount|total]|How much is due|How much must be paid]?", number=True),
            "due": field(w.date, "due_date due date payment_date deadline pay_by", "When [is it due|must it be paid|is the payment due]?"),
            "contact": field(w.full_name, "contact contact_person accountant person name", "Who [is the contact|can answer questions]?"),
            "mail": field(w.email, "email mail e_mail contact_email address", "What is the [email|mail address]?"),
            "tax": field(w.whole(5, 25, spelled=0), "tax tax_rate vat vat_percent rate", "[How high is the tax|What is the VAT rate]?", number=True),
        },
        [
            "Invoice {number} from {vendor} [is|comes to|amounts to] {amount}[, due {due}|].",
            "[Please pay|Payment is due] by {due}.",
            "{vendor} [sent|has issued] invoice {number} for {amount}.",
            "The [total|amount] of {amount} includes {tax}% [VAT|tax].",
            "[Questions go to|Contact] {contact} ({mail}).",
            "Write to {mail} [with questions|if anything is unclear].",
        ],
    ),
    Topic(
        "event",
        {
            "event": field(
                w.words(
                    [
                        "workshop",
                        "concert",
                        "meeting",
                        "lecture",
                        "board meeting",
                        "picnic",
                        "conference",
                        "exhibition",
                        "book club",
                        "training",
                        "wedding",
                        "auction",
                        "dinner",
                        "team lunch",
                        "webinar",
                        "interview",
                        "parade",
                        "hackathon",
                    ]
                ),
                "event title event_name name type kind event_type",
                "What [takes place|kind of event is it]?",
            ),
            "place": field(
                w.words([*w.CITIES, *[f"the {r}" for r in ("town hall", "library", "museum", "school gym", "old theatre", "city park", "main office", "church", "harbour hall")]]),
                "place location venue where city",
                "Where [is|does] the {event}[ take place|]?",
            ),
            "day": field(w.date, "date day when event_date", "When is the {event}?"),
            "weekday": field(w.words(w.DAYS), "weekday day day_of_week", "On which day is the {event}?"),
            "start": field(w.clock, "time start start_time begins_at", "[At what time|When] does the {event} [start|begin]?"),
            "host": field(w.person, "host organizer organiser speaker leader led_by", "Who [hosts|organises|leads] the {event}?"),
            "guests": field(w.whole(2, 900), "guests attendees participants people number_of_guests seats", "How many [people|guests] [are expected|will come]?", number=True),
            "entry": field(w.money(2, 80), "entry price fee ticket_price cost", "[How much is the entry|What does a ticket cost]?", number=True),
        },
        [
            "The {event} [is|takes place] on {day} [in|at] {place}.",
            "The {event} [starts|begins] at {start} on {weekday}.",
            "{host} [organises|hosts|leads] the {event} [in|at] {place}.",
            "[We expect|There will be] {guests} [guests|people|participants].",
            "[Tickets cost|Entry is] {entry}.",
            "{event} with {host}, {weekday} {start}, {place}.",
            "[Don't forget|Reminder]: {event} on {weekday} at {start}.",
        ],
    ),
    Topic(
        "person",
        {
            "name": field(w.full_name, "name full_name person person_name employee candidate", "Who is [this|the text] about?"),
            "age": field(w.whole(18, 90, spelled=0), "age years_old age_years", "How old is {name}?", number=True),
            "job": field(w.words(w.JOBS), "job occupation profession job_title role work position", "[What does {name} do|What is {name}'s [job|profession]]?"),
            "home": field(w.words(w.CITIES), "city home residence town lives_in location hometown", "Where does {name} live?"),
            "employer": field(w.words(w.COMPANIES), "company employer workplace firm organization", "[Where|For whom] does {name} work?"),
            "hobby": field(w.words(w.HOBBIES), "hobby interest pastime free_time", "What is {name}'s hobby?"),
            "languages": field(w.some(w.LANGUAGES, 2, 3), "languages spoken_languages", "Which languages does {name} speak?"),
            "mail": field(w.email, "email mail email_address contact", "What is {name}'s [email|mail address]?"),
            "phone": field(w.phone, "phone phone_number telephone mobile", "What is {name}'s [phone number|number]?"),
            "skills": field(w.some(w.SKILLS, 2, 4), "skills abilities competences", "Which skills does {name} have?"),
            "born": field(w.year, "born birth_year year_of_birth year", "[When|In which year] was {name} born?", number=True),
        },
        [
            "{name} is {age} [years old|] and [works as|is] a[n|] {job} [in|from] {home}.",
            "{name}, {age}, lives in {home}.",
            "{name} [was born in|has lived here since] {born}.",
            "{name} works [for|at] {employer} as a[n|] {job}.",
            "[In the evening|At weekends|In their free time], {name} [loves|enjoys|likes] {hobby}.",
            "{name} speaks {languages}.",
            "[You can reach|Write to] {name} at {mail}[ or {phone}|].",
            "[Call|Ring] {name} on {phone}.",
            "[Skills|Knows]: {skills}.",
        ],
    ),
    Topic(
        "patient",
        {
            "patient": field(w.full_name, "patient patient_name name", "Who is the patient?"),
            "illness": field(w.words(w.ILLNESSES), "diagnosis illness condition disease", "What [is the diagnosis|does {patient} suffer from]?"),
            "drug": field(w.words(w.DRUGS), "medication drug medicine prescription", "Which [medicine|drug] does {patient} get?"),
            "dose": field(w.measure(5, 800, "mg", "milligrams", "ml"), "dose dosage amount dose_mg", "What is the dose?", number=True),
            "times": field(w.whole(1, 4, spelled=0.6), "times_per_day frequency daily_doses per_day", "How [often|many times a day] [is it taken|does {patient} take it]?", number=True),
            "doctor": field(w.words([f"Dr {n}" for n in w.LAST]), "doctor physician treated_by", "Who [treats {patient}|is the doctor]?"),
            "visit": field(w.date, "next_visit appointment follow_up visit_date date", "When is the next [visit|appointment]?"),
            "temperature": field(w.measure(36, 41, "degrees", "°C", "C", digits=1), "temperature fever body_temperature", "What is the temperature?", number=True),
        },
        [
            "{patient} [has|suffers from|was diagnosed with] {illness}.",
            "{doctor} [prescribed|gave] {patient} {dose} of {drug}, {times} times a day.",
            "[The temperature was|Fever of] {temperature}.",
            "[Next visit|The next appointment is on|Come back on] {visit}.",
            "{doctor} [treats|saw] {patient}[ on {visit}|].",
        ],
    ),
    Topic(
        "recipe",
        {
            "dish": field(w.words(w.FOODS), "dish recipe title name meal", "[What is cooked|Which dish is it]?"),
            "servings": field(w.whole(1, 12), "servings serves portions people", "[How many people does it serve|How many servings]?", number=True),
            "minutes": field(w.measure(5, 120, "minutes", "min"), "minutes time cooking_time duration cook_minutes", "How long does [it|the {dish}] [take|cook]?", number=True),
            "ingredients": field(w.some(w.INGREDIENTS, 2, 5), "ingredients items shopping_list", "[What do you need|Which ingredients are needed]?"),
            "oven": field(w.measure(120, 250, "degrees", "°C"), "oven temperature oven_temperature heat degrees", "[How hot is the oven|At which temperature does it bake]?", number=True),
            "cook": field(w.person, "author cook chef by", "Who [wrote|cooks] [the recipe|it]?"),
        },
        [
            "[For|To make] {dish}, you need {ingredients}.",
            "[It|The {dish}] [takes|needs|is ready in] {minutes}[ and serves {servings}|].",
            "[Bake|Put it in the oven] at {oven} for {minutes}.",
            "{cook}'s {dish} serves {servings}.",
            "[Serves|Enough for] {servings}[ people|].",
        ],
    ),
    Topic(
        "log",
        {
            "time": field(w.clock, "time timestamp at logged_at", "When did it happen?"),
            "level": field(w.words(["ERROR", "WARNING", "INFO", "CRITICAL", "DEBUG"]), "level severity log_level", "What is the level?"),
            "service": field(
                w.words("billing auth search mailer gateway scheduler indexer checkout storage cache".split()), "service component module source", "Which service [is affected|wrote it]?"
            ),
            "status": field(w.words(["404", "500", "503", "401", "429", "200", "302"]), "status status_code http_status", "What is the status code?"),
            "duration": field(w.measure(1, 9000, "ms", "milliseconds", "s"), "duration latency took elapsed", "How long did it take?", number=True),
            "user": field(w.words([n.lower() for n in w.FIRST]), "user username account login", "Which user [was it|is named]?"),
            "host": field(w.words([f"{a}-{i:02}" for a in ("web", "db", "node", "edge", "worker") for i in range(1, 20)]), "host server machine node", "On which host?"),
        },
        [
            "{time} {level} {service}: request [failed|ended] with [status|] {status} after {duration}",
            "[{time}] {level} [user|login] {user} on {host}",
            "{level} {service} on {host}: [timeout|slow answer] after {duration}.",
            "At {time}, {service} on {host} [answered|returned] {status}.",
            "User {user} [got|saw] [status|error] {status}.",
        ],
    ),
    Topic(
        "rent",
        {
            "kind": field(w.words(["flat", "house", "studio", "cottage", "villa", "cabin", "bungalow", "loft", "room"]), "type property_type kind property", "What kind of [home|property] is it?"),
            "rooms": field(w.whole(1, 9), "rooms bedrooms number_of_rooms", "How many [rooms|bedrooms] does [it|the {kind}] have?", number=True),
            "area": field(w.measure(18, 320, "square metres", "m2", "sqm", "square feet"), "area size area_sqm surface", "How [large|big] is [it|the {kind}]?", number=True),
            "rent": field(w.money(300, 4500), "rent price monthly_rent cost", "[How much is the rent|What does [it|the {kind}] cost]?", number=True),
            "street": field(w.address, "address street street_address", "What is the address?"),
            "town": field(w.words(w.CITIES), "city town location", "In which city is [it|the {kind}]?"),
            "floor": field(w.whole(1, 20, spelled=0), "floor level storey", "On which floor is it?", number=True),
            "free": field(w.date, "available_from available from_date free_from", "[When|From when] is [it|the {kind}] [available|free]?"),
            "owner": field(w.person, "owner landlord contact", "Who [owns it|is the landlord]?"),
        },
        [
            "[This|The] {kind} in {town} has {rooms} rooms and {area}.",
            "[For rent|To let]: {kind}, {rooms} rooms, {area}, {rent} [a month|per month], {town}.",
            "[It is|The {kind} is] [at|located at] {street}[, on floor {floor}|].",
            "[The rent is|It costs] {rent} [a month|per month].",
            "[It is available|You can move in] from {free}.",
            "{owner} [owns|rents out] the {kind}.",
        ],
    ),
    Topic(
        "match",
        {
            "home": field(w.words(w.TEAMS), "home_team winner home team team_a", "Which team [won|played at home]?"),
            "away": field(w.words(w.TEAMS), "away_team loser away opponent team_b", "Who [lost|was the opponent]?"),
            "goals": field(w.whole(1, 9), "home_score score goals home_goals winner_goals", "How many goals did the {home} score?", number=True),
            "against": field(w.whole(1, 9), "away_score away_goals loser_goals", "How many goals did the {away} score?", number=True),
            "scorer": field(w.person, "scorer player best_player goal_scorer", "Who scored?"),
            "crowd": field(w.whole(200, 80000, spelled=0), "attendance spectators crowd viewers", "How many [people|spectators] [watched|came]?", number=True),
            "ground": field(w.words(w.CITIES), "city venue place stadium location", "Where was [the match|it played]?"),
            "played": field(w.words(w.DAYS), "day weekday date", "On which day was [the match|it]?"),
        },
        [
            "The {home} beat the {away} {goals}-{against} [in|at] {ground}[ on {played}|].",
            "The {home} won against the {away}[ on {played}|].",
            "{scorer} scored [the first goal|twice|late].",
            "{crowd} [people|spectators] [watched|came].",
        ],
    ),
    Topic(
        "book",
        {
            "title": field(w.words(w.TITLES), "title book name book_title film", "[What is the title|Which book is it]?"),
            "author": field(w.full_name, "author writer written_by director", "Who wrote [it|the book|{title}]?"),
            "year": field(w.year, "year published publication_year released", "[When|In which year] [was it published|did it appear]?", number=True),
            "pages": field(w.whole(60, 1200, spelled=0), "pages page_count length number_of_pages", "How many pages does it have?", number=True),
            "genre": field(w.words(w.GENRES), "genre category kind", "[Which genre|What kind of book] is it?"),
            "price": field(w.money(3, 60), "price cost", "[How much does it cost|What is the price]?", number=True),
            "stars": field(w.decimal(1, 5), "rating stars score", "[What is the rating|How many stars does it have]?", number=True),
            "publisher": field(w.words(w.COMPANIES), "publisher published_by company", "Who published it?"),
        },
        [
            "{title} is a {genre} by {author}[, published in {year}|].",
            "{author} wrote {title} in {year}.",
            "[The book|It] has {pages} pages and costs {price}.",
            "[Readers give it|It has a rating of] {stars} [stars|out of 5].",
            "{publisher} [published|brought out] {title} in {year}.",
        ],
    ),
    Topic(
        "weather",
        {
            "city": field(w.words(w.CITIES), "city location place", "Which city is [this|the report] about?"),
            "temperature": field(w.measure(-15, 40, "degrees", "°C", "C"), "temperature degrees temp temperature_celsius", "[What is the temperature|How warm is it] in {city}?", number=True),
            "sky": field(w.words("sunny cloudy rainy snowy foggy windy stormy clear".split()), "condition weather sky conditions forecast", "What is the weather [like in {city}|]?"),
            "wind": field(w.measure(2, 120, "km/h", "mph", "knots"), "wind wind_speed", "How [strong|fast] is the wind?", number=True),
            "humidity": field(w.whole(15, 99, spelled=0), "humidity humidity_percent", "How high is the humidity?", number=True),
            "day": field(w.words([*w.DAYS, "today", "tomorrow"]), "day date when", "[Which day|When] is it?"),
        },
        [
            "[In {city} it is|{city} is] {sky}, [with|at] {temperature}.",
            "[On|For] {day}, {city} [expects|will have] {sky} [weather|skies] and {temperature}.",
            "[The wind blows|Wind] at {wind}[, humidity {humidity}%|].",
            "The humidity is {humidity}%.",
        ],
    ),
    Topic(
        "car",
        {
            "car": field(w.model_name, "car model vehicle name", "Which car is it?"),
            "year": field(w.year, "year built model_year registration", "[How old is the {car}|In which year was the {car} built]?", number=True),
            "mileage": field(w.measure(500, 240000, "km", "miles", "kilometres"), "mileage distance odometer km", "How [far has the {car} gone|many kilometres has the {car} done]?", number=True),
            "fuel": field(w.words(["petrol", "diesel", "electric", "hybrid", "hydrogen"]), "fuel fuel_type engine drive", "[Which fuel does the {car} use|What does the {car} run on]?"),
            "price": field(w.money(900, 90000), "price cost asking_price", "[What|How much] does the {car} cost?", number=True),
            "doors": field(w.whole(2, 5), "doors number_of_doors", "How many doors does the {car} have?", number=True),
            "colour": field(w.words(w.COLOURS), "color colour paint", "What colour is the {car}?"),
            "seller": field(w.person, "seller owner contact", "Who sells the {car}?"),
        },
        [
            "[For sale|Offered]: {car}, {year}, {mileage}, {fuel}, {price}.",
            "The {colour} {car} [was built in|is from] {year} and has done {mileage}.",
            "{seller} sells [a|the] {car} with {doors} doors for {price}.",
            "The {car} [is|runs on] {fuel}.",
        ],
    ),
    Topic(
        "job",
        {
            "role": field(w.words(w.JOBS), "role position title job job_title", "Which [position|job] is [open|offered]?"),
            "company": field(w.words(w.COMPANIES), "company employer organization", "Which company is hiring?"),
            "city": field(w.words(w.CITIES), "city location place office", "Where is the job?"),
            "salary": field(w.money(18000, 140000), "salary pay annual_salary wage", "[What is the salary|How much does the job pay]?", number=True),
            "hours": field(w.whole(10, 45, spelled=0), "hours hours_per_week weekly_hours", "How many hours a week?", number=True),
            "start": field(w.date, "start start_date begins", "When does the job start?"),
            "needed": field(w.some(w.SKILLS, 2, 3), "requirements skills required_skills", "[What|Which skills] [is|are] required?"),
        },
        [
            "{company} [is looking for|seeks|wants to hire] a[n|] {role} in {city}.",
            "[The salary is|We pay] {salary} a year[ for {hours} hours a week|].",
            "[Start|The job begins on] {start}.",
            "[You know|Required]: {needed}.",
            "{role} at {company}, {city}, {hours} hours[ a week|], {salary}.",
        ],
    ),
    Topic(
        "pet",
        {
            "pet": field(w.words(w.PET_NAMES), "name pet pet_name animal_name", "What is the [name of the pet|animal called]?"),
            "species": field(w.words(w.PETS), "species animal kind type", "What kind of animal is {pet}?"),
            "owner": field(w.person, "owner owner_name keeper", "Who [owns {pet}|is the owner]?"),
            "age": field(w.whole(1, 20), "age age_years years", "How old is {pet}?", number=True),
            "colour": field(w.words(w.COLOURS), "color colour fur", "What colour is {pet}?"),
            "weight": field(w.measure(0.2, 60, "kg", "kilograms", "pounds", digits=1), "weight weight_kg", "How much does {pet} weigh?", number=True),
            "chip": field(w.code, "chip chip_number id tag", "What is the chip number?"),
        },
        [
            "{owner} has a {colour} {species} [called|named] {pet}.",
            "{pet} is {age} years old and weighs {weight}.",
            "{pet} is a {species}[ and belongs to {owner}|].",
            "[The chip number is|Chip] {chip}.",
        ],
    ),
    Topic(
        "place",
        {
            "place": field(
                w.words(
                    [
                        "museum",
                        "library",
                        "swimming pool",
                        "castle",
                        "zoo",
                        "post office",
                        "bakery",
                        "cinema",
                        "gym",
                        "pharmacy",
                        "botanical garden",
                        "aquarium",
                        "lighthouse",
                        "market hall",
                        "town archive",
                        "ferry",
                        "cable car",
                        "bike shop",
                    ]
                ),
                "place name facility location",
                "Which place is it?",
            ),
            "opens": field(w.clock, "opens opening_time opens_at from", "When does the {place} open?"),
            "closes": field(w.clock, "closes closing_time closes_at until", "When does the {place} close?"),
            "closed": field(w.words(w.DAYS), "closed_on closed day_off", "On which day is the {place} closed?"),
            "entry": field(w.money(1, 45), "entry price fee admission ticket_price", "[How much is the entry|What does the entry cost]?", number=True),
            "built": field(w.year, "built year founded opened_in", "[When|In which year] was the {place} built?", number=True),
            "street": field(w.address, "address street", "[Where is the {place}|What is the address of the {place}]?"),
            "boss": field(w.full_name, "manager director head", "Who [runs|manages] the {place}?"),
            "height": field(w.measure(5, 300, "metres", "m", "feet"), "height height_m tall", "How [tall|high] is the {place}?", number=True),
        },
        [
            "The {place} [opens at|is open from] {opens} [and closes at|until] {closes}.",
            "[It|The {place}] is closed on {closed}.",
            "[Entry|Admission|A ticket] costs {entry}.",
            "The {place} was built in {built}[ and is {height} tall|].",
            "[You find it|The {place} is] at {street}.",
            "{boss} [runs|manages|is in charge of] the {place}.",
        ],
    ),
    Topic(
        "project",
        {
            "project": field(
                w.words([f"Project {n}" for n in "Atlas Beacon Comet Delta Ember Falcon Glacier Horizon Indigo Jade Lotus Nimbus Orion Pioneer Quartz Raven Summit Titan Vortex Willow".split()]),
                "project name title project_name",
                "Which project is it?",
            ),
            "lead": field(w.person, "lead manager owner responsible project_lead assignee", "Who [leads|is responsible for] {project}?"),
            "deadline": field(w.date, "deadline due due_date end_date", "[When is {project} due|What is the deadline of {project}]?"),
            "budget": field(w.money(1000, 900000), "budget cost funds", "[How large is|What is] the budget of {project}?", number=True),
            "team": field(w.whole(2, 60), "team_size people members staff", "How many people work on {project}?", number=True),
            "state": field(w.words(["delayed", "on track", "finished", "paused", "cancelled", "at risk"]), "status state progress", "[What is the status of|How is] {project}?"),
            "next": field(w.words(w.TASKS), "next_step task todo action", "What [is the next step|has to be done next]?"),
            "client": field(w.words(w.COMPANIES), "client customer for_company", "[Who is the client of {project}|For which company is {project}]?"),
        },
        [
            "{lead} leads {project}[ for {client}|].",
            "{project} [is|has been] {state}[, the deadline is {deadline}|].",
            "[The budget is|It has a budget of] {budget}.",
            "{team} people [work on it|are on the team].",
            "[Next step|To do]: {next}.",
            "{project} is due [on|by] {deadline}.",
        ],
    ),
]
