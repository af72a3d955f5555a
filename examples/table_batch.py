"""A batch over a table: every row is one run of the same program, all rows in one stream of requests.

All prompts begin with the same instructions and examples; an engine with a prefix cache computes them once, and the
report at the end says what it took from its cache.

    python examples/table_batch.py                      # on lmc-tiny, the model that lmc ships
    python examples/table_batch.py cpu path/to/model    # on a checkpoint
    python examples/table_batch.py echo                 # without a model: made-up answers
"""

import sys

import lmc

ROWS = (
    {"review": "The soup was cold, and so was the waiter.", "stars": 1},
    {"review": "Best dumplings in town!", "stars": 5},
    {"review": "Fine, but loud.", "stars": 3},
    {"review": "I would come back for the bread alone.", "stars": 4},
    {"review": "They forgot us twice.", "stars": 2},
    {"review": "A little place with a big heart.", "stars": 5},
)


@lmc.function
def table_batch(s, review: str = ROWS[0]["review"], stars: int = 1):
    s += lmc.system(
        "You read restaurant reviews. Say what each is about in one word: food, service, price or place. "
        "Then say whether the owner should answer it."
    )
    s += lmc.user("Best pizza ever, ten stars. (5 of 5)")
    s += lmc.assistant("food; answer: no")
    s += lmc.user("Forty euros for a salad?! (2 of 5)")
    s += lmc.assistant("price; answer: yes")
    s += lmc.user(f"{review} ({stars} of 5)")
    with s.assistant():
        s += lmc.select("topic", ["food", "service", "price", "place"])
        s += "; answer: "
        s += lmc.select("answer", ["yes", "no"])


def main(backend: str = "auto", model: str | None = None) -> None:
    """Print the table with two columns more, and what it took to compute them."""
    results = table_batch.run_batch(ROWS, backend=backend, model=model)
    print(f"{'review':<44}{'stars':<7}{'topic':<9}answer")
    for row, result in zip(ROWS, results):
        print(f"{row['review']:<44}{row['stars']:<7}{result['topic']:<9}{result['answer']}")
    print()
    print(results[0].report)


if __name__ == "__main__":
    main(*sys.argv[1:])
