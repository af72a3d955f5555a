"""Sentences that show a label, by label; slots in braces are filled from the world. Refuses to know any prompt."""

from __future__ import annotations

from collections.abc import Callable

from scripts.tiny.world import ANIMALS, COLOURS, DAYS, FOODS, HOBBIES, JOBS, MONTHS, OBJECTS, World

WORDS: dict[str, tuple[str, ...]] = {
    "dish": (
        "soup",
        "salad",
        "rice",
        "pasta",
        "pizza",
        "cake",
        "pie",
        "bread",
        "fish",
        "chicken",
        "steak",
        "risotto",
        "stew",
        "curry",
        "lasagne",
        "omelette",
        "burger",
        "sandwich",
        "paella",
        "pudding",
        "tart",
        "goulash",
        "lamb",
        "duck",
    ),
    "dishes": (
        "dumplings",
        "noodles",
        "pancakes",
        "beans",
        "mushrooms",
        "ribs",
        "tacos",
        "fries",
        "waffles",
        "oysters",
        "meatballs",
        "croissants",
        "potatoes",
        "prawns",
        "olives",
        "cakes",
        "pizzas",
        "curries",
        "burgers",
        "sandwiches",
    ),
    "drink": ("coffee", "tea", "lemonade", "beer", "wine", "cider", "water", "juice", "cocoa", "espresso"),
    "staff": ("waiter", "waitress", "host", "barman", "manager", "owner", "cashier", "server", "girl at the counter"),
    "yum": (
        "delicious",
        "tasty",
        "superb",
        "crisp and fresh",
        "wonderful",
        "perfect",
        "heavenly",
        "divine",
        "excellent",
        "rich and tender",
        "fantastic",
        "exquisite",
        "amazing",
        "a dream",
        "a delight",
    ),
    "yuck": (
        "cold",
        "burnt",
        "bland",
        "salty",
        "dry",
        "greasy",
        "raw in the middle",
        "stale",
        "soggy",
        "tasteless",
        "tough",
        "undercooked",
        "overcooked",
        "awful",
        "watery",
        "horrible",
    ),
    "kindly": (
        "friendly",
        "attentive",
        "charming",
        "quick",
        "patient",
        "helpful",
        "polite",
        "warm",
        "full of smiles",
        "lovely",
        "wonderful",
        "kind",
    ),
    "unkind": (
        "rude",
        "slow",
        "grumpy",
        "impatient",
        "bored",
        "unfriendly",
        "careless",
        "arrogant",
        "cold",
        "dreadful",
        "impolite",
        "in a foul mood",
    ),
    "cosy": (
        "cosy",
        "beautiful",
        "bright",
        "charming",
        "quiet",
        "elegant",
        "lovely",
        "spotless",
        "full of flowers",
        "airy",
        "pretty",
        "peaceful",
    ),
    "ugly": (
        "loud",
        "noisy",
        "dirty",
        "cramped",
        "dark",
        "draughty",
        "freezing",
        "ugly",
        "smelly",
        "crowded",
        "stuffy",
        "filthy",
    ),
    "room": ("room", "terrace", "garden", "dining room", "hall", "courtyard", "balcony", "place", "bar", "patio"),
    "money": ("euros", "dollars", "pounds", "francs", "crowns"),
    "count": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "good": (
        "excellent",
        "great",
        "wonderful",
        "superb",
        "brilliant",
        "fantastic",
        "amazing",
        "perfect",
        "delightful",
        "marvellous",
        "lovely",
        "first-class",
        "outstanding",
        "a pleasure",
        "a joy",
    ),
    "bad": (
        "awful",
        "terrible",
        "dreadful",
        "horrible",
        "poor",
        "disappointing",
        "useless",
        "dull",
        "a mess",
        "pathetic",
        "worthless",
        "a disaster",
        "miserable",
        "a waste of money",
        "rubbish",
    ),
    "work": ("film", "book", "concert", "play", "show", "novel", "series", "song", "album", "game", "exhibition"),
    "ware": (
        "phone",
        "laptop",
        "printer",
        "headset",
        "keyboard",
        "blender",
        "vacuum cleaner",
        "tent",
        "suitcase",
        "lamp",
        "radio",
        "camera",
        "toaster",
        "kettle",
        "watch",
        "chair",
        "jacket",
        "bicycle",
        "speaker",
        "tablet",
    ),
    "colour": tuple(COLOURS),
    "day": tuple(DAYS),
    "month": tuple(MONTHS),
    "job": tuple(JOBS),
    "animal": tuple(ANIMALS),
    "object": tuple(OBJECTS),
    "food": tuple(FOODS),
    "hobby": tuple(HOBBIES),
    "sport": ("football", "tennis", "hockey", "basketball", "rugby", "handball", "volleyball", "cricket", "baseball"),
    "stage": ("final", "semi-final", "opening match", "derby", "quarter-final", "last game of the season"),
    "relative": ("sister", "brother", "mother", "father", "aunt", "uncle", "cousin", "grandmother", "son", "daughter"),
    "fruit": (
        "apple",
        "pear",
        "cherry",
        "plum",
        "banana",
        "orange",
        "lemon",
        "peach",
        "grape",
        "strawberry",
        "mango",
        "melon",
        "apricot",
        "fig",
        "raspberry",
        "kiwi",
        "pineapple",
        "blueberry",
        "papaya",
    ),
    "vegetable": (
        "carrot",
        "onion",
        "potato",
        "cabbage",
        "leek",
        "spinach",
        "broccoli",
        "cauliflower",
        "turnip",
        "lettuce",
        "celery",
        "beetroot",
        "radish",
        "garlic",
        "kale",
        "parsnip",
        "asparagus",
        "artichoke",
    ),
    "plant": (
        "oak",
        "rose",
        "fern",
        "tulip",
        "moss",
        "birch",
        "daisy",
        "cactus",
        "ivy",
        "willow",
        "lavender",
        "pine",
        "maple",
        "bamboo",
        "orchid",
        "nettle",
        "clover",
        "lily",
        "reed",
        "thistle",
    ),
    "mineral": (
        "quartz",
        "granite",
        "gold",
        "iron",
        "salt",
        "diamond",
        "copper",
        "marble",
        "ruby",
        "silver",
        "chalk",
        "tin",
        "sapphire",
        "basalt",
        "emerald",
        "slate",
        "limestone",
        "zinc",
    ),
    "beast": (
        *ANIMALS,
        "lion",
        "tiger",
        "whale",
        "eagle",
        "wolf",
        "bear",
        "fox",
        "salmon",
        "bee",
        "spider",
        "camel",
        "zebra",
        "crow",
        "shark",
        "ant",
        "otter",
    ),
    "tool": ("hammer", "saw", "drill", "spanner", "screwdriver", "chisel", "axe", "shovel", "rake", "pliers", "file"),
    "vehicle": (
        "car",
        "bus",
        "train",
        "bicycle",
        "truck",
        "boat",
        "plane",
        "tram",
        "ferry",
        "van",
        "motorbike",
        "taxi",
    ),
    "instrument": (
        "piano",
        "violin",
        "flute",
        "drum",
        "guitar",
        "trumpet",
        "cello",
        "harp",
        "clarinet",
        "oboe",
        "tuba",
    ),
    "garment": (
        "jacket",
        "scarf",
        "hat",
        "shirt",
        "sock",
        "glove",
        "coat",
        "skirt",
        "sweater",
        "dress",
        "belt",
        "shoe",
    ),
    "furniture": ("table", "chair", "sofa", "desk", "bed", "wardrobe", "bookcase", "stool", "bench", "cupboard"),
    "trade": tuple(JOBS),
    "hue": (
        "red",
        "blue",
        "green",
        "yellow",
        "black",
        "white",
        "brown",
        "grey",
        "purple",
        "pink",
        "violet",
        "turquoise",
    ),
}

