"""Git repositories: reads the validation record of one commit and checks it.

The parts, in the order in which a scan uses them: ``target`` (what may be scanned), ``git`` (how it is read),
``discover`` (which files matter), ``frontmatter``, ``documents`` and ``risklog`` (what they say), ``record``,
``checks`` and ``links`` (whether that is right, by the ``rules``), and ``scanner``, which joins them.
"""

from .scanner import RepositoryScanner

__all__ = ["RepositoryScanner"]
