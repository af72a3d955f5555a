import lmc


def search(query):
    """A host call of the user's own."""
    raise LookupError(f"nothing found for {query!r}")


@lmc.function
def looks_up(s, question: str):
    s += question + lmc.gen("query", regex="[a-c]{3}")
    s += search(s["query"])


@lmc.function
def refuses(s, question: str):
    s += question + lmc.gen("query", regex="[a-c]{3}")
    if len(s["query"]) == 3:
        raise ValueError("three letters")


@lmc.function
def parses(s, question: str):
    s += question + lmc.gen("query", regex="[a-c]{3}")
    s += f"{int(s['query'])}"


@lmc.function
def breaks(s, question: str):
    s += question
    s += lmc.gen("query", max_tokens=int(s.text()[0]))
    s += eval("s['query'].split()[-1]")
