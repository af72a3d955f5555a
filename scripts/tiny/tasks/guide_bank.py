"""What the guides know: skills and computing terms with their points, tips, strengths and weaknesses. Text only.

A block a topic. Its first line: kind | name | how one does it | hard. Then the answer in one sentence, the points
in order (-), a tip for beginners (B), a tip for experts (E), what it is good (G) and bad (W) at or for.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT = """
skill | keeping bees | keep bees | yes
Place a hive in a sunny, quiet spot and look after the bees all year.
- Place the hive in a sunny and quiet spot.
- Wear a veil and gloves when you open the hive.
- Look at the bees every week in spring and summer.
- Leave enough honey in the hive for the winter.
B Start with two hives, so that you can compare them.
E Raise your own queens from your calmest hive.
G It is good for gardens and fruit trees.
W It is bad for people who fear stings.

skill | baking bread | bake bread | no
Mix flour, water, salt and yeast, let the dough rise, and bake it.
- Mix flour, water, salt and yeast in a large bowl.
- Knead the dough for ten minutes until it is smooth.
- Let the dough rise in a warm place for an hour.
- Bake the bread in a hot oven until it is brown.
B Weigh the flour and the water instead of guessing.
E Let the dough rest in the fridge overnight for more taste.
G It is good for a home that likes fresh food.
W It is bad for people who have little time.

skill | playing chess | learn chess | yes
Learn how the pieces move, then play many slow games and study them.
- Learn how each piece moves and what it is worth.
- Bring out your knights and bishops early in the game.
- Move your king to safety by castling.
- Play slow games and study your mistakes after each one.
B Look at every check and capture before you move.
E Study endgames with few pieces on the board.
G It is good for memory and patience.
W It is bad for people who cannot sit still.

skill | planting a tree | plant a tree | no
Dig a wide hole, set the roots in it, fill it with soil, and water it.
- Choose a place with enough light and room for the tree.
- Dig a hole twice as wide as the roots.
- Set the tree in the hole and fill it with soil.
- Water the tree well every week in its first year.
B Plant the tree in autumn, when the soil is moist.
E Cut back weak branches in the first winters.
G It is good for birds, shade and clean air.
W It is bad for very small gardens.

skill | training a dog | train a dog | yes
Teach one command at a time and reward the dog when it obeys.
- Begin with one short command, such as sit.
- Reward the dog at once when it obeys.
- Practise for a few minutes every day.
- Train in new places when the dog knows the command.
B Keep small treats in your pocket.
E Reward only the quickest answers of a trained dog.
G It is good for the bond between you and your dog.
W It is bad for people who lose patience quickly.

skill | learning a language | learn a language | yes
Learn a few words every day and speak with other people early.
- Learn the most common words first.
- Listen to the language for some minutes every day.
- Speak with other people from the first week.
- Read simple books and write down new words.
B Practise a little every day instead of a lot once a week.
E Read novels and retell them in your own words.
G It is good for travel, work and making friends.
W It is bad for people who want quick results.

skill | riding a bicycle | ride a bicycle | no
Set the saddle low, look ahead, push off, and keep pedalling.
- Set the saddle so low that both feet reach the ground.
- Look ahead and not down at the wheel.
- Push off with one foot and keep pedalling.
- Brake gently with both hands to stop.
B Practise on flat grass before you go on the road.
E Turn the pedals in smooth circles to save strength.
G It is good for short trips and for your health.
W It is bad for carrying heavy loads.

skill | growing tomatoes | grow tomatoes | no
Sow the seeds indoors, plant them in the sun, and water the roots.
- Sow the seeds indoors in early spring.
- Plant them outside in full sun when the nights are warm.
- Tie each plant to a strong stick.
- Water the roots and keep the leaves dry.
B Buy young plants in your first year.
E Pinch out side shoots to get larger fruit.
G It is good for people with a sunny balcony.
W It is bad for cold and dark places.

skill | making tea | make tea | no
Boil fresh water, pour it over the leaves, and wait a few minutes.
- Boil fresh water and warm the pot.
- Pour the water over the leaves and wait three minutes.
- Take out the leaves and serve the tea hot.
B Use one spoon of leaves for each cup.
E Let the water cool a little for green tea.
G It is good for a calm break.
W It is bad for sleep if you drink it late.

skill | swimming | learn to swim | yes
Start in shallow water, learn to float, then practise kicks and strokes.
- Start in shallow water and breathe out under water.
- Learn to float on your back.
- Practise the kick while you hold a board.
- Add the arms and swim short distances.
B Never swim alone.
E Count your strokes and try to need fewer.
G It is good for the heart and the back.
W It is bad for people who fear water.