DRAWN: dict[str, Callable[[World], str]] = {
    "first": World.first, "full": World.full, "last": World.last, "city": World.city, "firm": World.firm,
    "thing": World.thing, "country": World.country, "clock": World.clock, "date": World.date,
    "n": lambda w: str(w.number(2, 99)), "big": lambda w: str(w.number(100, 9999)),
    "cost": lambda w: str(w.number(15, 400)), "year": lambda w: str(w.year()),
}  # fmt: skip


class Slots(dict[str, str]):
    """Draws the value of a slot when it is first asked for, and keeps it for the rest of the text."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def __missing__(self, key: str) -> str:
        value = self.world.pick(WORDS[key]) if key in WORDS else DRAWN[key](self.world)
        self[key] = value
        return value


def fill(w: World, template: str) -> str:
    """The template with its slots drawn, beginning with a capital where it is a sentence."""
    text = template.format_map(Slots(w))
    return text[0].upper() + text[1:] if text[-1] in ".!?" else text


def lines(text: str) -> tuple[str, ...]:
    """One template a line."""
    return tuple(line.strip() for line in text.strip().splitlines())


FOOD_GOOD = lines("""
    The {dish} was {yum}.
    Best {dishes} in {city}!
    Best {dish} I ever had.
    I dream of that {dish}.
    I would come back just for the {dish}.
    The {dishes} were {yum}, and so was the {drink}.
    What a {dish}! {first} ate two plates of it.
    They bake their own {dish}, and you can taste it.
    Fresh {dishes}, and a sauce to remember.
    The {dishes} alone are worth the trip.
    {first} licked the plate.
    Every bite of the {dish} was {yum}.
    Never had such {dishes}.
    The cook knows what to do with {food}.
    Wonderful {dish}, and the {drink} was perfect too.
    Great {dishes}!
""")
FOOD_BAD = lines("""
    The {dish} was {yuck}.
    My {dishes} were {yuck}.
    A hair in my {dish}!
    The {dish} tasted of nothing.
    The {dish} came {yuck}, and the {drink} was warm.
    I could not finish the {dish}, it was so {yuck}.
    The {dishes} came out of a tin.
    {first} was sick after the {dish}.
    The menu promised {dish}, the plate held mush.
    Too much salt in the {dish}.
    Worst {dishes} in {city}.
    The {dish} had been frozen and was still icy in the middle.
    {food} from the day before yesterday, I swear.
    Even the dog would not eat the {dish}.
