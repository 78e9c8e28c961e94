"""Evidence: signed results of tests, alone or in packages, and whether they hold.

``jws`` reads a signature without a key, ``keys`` verifies one with a key, ``packages`` validates a package, ``state``
recomputes the hash of the sources, and ``assessment`` joins them into rows and findings.
"""
