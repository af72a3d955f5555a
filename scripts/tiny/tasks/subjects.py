"""What essays are about: subjects with sentences that claim and argue for them. Refuses to build essays."""

from __future__ import annotations

# subject -> its sentences; the first ones hold no figure, those with {n} do.
FIXED: dict[str, tuple[str, ...]] = {
    "Why towns should build more cycle paths": (
        "Cyclists need lanes of their own.", "A bicycle takes less room than a car.", "Who cycles to work stays fit.",
        "Bicycles make no noise and no smoke.", "A safe lane brings children to school by bicycle.",
        "In {city} the new lanes doubled the number of cyclists to {n} thousand."),
    "Why we should plant trees": (
        "Trees cool the air.", "A tree gives shade in summer.", "Birds nest in the branches.", "Roots hold the soil.",
        "Leaves catch the dust of the traffic.", "One old oak binds {n} kilos of carbon a year."),
    "Should homework be abolished?": (
        "Homework steals the afternoon.", "Pupils learn best when they are rested.",
        "Parents end up doing the exercises.",
        "A child needs time to play after school.", "Teachers must correct all these exercises at night.",
        "Pupils in {city} spend {n} hours a month on homework."),
    "The use of school uniforms": (
        "A uniform makes pupils equal.", "Nobody is mocked for cheap clothes.", "Mornings are easier with a uniform.",
        "A school tie makes pupils proud of their school.", "Uniforms save the parents money.",
        "A uniform costs {n} euros and lasts all year."),
    "Why libraries matter": (
        "A library lends books to everyone.", "Readers of all ages meet between the shelves.",
        "Who cannot buy books can borrow them.", "Librarians help to find the right book.",
        "A quiet reading room is a treasure.", "The library of {city} lends {n} thousand books a year."),
    "Should cars be banned from city centres?": (
        "Cars fill the streets with noise.", "Without cars the old town can breathe.", "Pedestrians need room to walk.",
        "Buses can carry the people who drive now.", "Parked cars take the place of benches and cafes.",
        "In {city} traffic fell by {n} percent after the ban on cars."),
    "The dangers of smoking": (
        "Smoking harms the lungs.", "Cigarettes cost a fortune.", "Smoke also hurts those who do not smoke.",
        "Tobacco makes the heart weak.", "Young people start to smoke because their friends do.",
        "A smoker loses {n} hours of life a month."),
    "Why we need sleep": (
        "Sleep heals the body.", "A tired mind makes mistakes.", "Dreams sort the memories of the day.",
        "Who sleeps badly falls ill more often.", "Bright screens keep us awake at night.",
        "The sleepers in the test remembered {n} percent more."),
    "The value of learning languages": (
        "A new language opens doors.", "Words show how other people think.",
        "Travellers who speak the language find friends.",
        "Learning grammar trains the brain.", "Old people who speak two languages stay alert.",
        "Firms in {city} pay {n} euros more to people with a second language."),
    "Should zoos exist?": (
        "Zoos keep wild animals behind bars.", "A lion needs more room than a cage.", "Some zoos save rare animals.",
        "Children see real elephants at the zoo.", "Many animals in zoos fall ill from boredom.",
        "The zoo of {city} has bred {n} rare tigers."),
    "Why music belongs in schools": (
        "Music teaches children to listen.", "A choir makes a class a team.", "Who plays the violin learns patience.",
        "Songs help to remember words.", "Every school should lend instruments to its pupils.",
        "Pupils in the orchestra of {city} had {n} percent better marks."),
    "The future of work from home": (
        "Working at home saves the way to the office.", "Parents can work while the children sleep.",
        "At home nobody interrupts the work.", "Colleagues miss the chat in the kitchen of the office.",
        "Firms need fewer desks when people work at home.", "Staff at home answered {n} percent more calls."),
    "Should we eat less meat?": (
        "Meat costs the earth too much.", "Cattle need land where grain could grow.", "Beans feed us as well as beef.",
        "Too much red meat is bad for the heart.", "Animals suffer in factory farms.",
        "A kilo of beef takes {n} hundred litres of water."),
    "Why museums should be free": (
        "A museum belongs to everybody.", "A ticket keeps poor families away from art.",
        "Old paintings tell us who we were.", "Free museums are full of children.",
        "Visitors who pay no entry spend more in the museum shop.",
        "The museum of {city} had {n} thousand more visitors."),
    "The problem of plastic waste": (
        "Plastic stays in the sea for ever.", "Turtles die with plastic bags in their stomachs.",
        "We wrap every apple in plastic.", "Glass bottles can be filled again.", "Recycling alone does not solve it.",
        "Divers near {city} brought up {n} tons of plastic."),
    "Should voting be a duty?": (
        "Every citizen should vote.", "An election decides about all of us.", "Who does not vote lets others choose.",
        "A duty to vote would make the parties listen to the poor.",
        "In a free country one may also stay at home on election day.",
        "In {country} only {n} percent went to vote."),
    "The benefits of sport": (
        "Sport keeps the body strong.", "In a team we learn to lose.", "Running costs nothing but shoes.",
        "Exercise drives away dark thoughts.", "Sport after school keeps children off the street.",
        "Who trains every day lives {n} months longer."),
    "Why bees must be protected": (
        "Bees carry the pollen of our fruit.", "Without bees no apples grow.",
        "Poison on the fields kills whole hives.",
        "Every garden can offer flowers to the bees.", "Honey is just the smallest gift of the hive.",
        "In {country} {n} percent of the bees have died."),
    "Is space travel worth its price?": (
        "Rockets carry our dreams.", "Satellites warn us of storms.", "The money for rockets is missing in hospitals.",
        "On the moon we learn about the earth.", "Astronauts from many lands work together in space.",
        "The last rocket cost {n} million."),
    "The case for public transport": (
        "A bus replaces forty cars.", "Trains bring us to work without traffic jams.", "Old people depend on the tram.",
        "Cheap tickets fill the trains.", "A good bus line raises the value of a street.",
        "In {city} {n} thousand people take the tram."),
    "Should phones be banned in class?": (
        "A phone distracts the whole class.", "Pupils look at the screen and not at the board.",
        "Without phones the pupils talk again in the breaks.", "A phone can also be a dictionary in class.",
        "Teachers are tired of collecting phones.", "After the ban on phones the marks rose by {n} percent."),
    "Why we should save water": (
        "Water is life.", "A dripping tap wastes a bath a week.", "Rivers run dry in hot summers.",
        "Rain barrels water the garden for nothing.", "Farmers fight over every well.",
        "A short shower saves {n} litres of water."),
    "The power of advertising": (
        "Advertising makes us want things.", "Posters shout at us on every corner.",
        "Children believe what adverts promise.",
        "Without adverts newspapers would cost more.", "A clever slogan stays in the head for years.",
        "A child sees {n} adverts a day."),
    "Should the working week have four days?": (
        "Four days of work are enough.", "Rested workers make fewer mistakes.",
        "A free day leaves time for the family.",
        "Shops fear that they must hire more staff for a shorter week.", "Who works less is ill less often.",
        "A firm in {city} tried the short week for {n} weeks and lost nothing."),
    "Why history should be taught": (
        "History shows where we come from.", "Who forgets the past repeats its errors.",
        "Old letters make the dead speak.",
        "A visit to a castle teaches more than dates.", "Wars begin where history is forgotten.",
        "Only {n} percent of pupils in {city} knew when the last war ended."),
    "The trouble with tourism": (
        "Tourists crowd out the locals.", "Flats become hotels for tourists.", "Cruise ships foul the harbour.",
        "Visitors bring money to poor villages.", "Every tourist wants the same photo.",
        "Last year {n} thousand tourists came to {city}."),
    "Why wind power is the future": (
        "Wind costs nothing.", "Turbines turn day and night.", "Wind power makes no smoke.",
        "Some find the white towers ugly.", "On calm days we need other sources of power.",
        "The turbines near {city} feed {n} thousand homes."),
    "Should children have pets?": (
        "A pet teaches care.", "A dog listens to every sorrow.", "Who feeds a rabbit learns to be on time.",
        "A pet is not a toy.", "Some families have no room for an animal.",
        "In {city} {n} percent of the children have a pet."),
}  # fmt: skip