""")
SERVICE_GOOD = lines("""
    The {staff} was {kindly}.
    The {staff} remembered our names.
    They brought the children crayons without being asked.
    Our {staff}, {first}, was {kindly}.
    The {staff} helped my {relative} with her coat.
    Quick and {kindly} staff.
    We were served within {count} minutes.
    {first} at the bar was {kindly} and knew every answer.
    The team was {kindly} from the first minute.
    The {staff} even called us a taxi.
    They greeted us like old friends.
    {first} served us with a smile.
    Such {kindly} waiters!
""")
SERVICE_BAD = lines("""
    The {staff} was {unkind}.
    We waited {n} minutes for the menu.
    They forgot our order {count} times.
    They forgot our table.
    They forgot me.
    Nobody came to our table.
    The {staff} rolled his eyes at {first}.
    It took them an hour to bring two plates.
    They mixed up every order and did not even say sorry.
    The {staff} talked on the phone the whole evening.
    I asked for the bill {count} times.
    We sat there and the {staff} just looked past us.
    They ignored us.
    Why was the {staff} so {unkind}?
    Such {unkind} waiters!
""")
PRICE_GOOD = lines("""
    Only {n} {money} for three courses!
    So cheap, I thought the bill was wrong.
    You pay half of what others in {city} ask.
    A full meal for the price of a {drink}.
    Great value for little money.
    {n} {money} for lunch, and you can eat as much as you like.
    Very fair prices.
    The lunch menu is a bargain.
    {first} paid just {n} {money} for the two of us.
    Nowhere else do you get so much for {n} {money}.
    Cheap and cheerful, my wallet says thanks.
    The bill was a pleasant surprise: {n} {money}.
""")
PRICE_BAD = lines("""
    {cost} {money} for a {dish}?!
    {n} {money} for a {drink}!
    Far too expensive.
    The bill was a shock: {cost} {money}.
    They charge {n} {money} for a glass of {drink}.
    You pay twice what others in {city} ask.
    Overpriced, like everything in that street.
    {cost} {money} for two, and we only had {dish}.
    My wallet still hurts.
    They even charged us {n} {money} for tap water.
    Much too dear for what you get.
    {first} had to pay {cost} {money} for one {dish}.
    What a rip-off.
""")
PLACE_GOOD = lines("""
    The {room} is {cosy}.
    You sit under old trees, with a view of the river.
    A {cosy} little {room}.
    From the {room} you can see all of {city}.
    Candles on every table, and soft music.
    Such a {cosy} {room}!
    The {room} has a fireplace and deep chairs.
    A little place with a lot of soul.
    Big windows, {colour} walls, a {cosy} {room}.
    {first} loved the view over the harbour.
    We sat in the {room} among roses.
    A {cosy} corner in the middle of {city}.
    What a view!
""")
PLACE_BAD = lines("""
    The {room} was {ugly}.
    The music was so loud that we had to shout.
    Our table stood next to the toilets.
    The chairs are hard and the {room} is {ugly}.
    You sit elbow to elbow in a {ugly} {room}.
    The {room} smells of old socks.
    The floor was sticky and the lamps were broken.
    It was so {ugly} in there that {first} left.
    No heating in the {room}, in {month}!
    A {ugly} hole of a {room}.
    Traffic roars past the {room} all night.
    The tables had not been wiped for days.
    So {ugly} in there!
""")
MIXED = {
    "food": ("bland", "salty", "greasy", "overcooked", "soggy", "tasteless"),
    "service": ("slow waiters", "a rude waiter", "we waited too long", "they forgot us", "an unfriendly waitress"),
    "price": ("expensive", "dear", "overpriced", "pricey", "too expensive for us"),
    "place": ("loud", "noisy", "cramped", "draughty", "crowded", "dark", "a bit cold in the room", "stuffy"),
}
WORK_GOOD = lines("""
    The {work} was {good}.
    I loved every minute of the {work}.
    What a {work}! I laughed, I cried, I went twice.
    {first} says it is the best {work} of the year, and I agree.
    I could not put it down. The {work} is {good}.
    My {relative} enjoyed the {work} so much that she bought a copy.
    The {ware} is {good} and works like a charm.
    Ten stars for this {ware}.
    I am so pleased with my new {ware}.
    The {thing} is {good}; I would buy it again.
    {firm} made a {ware} that simply works. I love it.
    Thank you, {firm}, the {ware} is {good}.
    We had a {good} stay in {city}.
    The trip to {city} was {good}.
    I can recommend {firm} to everyone.
""")
WORK_BAD = lines("""
    The {work} was {bad}.
    I fell asleep during the {work}.
    What a waste of an evening. The {work} was {bad}.
    {first} walked out of the {work} after {count} minutes.
    I want the {count} hours of that {work} back.
    The {ware} broke after {count} days.
    The {ware} is {bad} and never worked.
    I hate this {ware}.
    Do not buy the {thing}. It is {bad}.
    {firm} sent me a {ware} with a crack in it.
    The {thing} stopped working on the first day.
    Never again with {firm}.
    The trip to {city} was {bad}.
    One star, and that is one too many for this {ware}.
    I regret that I paid for this {work}.
