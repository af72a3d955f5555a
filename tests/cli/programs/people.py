import lmc

SCHEMA = {"type": "object", "properties": {"name": {"enum": ["Ann", "Bo"]}}}


@lmc.function
def person(s):
    s += lmc.gen("person", json_schema=SCHEMA, max_tokens=200)


@lmc.function
def told(s, temperature: str = "warm"):
    s += temperature + lmc.gen("person", json_schema=SCHEMA, closed=False, max_tokens=200)


@lmc.function
def asked(s, closed: str = "yes"):
    s += closed


@lmc.function
def broken(s):
    s += eval("'As JSON: '")
    s += lmc.gen("person", json_schema=SCHEMA, max_tokens=200)
