"""Regular constraints that stay on the device: a state for each row, its mask as bits, and the step after a token.

An automaton's tokens fall into classes that all its states treat alike, so its tables are small: the class of each
token, and for each state and class the next state, 0 where it is dead. A batch mixes automata: states are numbered
over all of them, and `which` says whose classes a row uses.

    words = automaton_words(states, which, automata)      before sampling: bit t = next(state, class of t) is alive
    advance(states, which, tokens, automata)              after it: state = next(state, class of token), in place

Both are plain gathers; together with sample they need no host between two tokens. The bits are written once, 1 / 16
of the size of bf16 logits, because sample reads its mask more than once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import check_dtype, check_last_contiguous, check_same_device, check_shape
from lmc.kernels.placement import runs_kernel

WORDS_BLOCK = 64  # words of a program: 2,048 tokens
CLASSES = (torch.uint8, torch.int16, torch.int32)


@dataclass(frozen=True, slots=True)
class Automata:
    """Tables of A automata over one vocabulary.

    classes     [A, V]  uint8, int16 or int32: the class of each token, below K
    next_state  [S, K]  int32: below S; 0 is dead, and so is state 0 itself
    """

    classes: Tensor
    next_state: Tensor

    def __post_init__(self) -> None:
        check_same_device(classes=self.classes, next_state=self.next_state)
        check_shape("classes", self.classes, None, None)
        check_dtype("classes", self.classes, CLASSES)
        check_last_contiguous("classes", self.classes)
        check_shape("next_state", self.next_state, None, None)
        check_dtype("next_state", self.next_state, (torch.int32,))
        check_last_contiguous("next_state", self.next_state)


def automaton_words(states: Tensor, which: Tensor, automata: Automata, *, out: Tensor | None = None) -> Tensor:
    """Allowed tokens of each row as a bitmask, as `Bitmask` wants them.

    states   [B]               int32; below 0 everything is allowed
    which    [B]               int32: the automaton of each row, not read where the state is below 0
    out      [B, ceil(V / 32)] int32; made where None
    returns  out               bits past V are 0

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(states, which, automata)
    num_rows, vocab = states.shape[0], automata.classes.shape[1]
    num_words = triton.cdiv(vocab, 32)
    out = torch.empty(num_rows, num_words, dtype=torch.int32, device=states.device) if out is None else out
    check_shape("out", out, num_rows, num_words)
    check_dtype("out", out, (torch.int32,))
    check_last_contiguous("out", out)
    if not runs_kernel(states):
        return automaton_words_reference(states, which, automata, out=out)
    if num_rows:
        automaton_words_kernel[(num_rows, triton.cdiv(num_words, WORDS_BLOCK))](
            automata.classes, automata.next_state, states, which, out,
            automata.classes.stride(0), automata.next_state.stride(0), out.stride(0), vocab,
            BLOCK=WORDS_BLOCK, num_warps=4,
        )  # fmt: skip
    return out


def advance(states: Tensor, which: Tensor, tokens: Tensor, automata: Automata) -> None:
    """Step each row's state, in place, by its token.

    states  [B]  int32; below 0, and where the token is below 0, it stays as it is
    which   [B]  int32
    tokens  [B]  int64, below V

    Raises KernelError where shapes, types or strides do not fit.
    """
    check(states, which, automata)
    check_same_device(states=states, tokens=tokens)
    check_shape("tokens", tokens, states.shape[0])
    check_dtype("tokens", tokens, (torch.int64,))
    check_last_contiguous("tokens", tokens)
    if not runs_kernel(states):
        return advance_reference(states, which, tokens, automata)
    if states.shape[0]:
        advance_kernel[(triton.cdiv(states.shape[0], 128),)](
            automata.classes, automata.next_state, states, which, tokens,
            automata.classes.stride(0), automata.next_state.stride(0), states.shape[0], BLOCK=128,
        )  # fmt: skip
    return None


def check(states: Tensor, which: Tensor, automata: Automata) -> None:
    """Refuse what the kernels cannot do."""
    check_same_device(states=states, which=which, classes=automata.classes)
    check_shape("states", states, None)
    check_shape("which", which, states.shape[0])
    for name, index in (("states", states), ("which", which)):
        check_dtype(name, index, (torch.int32,))
        check_last_contiguous(name, index)


@triton.jit
def automaton_words_kernel(
    classes_ptr, next_state_ptr, states_ptr, which_ptr, words_ptr,
    classes_stride, next_state_stride, words_stride, vocab, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64)
    state = tl.load(states_ptr + i).to(tl.int64)
    which = tl.load(which_ptr + i, mask=state >= 0, other=0).to(tl.int64)
    word = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    bit = tl.arange(0, 32)[None, :]
    ids = word[:, None] * 32 + bit
    is_token = ids < vocab
    is_read = is_token & (state >= 0)
    classes = tl.load(classes_ptr + which * classes_stride + ids, mask=is_read, other=0)
    after = tl.load(next_state_ptr + state * next_state_stride + classes.to(tl.int32), mask=is_read, other=1)
    is_allowed = is_token & (after != 0) & (state != 0)
    # bits differ, so their sum is their union; bit 31 makes it negative
    words = tl.sum(is_allowed.to(tl.int32) << bit, 1)
    tl.store(words_ptr + i * words_stride + word, words, mask=word * 32 < vocab)


@triton.jit
def advance_kernel(
    classes_ptr, next_state_ptr, states_ptr, which_ptr, tokens_ptr,
    classes_stride, next_state_stride, num_rows, BLOCK: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    state = tl.load(states_ptr + i, mask=i < num_rows, other=-1).to(tl.int64)
    token = tl.load(tokens_ptr + i, mask=i < num_rows, other=-1)
    steps = (state >= 0) & (token >= 0)
    which = tl.load(which_ptr + i, mask=steps, other=0).to(tl.int64)
    classes = tl.load(classes_ptr + which * classes_stride + token, mask=steps, other=0).to(tl.int32)
    after = tl.load(next_state_ptr + state * next_state_stride + classes, mask=steps, other=0)
    tl.store(states_ptr + i, tl.where(state == 0, 0, after), mask=steps)


def automaton_words_reference(
    states: Tensor, which: Tensor, automata: Automata, *, out: Tensor | None = None
) -> Tensor:
    """The masks of states as words of bits, in torch."""
    vocab = automata.classes.shape[1]
    classes = automata.classes[which.clamp(min=0).long().where(states >= 0, 0)].long()
    after = automata.next_state[states.clamp(min=0).long()[:, None], classes]
    is_allowed = torch.where((states < 0)[:, None], True, (after != 0) & (states != 0)[:, None])
    bits = torch.nn.functional.pad(is_allowed, (0, -vocab % 32)).unflatten(1, (-1, 32)).long()
    words = (bits << torch.arange(32, device=bits.device)).sum(-1)
    words = torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)
    return words if out is None else out.copy_(words)


def advance_reference(states: Tensor, which: Tensor, tokens: Tensor, automata: Automata) -> None:
    """Move states by a token each, in torch, in place."""
    steps = (states >= 0) & (tokens >= 0)
    classes = automata.classes[which[steps].long(), tokens[steps]].long()
    after = automata.next_state[states[steps].long(), classes]
    states[steps] = torch.where(states[steps] == 0, 0, after)
