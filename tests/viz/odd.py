import lmc


@lmc.function
def odd(s, topic: str):
    """Text that means something to every format."""
    s += 'Say "<b>#1</b>", `|x|` [red] {braces} \\n %% 日本語\n'
    s += topic + lmc.gen("x", stop=['"', "|"], regex=r"\d+[\"|]*")
    if s["x"] == '"]--> "':
        s += lmc.gen("y")
