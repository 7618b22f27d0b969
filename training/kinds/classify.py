"""Classification of a text with one of several labels: an enum in JSON, or the label alone."""

import random
from collections.abc import Iterator

from training import words as w
from training.example import Example, Message, json_answer, plain, system, user
from training.frames import choose, fill, say

# Things by kind: a sentence is about a thing, and the answer is its kind.
KINDS = {
    "fruit": "apple banana cherry grape pear plum mango peach apricot fig melon raspberry",
    "vegetable": "carrot cabbage onion broccoli spinach leek pumpkin turnip celery cucumber",
    "animal": "lion wolf rabbit elephant otter camel giraffe mole badger squirrel",
    "bird": "eagle sparrow owl penguin robin pigeon swan heron crow flamingo",
    "fish": "salmon trout tuna shark cod herring carp eel sardine",
    "insect": "ant bee wasp beetle butterfly moth cricket mosquito fly",
    "tool": "hammer saw screwdriver pliers drill chisel wrench file spanner",
    "vehicle": "bus tram lorry motorbike tractor van taxi train bicycle",
    "furniture": "sofa wardrobe armchair cupboard bench stool desk shelf bed",
    "clothing": "shirt trousers skirt coat sock glove hat jumper dress",
    "drink": "tea coffee lemonade beer milk cocoa wine cider water",
    "colour": "red green blue yellow purple orange pink brown",
    "metal": "iron copper gold silver zinc lead tin aluminium",
    "planet": "Mars Venus Saturn Jupiter Neptune Uranus Mercury",
    "country": "France Japan Brazil Egypt Norway Kenya Peru Canada India",
    "city": "Paris London Rome Tokyo Madrid Berlin Vienna Cairo Lisbon",
    "sport": "football tennis hockey rugby swimming boxing rowing golf",
    "instrument": "piano violin flute trumpet harp cello drum clarinet",
    "profession": "nurse lawyer baker plumber pilot teacher dentist farmer",
    "flower": "rose tulip daisy lily orchid daffodil poppy violet",
    "tree": "oak pine birch willow maple cedar beech elm",
    "body part": "knee elbow shoulder ear nose finger ankle chin",
    "season": "spring summer autumn winter",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": "January March April June July August October December",
    "emotion": "joy anger fear sadness envy pride shame surprise",
    "shape": "circle square triangle rectangle oval pentagon cube",
    "software": "browser spreadsheet compiler database editor firewall",
    "weather": "rain snow hail fog thunder sunshine drizzle",
    "building": "church castle museum hospital school factory library",
    "dairy": "cheese butter yoghurt cream milk",
    "relative": "aunt uncle cousin grandmother nephew sister father",
    "material": "wood glass leather wool plastic stone cotton paper",
    "meal": "breakfast lunch dinner supper brunch",
    "language": "French German Spanish Italian Polish Greek Turkish",
    "game": "chess poker dominoes draughts hide-and-seek bingo",
    "ship": "ferry canoe yacht submarine raft sailing boat",
}
THING = [
    "{thing}",
    "[A|The] {thing}",
    "[I saw|We talked about|She likes|Look at] [the|a] {thing}.",
    "[He|My neighbour] [bought|mentioned|chose|drew|wrote about] [a|the] {thing}.",
    "[What is|Where does one put] [a|the] {thing}?",
]

