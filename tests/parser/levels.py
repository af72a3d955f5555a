"""Programs that read an attribute of a class, in a file that binds nothing anew."""

import lmc


class Conf:
    level = 1


@lmc.function
def leveled(s):
    s += f"{Conf.level}"


@lmc.function
def bumped(s, bump):
    s += f"{Conf.level}"
    for _ in range(2):
        bump(Conf)
        s += f", {Conf.level}"