""")
NEUTRAL = lines("""
    The {ware} weighs {count} kilos.
    The {work} lasts two hours.
    {firm} sells the {ware} in {count} colours.
    I bought the {ware} on {day}.
    The {work} starts at {clock}.
    The {thing} comes in a {colour} box.
    The shop in {city} opens at {clock}.
    The {work} takes place in {city}.
    The {ware} is {colour} and has {count} buttons.
    {first} ordered the {thing} in {month}.
    The manual of the {thing} has {n} pages.
    The parcel from {firm} came on {date}.
    It is a {work} about a {job} in {city}.
    The {room} has {n} seats.
""")
SPORT = lines("""
    {city} beat {country} {count} to one in the {stage}.
    {full} won the {sport} {stage} on {day}.
    The coach of {city} praised his {sport} team after the match.
    {full} scored {count} goals against {city}.
    The {sport} club of {city} has signed {full}.
    The referee sent off {last} in the second half.
    {full} broke the record over 400 metres.
    The cyclists reach {city} on {day}; {last} leads the race.
    {city} lost the {sport} {stage} on penalties.
    The swimmer {full} took gold in the relay.
    {last} misses the {stage} with an injured knee.
    Fans of {city} sang long after the {sport} match was over.
    The team of {city} trains for the {sport} cup.
""")
POLITICS = lines("""
    Parliament passed the new tax law by {n} votes.
    {full} was elected mayor of {city}.
    The minister {last} resigned on {day}.
    The president of {country} met the prime minister on {date}.
    Voters in {country} go to the polls in {month}.
    The government in {city} has called an election.
    Senator {last} voted against the bill.
    The opposition demands that minister {last} step down.
    {country} and its neighbour signed a treaty in {city}.
    The party of {full} won {n} seats in parliament.
    The city council of {city} debates a new law.
    The ambassador of {country} was called home.
""")
SCIENCE = lines("""
    Researchers in {city} discovered a new species of {animal}.
    Astronomers found a planet with {count} moons.
    The physicist {full} measured the speed of light again.
    A telescope near {city} saw the birth of a star.
    The biologist {full} studies the genes of the {animal}.
    A study shows how bees find their way home.
    Chemists from {city} made a molecule that glows.
    The laboratory of {last} grew cells in a dish.
    Fossils from {country} are {n} million years old.
    Scientists drilled {big} metres into the ice to study old air.
    An experiment in {city} confirms the theory of {last}.
    A probe landed on Mars and sent back its first data.
""")
WEATHER_NEWS = lines("""
    Heavy rain will reach {city} on {day}.
    Snow fell on {country} all night.
    A storm with strong winds is moving towards {city}.
    It will be sunny and {n} degrees on {day}.
    The fog over {city} will lift by noon.
    Temperatures in {country} drop below zero this week.
    Hail the size of eggs fell near {city}.
    Expect showers in the morning and sun in the afternoon.
    The heat wave in {country} goes on until {day}.
    Clouds and light rain over {city}, clearing up later.
    {month} in {city} was the wettest for years.
    A frosty night lies ahead for {country}.
""")
BUSINESS = lines("""
    {firm} bought its rival for {n} million.
    Shares of {firm} fell by {count} percent on {day}.
    {firm} opens a factory in {city} and hires {big} workers.
    The profits of {firm} doubled last year.
    {full} is the new chief executive of {firm}.
    The bank of {country} raised its interest rate.
    {firm} closes its shops in {city}.
    Sales of the {thing} lifted the turnover of {firm}.
    {firm} and {last} Brothers agreed on a merger.
    Investors put {n} million into {firm}.
    The price of {food} rose on the markets.
    {firm} cuts {big} jobs to save costs.
""")
CULTURE = lines("""
    The museum in {city} shows paintings by {full}.
    {full} sings at the opera of {city} on {day}.
    The new novel by {full} came out in {month}.
    The orchestra of {city} plays a symphony tonight.
    {full} won the prize for the best film.
    The theatre of {city} opens with a play by {last}.
    A poem by {full} was found in an attic.
    The gallery in {city} sold a portrait of a {job}.
    The actress {full} will star in a film about a {job}.
    Dancers from {country} perform in {city}.
    The band of {full} recorded a new album.
    The choir of {city} sings old songs on {day}.
""")
QUESTION = lines("""
    When do you open on {day}?
    Do you deliver to {city}?
    Does the {ware} come in {colour}?
    How long does the parcel to {country} take?
    Is the {thing} still in stock?
    Which size of the {ware} fits a {job}?
    Could you tell me what the {ware} costs?
    Can I pay with a card?
    Where in {city} is your shop?
    How do I change the battery of the {thing}?
    Is there a discount for students?
    What is the difference between the {thing} and the old model?
    Who can I call about the {ware}?