# Texts by label. The texts were written for the first name of a label; the others are synonyms.
SETS: list[dict[str, tuple[list[str], list[str]]]] = [
    {
        "booking": (
            ["booking", "reservation", "book"],
            [
                "[I'd like to|We want to|Please] [book|reserve] [a double room|two seats|a table for {number}|a court] [for {day}|in {month}|].",
                "[Is a table|Are two beds] [still |]free [on {day}|tonight]? [If so, reserve it for us.|]",
            ],
        ),
        "cancellation": (
            ["cancellation", "cancel", "cancelling"],
            [
                "[Please cancel|We have to cancel|I must call off] [my booking|the appointment|our stay|the order][ for {day}|].",
                "[We can't come|I won't make it] [on {day}|after all], [please take us off the list|so delete the booking].",
            ],
        ),
        "complaint": (
            ["complaint", "problem", "grievance", "dissatisfaction"],
            [
                "The [room|bathroom|bed|table|floor] was [dirty|mouldy|broken|wet] and [nobody cared|nobody said sorry|the manager laughed].",
                "[We waited an hour|The noise kept us awake|The soup was cold] and [no one apologised|nobody helped].",
            ],
        ),
        "information": (
            ["information", "question", "inquiry", "info"],
            [
                "[Is breakfast included|Do you have a lift|Are dogs allowed|Is there parking|What time is check-in]?",
                "[Could you tell me|I'd like to know|Can you say] [whether lunch is included|if there is a pool|how far the beach is|what it costs]?",
            ],
        ),
        "praise": (
            ["praise", "compliment", "positive feedback"],
            [
                "[We had a wonderful stay|Thank you for a perfect evening|Everything was lovely|Your cook is a genius]!",
                "[The staff were so kind|We will tell all our friends], [thank you|see you next year].",
            ],
        ),
    },
    {
        "hardware": (["hardware", "device"], ["The [keyboard|fan|cable|hard disk|mouse] is [broken|loud|loose]."]),
        "software": (["software", "program"], ["The [editor|browser|game|driver] [crashes|needs an update|shows a wrong menu]."]),
        "network": (
            ["network", "internet", "connection"],
            ["[The wifi drops|No connection|The router blinks red] [on floor {number}|in the {day} meeting|].", "[Pages load slowly|The cable to the switch is dead|I can't reach the server]."],
        ),
        "security": (["security"], ["[Somebody tried my password|I clicked on a strange link|A laptop was stolen]."]),
        "human resources": (["human resources", "HR", "personnel"], ["[How many days off do I have|My payslip is wrong|I'd like parental leave|When do I get my contract]?"]),
        "facilities": (["facilities", "building"], ["[The lift is stuck|A lamp is out|The heating in room {number} is cold|The toilet leaks]."]),
        "legal": (["legal", "law"], ["[The contract has a clause on liability|May we use this picture|A lawyer wrote to us about the patent]."]),
        "marketing": (["marketing", "advertising"], ["[The poster needs a slogan|When does the campaign start|Our brand is hardly known in {city}]."]),
    },
    {
        "action": (["action", "task", "to-do"], ["[{name} sends|{name} will write|{name} has to call] [the report|the customer|the bank] by {day}."]),
        "decision": (["decision"], ["[We agreed|It was decided|The board chose] to [move to {city}|buy the {product}|stop the project]."]),
        "information": (["information", "fact", "note"], ["[The office in {city} has {number} desks|Sales rose by {number} percent|The {product} comes in {colour}]."]),
    },
    {
        "positive": (
            ["positive", "good", "happy", "satisfied", "favourable", "pos", "like"],
            [
                "[I love|We love|My family loves] [this|the] {product}[, it is wonderful|, it works perfectly|].",
                "[Great|Excellent|Fantastic|Superb] {product}, [worth every penny|I would buy it again|highly recommended].",
                "The {product} [works like a charm|is even better than expected|made my day].",
                "[What a lovely|A really good] {product}, [thank you|five stars from me].",
                "[The service was friendly and fast|Everything arrived early and in perfect shape].",
                "[I am delighted|I could not be happier|We are thrilled] with [it|the {product}|our stay].",
                "The food was [delicious|amazing] and the staff [were kind|smiled all evening].",
                "[Warm|Comfortable|Sturdy|Light], [easy to use|beautifully made|exactly what I needed].",
                "[Even after a year|Every day] the {product} [runs smoothly|makes me smile|does its job without a fault].",
                "[My {relative} adores|The children adore] [it|the {product}].",
                "[Never had|I have never seen] a better {product}.",
                "[Best|Nicest] {product} I [ever had|have bought in years].",
            ],
        ),
        "negative": (
            ["negative", "bad", "unhappy", "dissatisfied", "unfavourable", "neg", "dislike"],
            [
                "[I hate|We regret buying] [this|the] {product}[, it is terrible|, it broke at once|].",
                "[Awful|Horrible|Terrible|Useless] {product}, [a waste of money|never again|I want my money back].",
                "The {product} [broke after two days|stopped working|was dirty and scratched].",
                "[After {number} days|Within a week] the {product} [was dead|died|gave up], and [my mails go unanswered|the hotline hangs up|they refuse to pay].",
                "[Leaks|Rattles|Rusts|Overheats] [all the time|since day one], [I threw it away|what rubbish].",
                "[Never again|Stay away|Save your money].",
                "[What a disappointment|I am very disappointed|We were let down] by [it|the {product}].",
                "[Nobody answered my calls|The staff were rude|We waited for hours and got nothing].",
                "[The worst|The poorest] {product} I [ever had|have seen].",
                "The food was [cold|disgusting] and the [waiter|staff] [ignored us|shouted at us].",
                "It [does not work|fell apart|smells bad] and [nobody helps|the shop won't take it back].",
            ],
        ),
        "neutral": (
            ["neutral", "mixed", "okay", "average", "so-so"],
            [
                "The {product} [is okay|is average|does what it should, no more].",
                "[It is a|This is a] {product}[ in {colour}|].",
                "[Neither good nor bad|Nothing special|Not great, not terrible].",
                "The {product} arrived on {day}.",
                "I [bought|use] the {product} [on {day}|at work].",
            ],
        ),
    },
    {
        "billing": (
            ["billing", "payment", "invoice", "finance", "payments", "accounting"],
            [
                "[I was charged twice|My card was charged two times] [for the {product}|this month].",
                "[Why is my bill|The amount on my invoice is] [so high|higher than agreed]?",
                "[Please send me|I need] [a receipt|an invoice] for {month}.",
                "[Can I pay by bank transfer|Do you accept credit cards|How do I change my payment method]?",
                "[Your company took money from my account|The fee on my statement is wrong].",
            ],
        ),
        "shipping": (
            ["shipping", "delivery", "logistics", "parcel", "transport"],
            [
                "[Where is my parcel|When will my {product} arrive|Has my package left yet]?",
                "[The courier|The driver] [left the box at the wrong door|never came on {day}].",
                "[My order still has not arrived|The tracking has not moved since {day}].",
                "[Do you deliver|Can you ship] to {city}?",
                "The delivery [is late|is a week overdue].",
            ],
        ),
        "technical": (
            ["technical", "tech", "bug", "support", "IT", "defect"],
            [
                "The [app|program|website] [crashes|freezes] when I [open it|press save].",
                "[I get|It shows] [an error message|a blank screen|error 500] [after the update|since {day}].",
                "The {product} [does not turn on|won't connect to the network|keeps restarting].",
                "[How do I install|I cannot install] the [driver|update|software]?",
                "The [screen flickers|battery drains within an hour|sound is gone].",
            ],
        ),
        "account": (
            ["account", "login", "access", "profile"],
            [
                "[I forgot my password|I can't log in|My login does not work].",
                "[Please delete|How do I close] my [account|profile].",
                "[I want to change|Please update] my [email address|user name].",
                "[My account is locked|I never got the code to sign in].",
            ],
        ),
        "refund": (
            ["refund", "return", "returns", "money back"],
            [
                "[I want my money back|I would like a refund] for the {product}.",
                "[How do I return|Can I send back|I'd like to give back] the {product}?",
                "The {product} [does not fit|is the wrong colour], [I am sending it back|please take it back].",
                "[When do I get|I am waiting for] my [refund|money back]?",
            ],
        ),
        "sales": (
            ["sales", "order", "purchase", "product question", "buying"],
            [
                "[Do you have|Is there] the {product} in {colour}?",
                "[How much is|What does] [the|a] {product}[ cost|]?",
                "[I'd like to order|We want to buy] {number} [of the|] {product}s.",
                "[Is there a discount|Do you give a rebate] [for schools|on large orders]?",
            ],
        ),
        "praise": (
            ["praise", "compliment", "thanks", "feedback"],
            [
                "[Thank you|Thanks a lot] for the [quick|kind] [help|answer].",
                "[Your team is great|You did a wonderful job|I just wanted to say thanks].",
            ],
        ),
    },
    {
        "sports": (
            ["sports", "sport"],
            [
                "The {team} [won|lost] [the final|on {day}|in extra time].",
                "[The goalkeeper|The striker|The coach] [was injured|scored twice|resigned].",
                "[She set a record in|He won gold in] the [marathon|high jump|200 metres].",
            ],
        ),
        "politics": (
            ["politics", "government"],
            [
                "[The parliament|The senate|The minister] [passed a law|voted on the budget|resigned].",
                "[The election|The referendum] [is on {day}|was won by the opposition].",
                "The [president|mayor] [gave a speech|met the ambassador].",
            ],
        ),
        "science": (
            ["science", "research"],
            [
                "[Scientists|Researchers] [found a new species|measured the speed of light|discovered a planet].",
                "The [telescope|experiment|laboratory] [shows|found] [dark matter|a new particle|water on a moon].",
            ],
        ),
        "cooking": (
            ["cooking", "food", "recipes"],
            ["[Fry|Chop|Boil] the [onions|potatoes] [for ten minutes|until soft].", "[Add|Stir in] {food} and [season with salt|serve hot].", "The [chef|restaurant] serves {food}."],
        ),
        "finance": (
            ["finance", "business", "economy", "money"],
            [
                "[The shares of|The profits of] {company} [rose|fell] [sharply|by {number} percent].",
                "[The central bank|The bank] [raised interest rates|cut the rate].",
                "{company} [buys|takes over] {company2}.",
            ],
        ),
        "travel": (
            ["travel", "tourism", "holidays"],
            [
                "[The hotel|The beach|The old town] in {city} is [full of tourists|worth a visit].",
                "[Pack light|Take the night train] [when you visit|to] {city}.",
                "Flights to {city} [are cheap in {month}|take three hours].",
            ],
        ),
        "health": (
            ["health", "medicine"],
            [
                "[Doctors|Nurses] [recommend|warn about] [vaccines|too little sleep|high blood pressure].",
                "[The hospital|The clinic] treats {illness}.",
                "[Take|The pharmacist sells] {drug} [for a headache|with water].",
            ],
        ),
        "technology": (
            ["technology", "tech", "computers"],
            [
                "[The new phone|The chip|The robot] [is faster|uses less power].",
                "[Programmers|Developers] [released an update|fixed a bug in the browser].",
                "{company} [presents|sells] a [faster processor|new operating system].",
            ],
        ),
        "music": (
            ["music"],
            ["[The band|The orchestra|The singer] [plays|performed] in {city}.", "[Her new album|The concert] [was sold out|is out on {day}].", "He plays the {instrument}[ in a quartet|]."],
        ),
        "weather": (
            ["weather", "climate"],
            ["[Heavy rain|Snow|A storm] is expected [on {day}|in {city}].", "[It will be sunny|Temperatures drop to zero] [tomorrow|at the weekend].", "[Fog|Hail] [covers|hit] {city}."],
        ),
        "education": (
            ["education", "school"],
            [
                "[The pupils|The students] [passed the exam|have maths on {day}].",
                "[The teacher|The professor] [explains|marks] [the homework|the test].",
                "The [school|university] in {city} [gets a new library|offers evening classes].",
            ],
        ),
    },
    {
        "high": (
            ["high", "urgent", "critical", "important", "emergency", "P1"],
            [
                "[Help|Urgent|Emergency]: the [server room is on fire|whole site is down|pipe burst].",
                "[Nobody can work|All customers are affected], [please act now|fix it immediately].",
                "[We are losing data|Money is lost every minute] [right now|].",
                "The [alarm rings|patient does not breathe], come at once.",
            ],
        ),
        "medium": (
            ["medium", "normal", "moderate", "P2"],
            [
                "The [printer|coffee machine] [on the second floor|] [jams now and then|is slow today].",
                "[Please look at it|It should be fixed] this week.",
                "[Some users|Two colleagues] [can't print|see an old page].",
            ],
        ),
        "low": (
            ["low", "minor", "not urgent", "trivial", "P3"],
            [
                "[There is a typo|A comma is missing] on the [page|poster].",
                "[No hurry|Whenever you have time|It can wait]: [the logo could be bigger|please tidy the shelf].",
                "[It would be nice|One day we could] [to have|use] [a darker colour|a new icon].",
            ],
        ),
    },
    {
        "question": (
            ["question", "inquiry", "ask"],
            ["[When|Where] does the [museum|shop] [open|close]?", "[How do I|Can you tell me how to] [reset the clock|get to {city}]?", "[What is|Which is] the [best|cheapest] {product}?"],
        ),
        "complaint": (
            ["complaint", "problem", "issue"],
            ["[The {product} is broken|Nobody answers the phone|My room was dirty].", "[This is unacceptable|I am really annoyed], [the {product} never came|we waited an hour]."],
        ),
        "request": (
            ["request", "order", "command", "instruction"],
            ["[Please|Could you] [send me a catalogue|call me back|book a table for {number}].", "[Turn off the light|Close the door|Bring me the file]."],
        ),
        "greeting": (["greeting", "hello", "small talk"], ["[Hi there|Hello|Good morning|Good evening][, how are you|, everyone|]!", "[Nice to meet you|Hey, long time no see]."]),
        "thanks": (["thanks", "gratitude", "praise"], ["[Thank you so much|Many thanks|Thanks a million][ for your help|]!", "[I really appreciate it|That was very kind of you]."]),
        "goodbye": (["goodbye", "farewell", "bye"], ["[Bye|See you {day}|Goodbye][, take care|]!", "[I have to go now|Good night], see you."]),
    },
    {
        "spam": (
            ["spam", "junk", "unwanted"],
            [
                "[You have won|Congratulations, you won] [a free {product}|a million dollars], [click here|claim it now]!",
                "[Earn|Make] money [fast|from home] with [no work|this one trick]!!!",
                "[Cheap pills|Hot offer], [buy now|only today], limited time!",
            ],
        ),
        "ham": (
            ["ham", "legitimate", "not spam", "normal", "wanted"],
            [
                "[Hi {name}|Dear {name}], [are we still on for|see you] {day}?",
                "[The minutes of the meeting|The report] [are|is] attached.",
                "[Can you pick up the kids|Mum called], [I'm late|dinner is at seven].",
            ],
        ),
    },
    {
        "joy": (["joy", "happiness", "happy"], ["[I got the job|We won|She said yes], [I could dance|hurrah]!", "[What a beautiful day|I can't stop smiling]."]),
        "anger": (
            ["anger", "angry", "rage", "furious"],
            [
                "[How often must I ask|I've had enough|This is the last time I write], [answer me now|or I'll go elsewhere|do something at last].",
                "[How dare he|I am furious|This makes me so angry]!",
                "[He shouted and slammed the door|Stop lying to me]!",
            ],
        ),
        "sadness": (["sadness", "sad", "grief"], ["[My dog died|She left me|I miss my grandmother] and I [cry|can't stop crying].", "[I feel so lonely|Everything seems grey] since [{day}|he left]."]),
        "fear": (["fear", "afraid", "scared"], ["[I heard steps behind me|There is a spider in my bed], I [am scared|tremble].", "[I am terrified of|I dread] [the exam|flying|the dark]."]),
        "curiosity": (["curious", "curiosity", "interested"], ["[I wonder|I'd love to know|Tell me more about] [how the {product} works|why that is|what's inside the {product}]."]),
        "surprise": (
            ["surprise", "surprised", "astonishment"],
            ["[Wow|No way|I never expected that]! [You are here|A party for me]?", "[I could not believe my eyes|Out of the blue], [she came back|he gave me a {product}]."],
        ),
    },
    {
        "English": (["English", "en"], ["[The train leaves at noon|Where is the station|I like my coffee black]."]),
        "French": (["French", "fr"], ["[Je voudrais un café|Où est la gare|Il fait beau aujourd'hui|Le chat dort]."]),
        "German": (["German", "de"], ["[Ich möchte einen Kaffee|Wo ist der Bahnhof|Heute scheint die Sonne|Die Katze schläft]."]),
        "Spanish": (["Spanish", "es"], ["[Quiero un café|Dónde está la estación|Hoy hace sol|El gato duerme]."]),
        "Italian": (["Italian", "it"], ["[Vorrei un caffè|Dov'è la stazione|Oggi c'è il sole|Il gatto dorme]."]),
        "Dutch": (["Dutch", "nl"], ["[Ik wil graag een koffie|Waar is het station|De kat slaapt]."]),
    },
    {
        "past": (["past"], ["[Yesterday|Last week] [we went to|she visited|he bought a house in] {city}.", "[I lived in|They moved to] {city} [years ago|in 1990]."]),
        "future": (["future"], ["[Tomorrow|Next week] [we will go to|she will visit] {city}.", "[I am going to|They will] [move to|call] {city} soon."]),
        "present": (["present", "now"], ["[I am|She is] [reading|cooking] [now|at the moment].", "[He lives|They live] in {city}."]),
    },
    {
        "child": (["child", "kids", "under 18"], ["[The pupil|The baby|The toddler] [plays|sleeps].", "{name} is {low} years old."]),
        "adult": (["adult", "grown-up"], ["{name} is {middle} years old[ and works as a {job}|].", "[The lawyer|The driver] {name} [drives to work|pays taxes]."]),
        "senior": (["senior", "retired", "elderly"], ["{name} is {old} years old[ and retired|].", "[Grandmother|Grandfather] {name} [enjoys the pension|retired long ago]."]),
    },
    {
        "yes": (
            ["yes", "true", "agree", "accepted"],
            [
                "[Sure|Of course|Absolutely|Gladly|Yes, please], [I'll come|count me in|that works|do it|carry on|bring the papers].",
                "[I agree|That is right|Fine with me|Sounds good|You have my word].",
            ],
        ),
        "no": (
            ["no", "false", "disagree", "declined"],
            ["[Sorry, I can't|No way|I'm afraid not|Never|No thanks], [I'm busy|leave me alone|we found another|keep it].", "[I disagree|That is wrong|I don't want that|Out of the question]."],
        ),
        "maybe": (["maybe", "unsure", "undecided"], ["[Perhaps|Let me think about it|I am not sure yet].", "[It depends|I'll tell you on {day}|Ask me again later]."]),
    },
]

