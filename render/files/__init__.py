"""Readers of the files that people have, shared by :mod:`amt` and the rest of :mod:`render`.

They import nothing else of either package, so both stand on them and neither on the other.
"""