""")
COMPLAINT = lines("""
    The {ware} you sent me is broken.
    I have waited {count} weeks for my {ware}, and nothing has come.
    You charged me twice for the {ware}. That is not acceptable.
    My {ware} arrived with a scratch and no manual.
    I am very unhappy with the {thing}.
    Nobody answers your phone. I am annoyed.
    You sent me a {colour} {ware} although I had asked for another colour.
    The {thing} stopped working after {count} days. I want my money back.
    The driver from {firm} threw my parcel over the fence.
    This is the third time that my order is late.
    The {ware} is too small and one leg is missing.
    Your service in {city} is a disgrace.
    My invoice is wrong again.
""")
PRAISE = lines("""
    Thank you so much, the {ware} is wonderful.
    I just wanted to say how much I love the {thing}.
    {first} in your shop in {city} was so helpful. Bravo!
    What a great {ware}! My {relative} adores it.
    You are the best shop in {city}.
    Well done, {firm}! Such a fine {ware}.
    The {ware} came a day early and works perfectly. Thanks!
    Please tell {first} that the help was superb.
    I am delighted with my {ware}.
    Five stars for your lovely team.
    I have told all my friends how good the {thing} is.
    The {thing} made my {relative} very happy. Thank you!
""")
ORDER = lines("""
    I would like {count} {colour} lamps, please.
    Please send me one {ware} to {city}.
    I want to buy the {thing}. Please ship it to {city}.
    Put me down for {count} boxes of {food}.
    {count} kilos of {food} for {full}, please.
    Please reserve {count} tickets for {day} for me.
    I'll take the {colour} {ware}. Send it to {full} in {city}.
    One {ware} and two {object}s, please, to be delivered on {day}.
    We need {n} chairs by {date}; please send them with the invoice.
    I hereby order {count} copies of the book.
    Add a {ware} to my basket and ship it with the rest.
    Send {n} of the {colour} ones to {firm}, {city}.
""")
BILLING = lines("""
    I was charged twice in {month}.
    My invoice shows {cost} {money} instead of {n}.
    Please refund the {cost} {money} that I paid for the {ware}.
    My credit card was declined when I paid.
    Why is there a fee of {n} {money} on my bill?
    I need a receipt for my payment of {date}.
    Can I pay by bank transfer instead of card?
    The discount is missing from my invoice.
    You took {cost} {money} from my bank account by mistake.
    I want to pay my bill in {count} parts.
    The invoice of {date} has the wrong tax on it.
    I paid on {day}, but the bill still says unpaid.
""")
TECHNICAL = lines("""
    The app crashes when I open it.
    The {thing} shows error {big} and stops.
    My screen stays black after the update.
    The {ware} does not switch on any more.
    The program freezes whenever I save a file.
    The wifi of the {thing} breaks off every {count} minutes.
    The page does not load; I only see error {big}.
    Since the update the sound of the {thing} is gone.
    The printer is not found by my computer.
    The battery of the {thing} drains in {count} minutes.
    The {thing} restarts all by itself.
    The camera of my {thing} shows only stripes.
""")
SHIPPING = lines("""
    My parcel has not arrived yet.
    The tracking number {big} does not move.
    Where is my delivery? It should have come on {day}.
    The courier left the box with a neighbour in {city}.
    Can you ship the {ware} to {country}?
    The parcel went to the old street in {city}.
    The package arrived wet and torn.
    How many days does the delivery to {city} take?
    The driver did not ring, and the parcel went back.
    My {ware} is stuck at the customs of {country}.
    Please send the parcel to {full} in {city} instead.
    Half of the delivery is missing from the box.
""")
ACCOUNT = lines("""
    I forgot my password.
    I cannot log in with my user name {first}{n}.
    Please delete my profile.
    How do I change the email address of my login?
    My user name is spelled wrong: it should be {first}.
    Someone else has logged in with my password.
    My profile is locked after {count} tries.
    I want to close my membership under the name {full}.
    The link to reset my password does not come.
    Please change my last name in the profile to {last}.
    I have two logins; please merge them.
    I never got the email to confirm my registration.
""")
URGENT = lines("""
    Call me at once, the cellar is under water!
    Please answer within the hour, the train leaves at {clock}.
    Emergency: {first} is hurt, send help now!
    The server of {firm} is down and all {big} customers are waiting.
    I need the keys right now, I am standing outside in the rain.
    There is smoke coming out of the {ware}!
    The contract must be signed today before {clock}, or we lose it.
    Help, the door is locked and the child is inside!
    Immediately stop the machine in {city}, it is burning!
    We need a doctor for {first} now, please hurry!
    The deadline is in {count} minutes and the file is missing!
    Gas smell in the {room}, come quickly!
""")
CALM = lines("""
    Whenever you have time, please send me the photos.
    There is no hurry, but I would like to have my {object} back some day.
    Just a thought: we could paint the {room} {colour} next year.
    Take your time with the answer.
    If you ever come to {city}, bring me a postcard.
    It can wait until after the holidays.
    I will ask again in {month}; it is not important.
    Some time this year we should tidy up the cellar.
    No need to answer soon, I only wanted to say hello.
    At your leisure, have a look at the {ware}.
    When you are bored, you could sort the old books.
    Next month is fine for the report on {city}.
