"""The rules of capture: which function traces which node of a program's AST. A node without a rule is a graph break.

This table is the top of the room. A rule file knows the context and the rule files below it; where a rule needs what
stands above it (an expression holds a call, a call traces statements), the context looks it up here.
"""

from __future__ import annotations

import ast

from lmc.parser.capture import (
    calls,
    cases,
    classes,
    comprehensions,
    expressions,
    functions,
    generators,
    given_functions,
    imports,
    loops,
    matching,
    statements,
    targets,
    tries,
)
from lmc.parser.capture.context import ExpressionRule, Rules, StatementRule

EXPRESSIONS: dict[type[ast.expr], ExpressionRule] = {
    ast.Constant: expressions.constant_node,
    ast.Name: expressions.name_node,
    ast.JoinedStr: expressions.joined_node,
    ast.FormattedValue: expressions.formatted_node,
    ast.BinOp: expressions.binop_node,
    ast.UnaryOp: expressions.unary_node,
    ast.BoolOp: expressions.boolop_node,
    ast.IfExp: expressions.ifexp_node,
    ast.Compare: expressions.compare_node,
    ast.Tuple: expressions.tuple_node,
    ast.List: expressions.list_node,
    ast.Set: expressions.set_node,
    ast.Dict: expressions.dict_node,
    ast.Subscript: expressions.subscript_node,
    ast.Attribute: expressions.attribute_node,
    ast.NamedExpr: targets.named_node,
    ast.Lambda: functions.closure,
    ast.GeneratorExp: comprehensions.generator_node,
    ast.ListComp: comprehensions.list_node,
    ast.SetComp: comprehensions.set_node,
    ast.DictComp: comprehensions.dict_node,
    ast.Call: calls.call_node,
    cases.CaseTest: matching.case_node,
}

# `if` is not among them: it may take the rest of its block into its arms, so `blocks.execute` traces it
STATEMENTS: dict[type[ast.stmt], StatementRule] = {
    ast.Expr: statements.expr_node,
    ast.Assign: statements.assign_node,
    ast.AnnAssign: statements.annassign_node,
    ast.AugAssign: statements.augassign_node,
    ast.Delete: statements.delete_node,
    ast.Pass: statements.pass_node,
    ast.Return: statements.return_node,
    ast.Break: statements.break_node,
    ast.Continue: statements.continue_node,
    ast.Raise: statements.raise_node,
    ast.Assert: statements.assert_node,
    ast.FunctionDef: statements.function_node,
    ast.ClassDef: classes.class_node,
    ast.Nonlocal: statements.pass_node,
    ast.Global: statements.pass_node,
    ast.Import: imports.import_node,
    ast.ImportFrom: imports.import_from_node,
    ast.With: statements.with_node,
    ast.Try: tries.try_node,
    ast.For: loops.for_loop,
    ast.While: loops.while_loop,
    generators.IteratorStep: generators.step_node,
    generators.GeneratorPart: generators.part_node,
}

RULES = Rules(EXPRESSIONS, STATEMENTS, calls.call, given_functions.given)
