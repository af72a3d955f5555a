"""How families of models write their tool calls: the names that xgrammar knows them by.

A written list, so that a program can be compiled without xgrammar; a test compares it with xgrammar's own.
"""

TOOL_FORMATS = (
    "deepseek_r1", "deepseek_v3_1", "deepseek_v3_2", "deepseek_v4", "deepseek_v4_1", "exaone", "glm_4_7", "harmony",
    "kimi", "kimi_k3", "llama", "mimo", "minimax", "qwen_3", "qwen_3_5", "qwen_3_coder",
)  # fmt: skip
UNSUPPORTED = ("cohere", "minimax_m3")  # they write nested arguments in XML of their own
