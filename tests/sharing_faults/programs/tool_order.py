"""Two calls name the tools in another order."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, task: str):
    plan, check = s.fork(2)
    plan += "Tools: mail, search, python.\n" + RULES + task
    check += "Tools: search, python, mail.\n" + RULES + task  # lmc: order-free
    plan += "\nPlan:" + lmc.gen("plan", max_tokens=4)
    check += "\nRisk:" + lmc.gen("check", max_tokens=4)
    return plan["plan"], check["check"]
