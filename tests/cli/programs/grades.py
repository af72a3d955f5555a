import lmc

CARD = r'\{"name": "[A-Z][a-z]{2,11}", "house": "(Gryffindor|Slytherin)", "score": [0-9]{1,2}\}'


@lmc.function
def grades(s, essay: str):
    s += essay + "\nThe grade: " + lmc.select("grade", ["A", "A+", "B"])
    s += "\nIn JSON:" + lmc.gen("card", regex=CARD, max_tokens=5)
    s += "\nOne word:" + lmc.gen("word", regex=r" [a-z]+")
    s += "\nFree: " + lmc.gen("free", max_tokens=8)
    s += "\nAnd:" + lmc.gen("any", json_schema='{"type": "object"}', max_tokens=8)
    for _ in range(2):
        s += "\nMore:" + lmc.gen("more", regex="ja|jawohl", max_tokens=8)
    return s["grade"]


@lmc.function
def fine(s, essay: str, pattern: str):
    s += essay + lmc.gen("date", regex=r"[0-9]{4}-[0-9]{2}-[0-9]{2}", max_tokens=12)
    s += lmc.gen("later", regex=pattern)
    s += lmc.gen("free", max_tokens=8)


@lmc.function
def empty(s):
    s += lmc.gen("never", regex="a(?!)")


@lmc.function
def unconstrained(s):
    s += "Hello " + lmc.gen("x", max_tokens=8)


@lmc.function
def fused(s):
    s += '{"name": "' + lmc.gen("name", regex="[A-Z][a-z]{2,11}", max_tokens=12)
    s += '", "age": ' + lmc.gen("age", regex="[0-9]{1,2}", max_tokens=3)
    s += ', "job": "' + lmc.gen("job", stop='"', max_tokens=12) + '"}'
    s += "Alone:" + lmc.gen("free", max_tokens=3)


@lmc.function
def form(s, essay: str):
    s += "Grade: " + lmc.gen("grade", regex="[A-D]", max_tokens=2) + ", of " + essay + ": "
    s += lmc.gen("card", json_schema='{"type": "boolean"}', max_tokens=5) + "; "
    s += lmc.select("sure", ["yes", "no"]) + "."