ASK = [
    "{text}",
    "[Classify|Sort|Label|Categorise] [this|the] [text|message|sentence|comment][ as one of {labels}| as {labels}|]: {text}",
    "[Is|Would you say] [this|the following] [message|text] [is|] {or_labels}?\n\n{text}",
    "{text}\n\n[Which of {labels} is it|What is it: {or_labels}|Choose one of: {labels}]?",
    "[Which category|What topic|What kind of text|Which class] is this[ ({labels})|]? {text}",
    "[Message|Text|Input]: {text}\n[Category|Label|Class|Answer]:",
    "[Choose|Pick] the [right|best] label ({labels}) for: {text}",
    "[Sort the message into|Assign the text to] one of: {labels}.\n\nMessage: {text}",
    '[Tell me whether|Decide if] this is {or_labels}: "{text}"',
]
SYSTEM = [
    "You [are a classifier|classify texts|sort messages|label texts].",
    "[Classify|Sort|Label] [the user's text|what the user writes|each message][ as {labels}| into {labels}|].",
    "[You route messages. |]The [labels|categories|classes] are {labels}.",
    "[Answer with one label|Reply with the category only].",
]
KEYS = "label category class topic kind type sentiment answer result intent priority group tag department"


def _join(rng: random.Random, labels: list[str], word: str) -> str:
    *rest, last = labels
    return f"{', '.join(rest)}{rng.choice([',', ''])} {word} {last}" if rng.random() < 0.6 else rng.choice([", ", " / ", "; "]).join(labels)