""")
FORMAL = lines("""
    Dear Sir or Madam, I am writing to enquire about the {ware}.
    We hereby confirm receipt of your letter of {date}.
    I would be most grateful for your reply.
    Dear Mr {last}, please find enclosed the requested documents.
    Yours faithfully, {full}.
    We regret to inform you that the meeting on {day} has been cancelled.
    It is with great pleasure that we invite you to {city}.
    Dear Ms {last}, allow me to introduce our company, {firm}.
    Should you require further information, please do not hesitate to contact us.
    Kindly confirm your attendance by {date}.
    We look forward to receiving your esteemed reply.
    The undersigned requests a copy of the contract.
""")
INFORMAL = lines("""
    Hey {first}, what's up?
    Gonna be late, grab me a {drink}!
    lol, that was so funny, dude.
    Wanna hang out on {day}?
    yo, where r u?
    Dunno, ask {first}, haha.
    Cool, see ya at {clock}!
    Hiya! Got any {food} left?
    Nah, can't be bothered, mate.
    OMG, {first} totally freaked out!
    Thx a lot, buddy!
    Kinda tired, gotta go. Bye!
""")
SPAM = lines("""
    Congratulations! You have won {big} {money}. Click here now!
    Lose {n} kilos in one week with this secret pill!
    URGENT: send us your password to claim your prize.
    Earn {big} {money} a day from home, no work needed!
    You are our lucky winner number {big}! Reply with your bank details.
    Cheap watches, {n} percent off, buy now, today only!!!
    A prince of {country} wants to give you {n} million.
    Free {thing} for the first {n} clicks!!!
    Hot offer: miracle cream makes you look {n} years younger!
    Your account will be closed unless you click this link.
    Get rich quick with the method of {full}!
    Double your money in {count} days, guaranteed!
""")
HAM = lines("""
    Hi {first}, are we still meeting at {clock} on {day}?
    The minutes of the meeting in {city} are attached.
    Dinner at our house on {day}? {first} is cooking.
    Here are the photos of our walk in {city}.
    Your appointment with Doctor {last} is on {date}.
    Could you look over my report before {day}?
    {first} left a {object} at our place.
    The choir practice is moved to {clock}.
    Thanks for the {food}, they were great with the soup.
    Grandma arrives in {city} at {clock}. Can you fetch her?
    I have put the keys under the {object}.
    The parents' evening is on {date} in room {n}.
""")
SPRING = lines("""
    The first crocuses push through the melting snow.
    The cherry trees are in blossom.
    The swallows come back, and {first} sows carrots.
    Lambs are born, and the buds open.
    It is April, and the tulips are out.
    {first} hides eggs for Easter.
    The snow has melted and the young leaves unfold.
    The birds build their nests in the garden of {first}.
    The frogs wake up and lay their eggs.
    March winds dry the fields after the frost.
    The trees turn green again after the long cold.
    In {city} the first daffodils are out.
""")
SUMMER = lines("""
    It is July, and {first} swims in the lake.
    The heat makes the asphalt in {city} soft.
    {first} lies on the beach with an ice cream.
    The school is closed for the long hot holidays in August.
    The days are longest now, and the nights are warm.
    Everybody in {city} eats ice cream in the sun.
    The wheat is ripe, and the crickets sing in the heat.
    {first} wears sandals and a straw hat against the sun.
    It is {n} degrees too hot to work, so the pools are full.
    The strawberries are ripe, and we sleep in the garden.
    Sunburn, sandcastles and lemonade: that was our week.
    The children of {city} cool off in the fountain.
""")
AUTUMN = lines("""
    The leaves turn red and fall.
    {first} picks the last apples and rakes the leaves.
    It is October, and fog lies on the fields near {city}.
    The swallows gather to fly south.
    The grapes are harvested, and the evenings draw in.
    {first} carves a pumpkin for Halloween.
    Wet brown leaves cover the streets of {city}.
    {first} gathers chestnuts and mushrooms in the wood.
    It is November, grey and wet, and the trees are bare.
    The squirrels hide nuts before the frost comes.
    The harvest is in, and the storks have left.
    Children fly kites over the stubble fields.
""")
WINTER = lines("""
    Snow covers the roofs of {city}.
    {first} builds a snowman.
    The lake is frozen and {first} skates on it.
    It is January, and icicles hang from the roof.
    {first} lights the stove and puts on two pairs of gloves.
    The days are shortest now, and it freezes at night.
    The sledges are out, and everybody throws snowballs.
    {first} decorates the tree for Christmas.
    The bears sleep and the ponds are ice.
    It is February, and the cars of {city} do not start in the frost.
    The ski slopes are open.
    {first} scrapes the ice off the car.
""")
INDOOR = lines("""
    {first} is baking bread in the kitchen.
    {first} lies on the sofa and reads.
    The children are asleep in their beds.
    {first} takes a bath.
    {first} is ironing in the living room.
    They sit by the fireplace and play cards on the carpet.
    {first} works at a desk in an office in {city}.
    {first} is washing the dishes in the sink.
    The pupils sit in the classroom.
    {first} vacuums the carpet under the bed.
    The class visits the museum and looks at the paintings.
    {first} sits in the cinema and watches a film.