skill | running a marathon | run a marathon | yes
Train for several months, run further each week, and rest before the race.
- Make a plan that begins four months before the race.
- Run a little further every week.
- Eat well and sleep enough while you train.
- Rest in the last week and start the race slowly.
B Run slowly enough to be able to talk.
E Practise your race pace at the end of long runs.
G It is good for endurance and a strong will.
W It is bad for weak knees.

skill | playing the guitar | play the guitar | yes
Tune the guitar, learn a few chords, and play easy songs every day.
- Tune the guitar before you play.
- Learn three easy chords.
- Change between the chords slowly and evenly.
- Play whole songs with a steady beat.
B Practise ten minutes every day.
E Record yourself and listen for uneven notes.
G It is good for evenings with friends.
W It is bad for soft fingertips at first.

skill | drawing | learn to draw | yes
Look closely at simple things and draw them every day.
- Draw simple shapes such as boxes and circles.
- Look closely at a thing before you draw it.
- Sketch the large shapes first and the details last.
- Add light and shadow with soft lines.
B Draw from real things and not from memory.
E Draw with ink, so that every line counts.
G It is good for seeing things clearly.
W It is bad for people who want to be perfect at once.

skill | taking photos | take good photos | no
Find good light, choose a clear subject, and hold the camera still.
- Find soft light, such as that of the morning.
- Choose one clear subject.
- Hold the camera still and check the focus.
- Take several photos and keep the best one.
B Keep the sun behind you.
E Set the exposure by hand in difficult light.
G It is good for keeping memories.
W It is bad for enjoying the moment itself.

skill | cooking rice | cook rice | no
Rinse the rice, add two cups of water for each cup, and cook it gently.
- Rinse the rice in cold water.
- Add two cups of water for each cup of rice.
- Cook it gently under a lid until the water is gone.
B Do not lift the lid while the rice cooks.
E Toast the dry rice in a little oil first.
G It is good for cheap and simple meals.
W It is bad for people who want many vitamins.

skill | making a salad | make a salad | no
Wash and cut fresh vegetables, then mix them with oil and vinegar.
- Wash and dry the leaves.
- Cut the vegetables into small pieces.
- Mix everything with oil, vinegar and salt.
B Add the dressing just before you eat.
E Add something crisp, such as nuts or seeds.
G It is good for a light and quick meal.
W It is bad for very hungry people.

skill | keeping a cat | keep a cat | no
Give the cat food, water, a clean tray, and time to play.
- Give the cat fresh food and water every day.
- Clean its tray once a day.
- Play with the cat in the evening.
- Take it to the vet once a year.
B Let the cat come to you.
E Put shelves on the walls for the cat to climb.
G It is good for people who live in a flat.
W It is bad for people who sneeze near cats.

skill | painting a wall | paint a wall | no
Clean the wall, cover the floor, and paint two thin coats.
- Clean the wall and fill the holes.
- Cover the floor and tape the edges.
- Paint the corners with a brush and the rest with a roller.
- Let it dry and paint a second coat.
B Test the colour on a small spot first.
E Work from a wet edge so that no lines show.
G It is good for making a room look new.
W It is bad for clean clothes.

skill | packing a suitcase | pack a suitcase | no
Write a list, roll your clothes, and put heavy things at the bottom.
- Write a list of what you need.
- Put shoes and heavy things at the bottom.
- Roll your clothes and fill the gaps with socks.
B Pack a day early and leave half of it at home.
E Keep a small bag of essentials always packed.
G It is good for an easy trip.
W It is bad for clothes that crease.

skill | giving a talk | give a talk | yes
Choose one clear message, practise aloud, and speak slowly.
- Choose one message that people should remember.
- Build the talk from three simple parts.
- Practise aloud and measure the time.
- Speak slowly and look at the audience.
B Learn the first two sentences by heart.
E Pause for a breath after each important point.
G It is good for sharing an idea with many people.
W It is bad for explaining long lists of details.

skill | saving money | save money | yes
Write down what you spend, make a plan, and put some money aside first.
- Write down everything that you spend.
- Make a plan for each month.
- Put some money aside on the day you are paid.
- Wait a day before you buy something large.
B Start with a small amount every week.
E Compare your insurance and energy prices every year.
G It is good for a calm mind.
W It is bad for spontaneous fun.