def _about(rng: random.Random) -> dict[str, str]:
    pick = rng.choice
    return {
        "product": pick(w.PRODUCTS), "colour": pick(w.COLOURS), "day": pick(w.DAYS), "month": pick(w.MONTHS), "city": pick(w.CITIES),
        "number": str(rng.randint(2, 60)), "team": pick(w.TEAMS), "food": pick(w.FOODS), "company": pick(w.COMPANIES),
        "company2": pick(w.COMPANIES), "illness": pick(w.ILLNESSES), "drug": pick(w.DRUGS), "instrument": pick(w.INSTRUMENTS),
        "name": pick(w.FIRST), "relative": pick(["mother", "son", "wife", "uncle", "niece"]), "job": pick(w.JOBS), "low": str(rng.randint(2, 15)), "middle": str(rng.randint(22, 58)), "old": str(rng.randint(68, 99)),
    }  # fmt: skip


# Words that identify a topic in any sentence.
TOPIC_WORDS = {
    "cooking food recipes kitchen": "simmer fry bake knead stir season roast peel chop whisk dough sauce oven spoon broth",
    "sports sport": "goal referee stadium sprint tournament coach penalty medal racket league dribble marathon umpire",
    "politics government": "parliament senator chancellor cabinet ballot treaty minister veto coalition embassy campaign",
    "science research": "molecule hypothesis laboratory galaxy experiment fossil neutron enzyme telescope theorem genome",
    "finance money economy banking": "dividend mortgage shareholder inflation loan budget audit interest currency invoice",
    "travel tourism": "passport luggage hostel itinerary boarding beach souvenir guidebook cruise airport backpack",
    "health medicine": "vaccine surgeon fever pulse bandage symptom clinic therapy dose pharmacy allergy",
    "technology computers IT": "processor keyboard download router software pixel server password robot chip firmware",
    "music": "melody chord orchestra drummer violin chorus album rhythm choir symphony",
    "education school": "homework pupil semester lecture exam diploma classroom blackboard tuition seminar",
    "law legal": "lawsuit verdict attorney courtroom clause witness plaintiff appeal judge contract",
    "nature environment": "forest glacier meadow squirrel river wetland erosion biodiversity habitat moss",
    "art": "canvas sculpture gallery brushstroke portrait easel watercolour fresco",
    "fashion clothing": "blouse catwalk hem designer silk tailor wardrobe zip",
    "history": "emperor dynasty medieval knight revolution pharaoh treaty archive empire",
    "gardening garden": "weed prune seedling compost hedge lawn rake bulb watering",
    "cars traffic": "gearbox motorway clutch windscreen exhaust brake parking detour",
    "weather": "drizzle thunderstorm hail forecast breeze humidity frost sunshine",
}
TOPIC_TEXTS = [
    "[The|A|Another] {x} [and|with] the {y} [made all the difference|were what everyone talked about|came up again].",
    "[First|Then|Today] [we|they|she] [need|had|mentioned] the {x}, [then|and later] the {y}.",
    "[What about|Tell me more about|I read about] the {x} and the {y}[?|.]",
    "[He|She|Everyone] [forgot|remembered|checked] the {x} before the {y}.",
    "{x}, {y}",
]