""")
OUTDOOR = lines("""
    {first} climbs a mountain near {city}.
    {first} rows across the lake.
    They camp in a tent in the forest.
    {first} mows the lawn.
    {first} cycles along the river.
    The children play in the sand on the beach.
    {first} picks berries at the edge of the wood.
    {first} walks the dog through the park of {city}.
    They ride their horses across the fields.
    {first} fishes from a boat on the sea.
    {first} rakes leaves under the apple tree.
    They sit around a campfire under the stars.
""")
PAST = lines("""
    {first} moved to {city} in {year}.
    Yesterday {first} bought a {object}.
    {first} was a {job} in those days.
    Last week it rained in {city}.
    {first} sold the {object} a year ago.
    They built the bridge long ago.
    {first} went home early last night.
    We ate {food} on {day} and then walked home.
    The old {job} died many years ago.
    {first} taught me {hobby} when I was small.
    {firm} closed its shop in {city} last year.
    {first} lost the {object} on the train.
""")
PRESENT = lines("""
    {first} is sitting on the bench right now.
    At the moment {first} lives in {city}.
    {first} is a {job} these days.
    It is raining in {city} as I write.
    {first} is reading a book just now.
    Look, {first} is painting the {object}!
    Right now we are eating {food}.
    {first} works for {firm} at present.
    The {animal} is sleeping under the table now.
    I am standing in front of your door.
    {first} is on the phone at the moment.
    Currently {firm} employs {big} people.
""")
FUTURE = lines("""
    {first} will move to {city} next year.
    Tomorrow {first} is going to buy a {object}.
    {first} will be a {job} one day.
    Next week it will rain in {city}.
    {first} is going to sell the {object} soon.
    They will build a bridge here.
    {first} will go home early tomorrow.
    We shall eat {food} when you come.
    {firm} will open a shop in {city} next spring.
    {first} is going to learn {hobby} after the holidays.
    In ten years {first} will live in {country}.
    The train will arrive soon.
""")
JOY = lines("""
    {first} jumped up and down and laughed.
    "We won!" shouted {first} and danced through the {room}.
    {first} beamed when the {object} was unwrapped.
    What a wonderful day! I could hug the whole world.
    {first} sang all the way home from the wedding.
    I passed the exam, hurray!
    {first} could not stop smiling.
    At last my {relative} is back, and we all cheered.
    {first} clapped and giggled.
    This is the best present I ever got!
    {first} whistled and skipped down the street.
    I am over the moon: {first} said yes!
""")
ANGER = lines("""
    {first} slammed the door and shouted.
    "How dare you!" yelled {first}.
    {first} threw the {object} against the wall in a rage.
    I am furious: {first} has lied to me again.
    {first} banged a fist on the table.
    That is an outrage, and I will not put up with it!
    {first} went red in the face and swore at the {job}.
    I have had enough of your stupid excuses!
    {first} tore up the letter and stamped on it.
    Get out of my {room} this minute!
    {first} clenched both fists and glared at {last}.
    It makes my blood boil when {first} cheats.
""")
FEAR = lines("""
    {first} trembled and hid under the bed.
    "Is somebody there?" whispered {first} in the dark.
    {first} did not dare to open the door.
    My heart pounded when the {animal} came closer.
    {first} screamed at the sight of the {animal} and ran away.
    I lay awake and listened to the steps on the stairs, shaking.
    {first} went pale and could not move.
    What if the ice breaks? {first} clung to the rail.
    {first} dreads the dentist and shivers at the sound of the drill.
    Please don't leave me alone in this dark house!
    {first} froze when the shadow moved.
    I am terrified of heights and held on with both hands.
""")
SADNESS = lines("""
    {first} wept at the grave.
    {first} has cried since the {animal} died.
    Tears ran down the face of {first}.
    I miss my {relative} so much since the funeral.
    {first} sat alone at the window and sobbed.
    Nobody came to the birthday of {first}, and the cake was left uneaten.
    My heart is heavy since {first} has gone for ever.
    {first} looked at the old photos and sighed, in tears.
    We said goodbye at the station and wept.
    {first} has lost all hope and only stares at the floor.
    The letter told {first} that an old friend had died.
    I feel so lonely and empty without {first}.
""")
FACT = lines("""
    {city} lies on a river.
    The {ware} weighs {count} kilos.
    {firm} was founded in {year}.
    {full} was born in {year}.
    A spider has eight legs.
    {firm} employs {big} people in {city}.
    Water boils at 100 degrees.
    The tower in {city} is {n} metres high.
    The train from {city} takes {count} hours.
    {full} is a {job} in {city}.
    The bridge was built in {year}.
    A week has seven days.
""")
OPINION = lines("""
    I think {city} is the loveliest town of all.
    In my view {hobby} is boring.
    I find {full} overrated.
    {colour} is the nicest colour, if you ask me.
    I believe nobody should eat {food} in the morning.
    To my mind {firm} makes ugly lamps.
    I feel that {month} is the worst month.
    {hobby} is far more fun than anything else, in my opinion.
    I would say that the tower in {city} is hideous.
    Personally, I prefer a {animal} to any other pet.
    In my opinion {first} is the best {job} in town.
    I guess that {food} taste better than they look.