skill | sleeping well | sleep better | no
Go to bed at the same time, keep the room dark, and avoid late coffee.
- Go to bed at the same time every day.
- Keep the bedroom dark, cool and quiet.
- Drink no coffee in the afternoon.
- Put your phone away an hour before bed.
B Read a calm book in the evening.
E Keep a diary of how long you sleep.
G It is good for mood and memory.
W It is bad for late parties.

skill | staying healthy | stay healthy | no
Eat plenty of vegetables, move every day, and sleep enough.
- Eat vegetables and fruit every day.
- Walk or exercise for half an hour a day.
- Sleep seven to nine hours a night.
- Spend time with friends and rest when you are tired.
B Begin with a short walk every day.
E Add strength training twice a week.
G It is good for a long and active life.
W It is bad for fans of fast food.

skill | writing a letter | write a letter | no
Greet the reader, say what you want in plain words, and sign it.
- Write the date and greet the reader.
- Say in the first lines why you write.
- Tell the rest in short and plain sentences.
- End with a kind wish and sign your name.
B Read the letter aloud before you send it.
E Write by hand when the letter is personal.
G It is good for saying something with care.
W It is bad for urgent news.

skill | writing a story | write a story | yes
Choose a hero with a wish, put something in the way, and show how it ends.
- Choose a hero who wants something.
- Put a problem in the hero's way.
- Make the problem worse in the middle.
- End with a choice that changes the hero.
B Write the first draft without stopping.
E Cut every scene that changes nothing.
G It is good for imagination.
W It is bad for people who hate to rewrite.

skill | preparing for an exam | prepare for an exam | yes
Start early, test yourself often, and sleep well before the day.
- Start early and list all topics.
- Study one topic a day.
- Test yourself with old questions.
- Sleep well the night before.
B Explain each topic to a friend.
E Mix the topics instead of studying them one by one.
G It is good for keeping calm on the day.
W It is bad for your free evenings.

skill | knitting a scarf | knit a scarf | no
Cast on some stitches, knit row after row, and bind off at the end.
- Choose thick wool and large needles.
- Cast on about thirty stitches.
- Knit row after row until the scarf is long enough.
- Bind off and hide the loose ends.
B Count your stitches after every few rows.
E Try a pattern with two colours.
G It is good for warm and personal gifts.
W It is bad for people in a hurry.

skill | sailing a boat | sail a boat | yes
Learn the wind, set the sails to it, and steer with a calm hand.
- Check the weather and wear a life jacket.
- Find out where the wind comes from.
- Set the sails to the wind and steer gently.
- Turn into the wind to slow down.
B Sail with an experienced person first.
E Trim the sails a little after every change of wind.
G It is good for quiet days on the water.
W It is bad for people who get seasick.

skill | building a kite | build a kite | no
Tie two light sticks into a cross, cover them with paper, and add a tail.
- Tie two light sticks into a cross.
- Run a string around the ends and cover it with paper.
- Add a long tail and a strong line.
- Fly it in an open field in steady wind.
B Use light sticks and thin paper.
E Bend the cross stick to make the kite steadier.
G It is good for windy afternoons.
W It is bad for places with power lines.

skill | making compost | make compost | no
Mix green and brown garden waste, keep it moist, and turn it often.
- Choose a shady corner on bare soil.
- Mix green waste with dry leaves.
- Keep the heap moist but not wet.
- Turn the heap every few weeks.
B Leave out meat and cooked food.
E Measure the heat in the middle of the heap.
G It is good for rich garden soil.
W It is bad for tiny balconies.

skill | starting a garden | start a garden | no
Choose a sunny place, improve the soil, and plant what grows easily.
- Choose a sunny place near water.
- Dig the soil and mix in compost.
- Plant easy things such as beans and radishes.
- Water and weed the beds every few days.
B Start with one small bed.
E Change the place of each crop every year.
G It is good for fresh food and fresh air.
W It is bad for people who travel often.

skill | changing a tyre | change a tyre | no
Loosen the nuts, lift the car, swap the wheel, and tighten the nuts again.
- Stop on firm and flat ground.
- Loosen the nuts a little and lift the car with the jack.
- Take off the wheel and put on the spare one.
- Lower the car and tighten the nuts.
B Practise once at home in daylight.
E Tighten the nuts crosswise with a torque wrench.
G It is good for getting home after a puncture.
W It is bad for clean hands.

skill | typing | learn to type | no
Rest your fingers on the middle row and do not look at the keys.
- Rest your fingers on the middle row of keys.
- Use the same finger for the same key every time.
- Look at the screen and not at your hands.
- Practise slowly and let the speed come later.
B Care about correct keys before speed.
E Learn the shortcuts of your editor.
G It is good for everyone who writes a lot.
W It is bad for tired wrists.