def _topic(rng: random.Random) -> tuple[str, str, list[str]]:
    topics = rng.sample(list(TOPIC_WORDS), rng.randint(2, 5))
    names = [rng.choice(topic.split()) for topic in topics]
    at = rng.randrange(len(topics))
    x, y = rng.sample(TOPIC_WORDS[topics[at]].split(), 2)
    return say(rng, rng.choice(TOPIC_TEXTS), {"x": x, "y": y}), names[at], names


def _thing(rng: random.Random) -> tuple[str, str, list[str]]:
    kinds = rng.sample(list(KINDS), rng.randint(2, 6))
    right = rng.choice(kinds)
    thing = rng.choice(KINDS[right].split())
    kinds = [kind for kind in kinds if kind == right or thing not in KINDS[kind].split()]
    if len(kinds) < 2:
        return _thing(rng)
    return say(rng, rng.choice(THING), {"thing": thing}), right, kinds


def _text(rng: random.Random) -> tuple[str, str, list[str]]:
    among = rng.choices(SETS, [4, 3, 1, 4, 5, 4, 2, 3, 1, 2, 1, 1, 1, 1])[0]
    labels = rng.sample(list(among), rng.randint(2, min(len(among), 6)))
    names = {label: rng.choice(among[label][0]) for label in labels}
    if len(set(names.values())) < len(names):
        return _text(rng)
    right = rng.choice(labels)
    text = say(rng, rng.choice(among[right][1]), _about(rng))
    if rng.random() < 0.15:
        text = f"{text} {say(rng, rng.choice(among[right][1]), _about(rng))}"
    return text, names[right], list(names.values())


def one(rng: random.Random) -> Example:
    """Return a text and its label."""
    text, right, labels = rng.choices([_thing, _topic, _text], [0.22, 0.13, 0.65])[0](rng)
    if rng.random() < 0.15:
        change = rng.choice([str.upper, str.capitalize, lambda label: label.replace(" ", "_")])
        right, labels = change(right), [change(label) for label in labels]
    values = {"labels": _join(rng, labels, rng.choice(["and", "or"])), "or_labels": _join(rng, labels, "or"), "text": text}
    messages: list[Message] = [user(fill(choose(rng, rng.choice(ASK)), values))]
    if rng.random() < 0.4:
        messages.insert(0, system(say(rng, rng.choice(SYSTEM), values)))
    asks = messages[-1]["content"] != text or len(messages) > 1
    if asks and rng.random() < 0.25:
        if rng.random() < 0.4:
            messages[-1]["content"] += rng.choice(["\n\nAnswer with one word.", " Answer with the label only.", " One word."])
        return Example("classify", messages, plain(right))
    key = rng.choice(KEYS.split())
    if rng.random() < 0.1:
        messages[-1]["content"] += f'\n\nAnswer like this: {{"{key}": "…"}}'
    return Example("classify", messages, json_answer(messages, {key: right}))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