""")
COMMAND = lines("""
    Close the door!
    Bring me the {object}.
    Go to {city} and find {first}.
    Put the {object} on the table.
    Wash your hands before you eat.
    Call {first} at {clock}.
    Write your name on the {colour} card.
    Stop shouting!
    Take the {food} out of the bag.
    Give {first} the {object}.
    Feed the {animal}, {first}.
    Don't touch the {object}!
""")
ASK = lines("""
    Where does {first} live?
    Has {first} seen the {object}?
    Who is the {job} of {city}?
    When does the train to {city} leave?
    Why is the {object} {colour}?
    How many {food} did you buy?
    Is {city} far from here?
    Did {first} feed the {animal}?
    What is the name of your {relative}?
    Can a {animal} swim?
    Do you like {hobby}?
    Which {object} belongs to {first}?
""")
STATEMENT = lines("""
    {first} lives in {city}.
    The {object} is {colour}.
    {first} works as a {job}.
    The {animal} sleeps under the table.
    {first} likes {hobby}.
    There are {food} in the bag.
    The train to {city} leaves at {clock}.
    My {relative} met {first} on {day}.
    {firm} sells lamps.
    It rained in {city} on {date}.
    {first} has a {colour} {object}.
    The {job} of {city} is called {last}.
""")
POLITE = lines("""
    Would you be so kind as to pass me the {object}?
    Thank you very much for your help, {first}.
    Excuse me, may I sit here, please?
    I am sorry to trouble you, but could you open the window?
    Could you please tell {first} that I called?
    It was very kind of you to wait, thank you.
    Please, after you.
    I beg your pardon, I did not mean to disturb you.
    Might I ask you for the {food}, please?
    Thanks ever so much, {first}, that was thoughtful.
    If you don't mind, I would like to sit by the window.
    Good morning, {first}, how nice to see you!
""")
RUDE = lines("""
    Shut up, {first}!
    Give me the {object}, you idiot.
    Get lost!
    Move over, fatty, that is my seat.
    I don't care what you want, stupid.
    Who asked you, dimwit?
    Hurry up, you lazy lump!
    What a dumb question, {first}.
    Out of my way, moron!
    Your face makes me sick, {first}.
    Stop whining, you fool.
    Nobody wants you here, {first}, go away!
""")
MUSIC = lines("""
    Play something by {full}.
    Put on some jazz.
    I want to hear the new song of {first}.
    Turn up the volume of this song.
    Start my {hobby} playlist.
    Next track, please.
    Play the album "{thing}".
    Shuffle my favourite songs.
    Play a waltz for my {relative}.
    Skip this song.
    I feel like listening to the radio concert from {city}.
    Repeat that tune once more.
""")
ALARM = lines("""
    Wake me at {clock}.
    Set an alarm for {clock} on {day}.
    I must get up at {clock} tomorrow, so ring me out of bed.
    Set a timer for {n} minutes.
    Ring at {clock} every day.
    Remind me in {count} minutes to take out the cake.
    Cancel the alarm at {clock}.
    Snooze for {count} minutes.
    Let the alarm clock ring at {clock}.
    Start a countdown of {n} seconds.
    Move my wake-up time to {clock}.
    Beep when {n} minutes are over.
""")
TRAVEL = lines("""
    Book me a flight to {city}.
    Find a train from {city} to the sea.
    I need a hotel room in {city} on {date}.
    Two tickets to {country}, window seats.
    When does the next bus to {city} go?
    Find me a cheap flight to {country} in {month}.
    Reserve a seat on the train to {city}.
    Change my flight to {date}.
    I want to fly to {city} on {day}.
    Show me hotels near the station of {city}.
    Get me a rental car in {city}.
    Is there a ferry to {city} on {day}?
""")
FORECAST = lines("""
    Will it rain in {city} on {day}?
    Do I need an umbrella today?
    How warm will it be in {city} tomorrow?
    Is it snowing in {country}?
    How strong is the wind in {city}?
    Will the sun shine on {day}?
    What temperature does {city} have right now?
    Is there a storm coming to {city}?
    Will there be frost tonight?
    Is it cloudy in {city}?
    How hot is it in {country} in {month}?
    Is there fog near {city} this morning?
""")


def things(slot: str) -> tuple[str, ...]:
    """A word of a kind, alone or named in a sentence that says nothing else about its kind."""
    word = "{" + slot + "}"
    return (word, word, word, f"the {word}", f"{{first}} drew a picture of: {word}", f"My favourite one: {word}.")


# Sentences that show no quality at all.
FILLER_FACTS = lines("""
    {first} lives in {city}.
    The {object} is {colour}.
    {first} works as a {job}.
    {firm} sells lamps.
    The {animal} is in the garden.
    My {relative} met {first} there.
    The house has a {colour} door.
    {first} has a {object}.
    The river flows through {city}.
    The {job} is called {last}.
    {full} was there too.
    They come from {country}.
""")