# Subjects about a thing, a hobby or an animal of the world, and the sentences that fit any of them.
ABOUT = {
    "object": (
        ("Why everybody should own a {x}", "Should schools buy a {x}?", "The history of the {x}",
         "In praise of the {x}",
         "The {x} and its uses", "Why I would never sell my {x}"),
        ("A {x} belongs in every house.", "My {x} has served me well.", "A good {x} lasts for years.",
         "Who owns a {x} needs little else.", "A cheap {x} is soon broken.", "Nobody should throw a {x} away.",
         "The {x} is older than we think.", "The makers of {city} sold {n} of them: every house had a {x}."),
    ),
    "hobby": (
        ("Why everybody should try {x}", "Should {x} be taught at school?", "The joys of {x}", "The value of {x}",
         "Is {x} a waste of time?", "Why {x} is good for us"),
        ("There is nothing like {x}.", "Who loves {x} is never bored.", "With {x} we forget our worries.",
         "Many people find friends through {x}.", "At school I learned {x} from an old teacher.",
         "To be good at {x} takes patience.",
         "The costs of {x} are small.", "The {x} club of {city} has {n} members."),
    ),
    "animal": (
        ("Why the {x} deserves our respect", "Should a {x} live in a flat?", "The {x} and us", "In praise of the {x}",
         "Why I would like to have a {x}", "How to care for a {x}"),
        ("A {x} is a good companion.", "A {x} needs food and care.", "Nobody should keep a {x} in a cage.",
         "The {x} has lived with us for ages.", "A happy {x} makes a happy house.", "Who has a {x} is never alone.",
         "A {x} knows its friends.", "In {city} they counted {n} cases of a lost {x}."),
    ),
    "food": (
        ("Why we should eat more {x}", "In praise of {x}", "Should schools serve {x}?", "The truth about {x}",
         "A world without {x}", "Why I cook {x} every week"),
        ("There is nothing better than {x}.", "My family has always loved {x}.",
         "With {x} a poor man eats like a king.",
         "Fresh {x} cost little.", "Children will eat {x} at any hour.", "For {x} one needs a good knife and time.",
         "The smell of {x} fills the house.", "The market of {city} sells {n} kilos of {x} a day."),
    ),
}  # fmt: skip
