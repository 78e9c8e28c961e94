"""The rules: what each one demands, how much it matters, and what to do about it.

A rule's id is kebab-case and never changes its meaning. Checks say *where* a rule is broken; the rule says the rest.
"""

from . import annotations, configuration, documents, evidence, links, product, reading
from ._rule import Level, Rule

RULES: tuple[Rule, ...] = tuple(
    value
    for module in (reading, documents, links, annotations, evidence, product, configuration)
    for value in vars(module).values()
    if isinstance(value, Rule)
)
"""Every rule, in the order of the files that hold them."""

__all__ = ["RULES", "Level", "Rule"]
