"""The older record of ROSIE 1.1: a manifest at the top, requirements in Markdown, tests named in one execution record.

``manifest`` reads ``gxp-product.md``, ``nodes`` the documents below ``specs`` and ``docs``, ``execution`` what tests
said, and ``graph`` links them with the tags of the sources and asks the rules. Ids tell the level of each node:
``CODE-URS-1`` is taken as a requirement, ``CODE-FRS-1`` as a user story, ``CODE-DS-1`` as a spec.
"""