term | a hash table | use a hash table | no
A hash table stores values under keys and finds each one in about constant time.
- Choose a hash function that spreads the keys evenly.
- Turn each key into the number of a slot.
- Store the key and its value in that slot.
- Grow the table when it gets too full.
B Use the one that your language already has.
E Watch the load factor to keep look-ups fast.
G It is good at finding a value by its key quickly.
W It is bad at keeping keys in order.

term | a linked list | build a linked list | no
A linked list is a chain of items in which each one points to the next.
- Make a node with a value and a link.
- Point each node to the next one.
- Keep a pointer to the first node.
- Change two links to insert or remove a node.
B Draw the links on paper first.
E Keep a pointer to the last node as well.
G It is good at inserting items at the front.
W It is bad at finding the item in the middle.

term | binary search | use binary search | no
Binary search finds a value in a sorted list by halving it again and again.
- Sort the list first.
- Compare the value with the middle item.
- Keep the half that can hold the value.
- Repeat until the value is found or nothing is left.
B Test it with lists of one and two items.
E Search for the first item that is not too small.
G It is good at searching large sorted lists.
W It is bad at searching lists that are not sorted.

term | a cache | add a cache | yes
A cache keeps recent results close by, so that they need not be computed again.
- Find out which results are asked for often.
- Store them in fast memory under a key.
- Return the stored result when the key comes again.
- Throw out old results when the memory is full.
B Measure first how often results repeat.
E Give every entry a time after which it expires.
G It is good at making repeated work fast.
W It is bad at data that changes all the time.

term | a stack | use a stack | no
A stack is a pile of items in which the last one in is the first one out.
- Start with an empty pile.
- Push each new item on the top.
- Pop the top item when you need one.
B Think of a pile of plates.
E Use one to turn recursion into a loop.
G It is good at undoing the latest step.
W It is bad at reaching the oldest item.

term | a queue | use a queue | no
A queue is a line of items in which the first one in is the first one out.
- Start with an empty line.
- Add each new item at the back.
- Take the next item from the front.
B Think of people who wait at a counter.
E Limit the length so that memory does not run out.
G It is good at handling jobs in fair order.
W It is bad at serving urgent items first.

term | a binary tree | build a binary tree | yes
A binary tree is a structure in which each node has at most two children.
- Start with one node as the root.
- Put smaller values to the left.
- Put larger values to the right.
- Balance the tree when one side gets too deep.
B Draw a tree with seven nodes by hand.
E Use rotations to keep the tree balanced.
G It is good at keeping values sorted.
W It is bad at values that arrive in sorted order.

term | recursion | use recursion | yes
Recursion is when a function solves a problem by calling itself on a smaller part.
- Find the smallest case and answer it directly.
- Split a larger case into smaller ones.
- Call the function on the smaller cases.
- Combine their answers into one.
B Always write the smallest case first.
E Store results that are computed more than once.
G It is good at trees and nested data.
W It is bad at very deep chains of calls.

term | a compiler | write a compiler | yes
A compiler is a program that translates source code into code a machine can run.
- Split the text into tokens.
- Build a tree from the tokens.
- Check the names and types in the tree.
- Write out code for the machine.
B Start with a language of plus and minus only.
E Measure which optimisations are worth their time.
G It is good at making programs run fast.
W It is bad at changing code while it runs.

term | a database index | add an index | no
A database index is a sorted copy of a column that makes searching it fast.
- Find the slow query.
- See which column it searches.
- Create an index on that column.
- Measure the query again.
B Index the columns that you search most.
E Put several columns in one index in the right order.
G It is good at finding a few rows among many.
W It is bad at tables that are written all the time.

term | an array | use an array | no
An array is a row of items in memory that are found by their number.
- Decide how many items you need.
- Store the items side by side.
- Read an item by its number.
B Remember that many languages count from zero.
E Walk through it in order to please the cache.
G It is good at reading any item by its number.
W It is bad at inserting items in the middle.

term | a graph | store a graph | yes
A graph is a set of points with edges that connect some of them.
- Give each point a number.
- List the neighbours of each point.
- Walk from point to point along the edges.
- Mark the points that you have seen.
B Draw a small graph on paper first.
E Choose a matrix only if there are many edges.
G It is good at describing roads and friendships.
W It is bad at data without any links.

term | a thread | use threads | yes
A thread is a part of a program that runs at the same time as other parts.
- Find work that can be done at the same time.
- Give each thread its own piece of it.
- Protect shared data with a lock.
- Wait until all threads are done.
B Share as little data as you can.
E Avoid locks by passing messages.
G It is good at waiting for many things at once.
W It is bad at sharing data without mistakes.

