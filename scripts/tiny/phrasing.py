"""How people put a question about a text: the text before or after it, with a label or without."""

from __future__ import annotations

from scripts.tiny.world import World

LABELS = (
    "Text: ",
    "Text:\n",
    "Context: ",
    "Passage:\n",
    "Paragraph: ",
    "Here is a text:\n",
    "Document: ",
    "Read this:\n",
    "Given: ",
    "Notes:\n",
    "",
    "",
    "",
    "",
)
BEFORE = ("Question: ", "Q: ", "", "", "", "Now answer: ", "Answer this: ", "Tell me: ", "My question: ")
ROLES = (
    "You are a helpful assistant.", "You answer questions about texts.", "Answer from the text only.", "Be brief.", "You read carefully.",
    "You are a careful reader. Answer briefly.", "Use only what the text says.", "You are an assistant that reads documents.", "Answer the user's questions.",
    "You are a polite helper.", "Help the user.", "You are a precise assistant.",
)  # fmt: skip
BREAKS = ("\n", "\n", "\n\n", " ")


def about(w: World, text: str, ask: str) -> str:
    """The text and what is asked of it, in either order."""
    if w.chance(0.2):
        return f"{ask}\n{w.pick(LABELS)}{text}"
    quote = w.pick(('"', "'", '"""')) if w.chance(0.12) else ""
    return f"{w.pick(LABELS)}{quote}{text}{quote}{w.pick(BREAKS)}{w.pick(BEFORE)}{ask}"