term | a language model | train a language model | yes
A language model is a program that predicts the next word of a text.
- Collect a large amount of text.
- Split the text into tokens.
- Train the model to predict the next token.
- Test it on text that it has never seen.
B Start with a small model and simple text.
E Look at the data more often than at the code.
G It is good at writing and sorting text.
W It is bad at knowing when it is wrong.

term | a regular expression | write a regular expression | yes
A regular expression is a pattern that describes which texts match.
- Write down texts that should match.
- Write the fixed parts as they are.
- Use classes and repeats for the other parts.
- Test it on texts that should not match.
B Build the pattern piece by piece.
E Avoid nested repeats, since they can be slow.
G It is good at finding dates and numbers in text.
W It is bad at nested brackets.

term | version control | use version control | no
Version control keeps every state of your files, so that you can go back.
- Create a repository for your files.
- Commit small changes with a clear message.
- Work on new ideas in a branch.
- Merge the branch when it works.
B Commit often and in small steps.
E Keep each commit so small that it can be undone.
G It is good at going back to an older state.
W It is bad at very large binary files.

term | a unit test | write a unit test | no
A unit test is a small program that checks one part of another program.
- Pick one function and one case.
- Call the function with known values.
- Compare the result with what you expect.
- Run all tests after every change.
B Write the test before you fix a bug.
E Test the edges, such as empty lists and zero.
G It is good at catching mistakes early.
W It is bad at showing that a program is useful.

term | an operating system | choose an operating system | yes
An operating system is the program that runs other programs and shares the machine.
- List the programs that you need.
- See which systems can run them.
- Try the system from a stick first.
- Save your files and install it.
B Ask a friend who uses it already.
E Automate the setup with a script.
G It is good at sharing one machine among many programs.
W It is bad at tasks that need every last bit of speed.
"""


@dataclass(frozen=True, slots=True)
class Topic:
    """A skill or a term, and what a guide says of it."""

    kind: str
    name: str
    doing: str
    hard: str
    answer: str
    points: tuple[str, ...]
    beginner: str
    expert: str
    good: str
    bad: str


def parse(block: str) -> Topic:
    """A block of the text above."""
    head, answer, *rest = block.strip().splitlines()
    kind, name, doing, hard = head.split(" | ")
    marked = {line[0]: line[2:] for line in rest}
    points = tuple(line[2:] for line in rest if line[0] == "-")
    return Topic(kind, name, doing, hard, answer, points, marked["B"], marked["E"], marked["G"], marked["W"])


TOPICS = tuple(parse(block) for block in TEXT.strip().split("\n\n"))

IDEAS = {
    "working from home": ("It saves the time of the way to work.", "It makes it harder to meet colleagues."),
    "a four-day week": ("It gives people more time to rest.", "It leaves less time for the same work."),
    "school uniforms": ("They make differences in money less visible.", "They leave less freedom to choose clothes."),
    "free buses": ("They make people leave their cars at home.", "They cost the city a lot of money."),
    "electric cars": ("They make the air in cities cleaner.", "They need a long time to charge."),
    "remote lessons": ("They let pupils learn from anywhere.", "They make it harder to make friends."),
    "homework": ("It lets pupils practise what they have learned.", "It leaves less time to play."),
    "phones at school": ("They help pupils to look things up.", "They distract pupils in class."),
    "a car-free city": ("It makes streets quiet and safe.", "It makes it hard to carry heavy things."),
    "pets at work": ("They make people calmer.", "They can disturb people with allergies."),
    "living in the country": ("It is quiet and the air is clean.", "It is far from shops and doctors."),
    "living in a big city": ("It offers many jobs and concerts.", "It is loud and expensive."),
    "paying with cash": ("It keeps your spending private.", "It is easy to lose."),
    "a tax on sugar": ("It helps people to eat less sugar.", "It makes food more expensive for the poor."),
    "wind power": ("It makes energy without smoke.", "It gives no energy when the air is still."),
    "open offices": ("They make it easy to talk to each other.", "They are loud and distracting."),
    "later school hours": ("They let pupils sleep longer.", "They make the afternoon shorter."),
    "a new airport": ("It brings jobs and visitors.", "It brings noise to the people nearby."),
    "reading on paper": ("It is gentle to the eyes.", "It needs more room than a screen."),
    "space travel": ("It teaches us about other worlds.", "It costs a great deal of money."),
}
