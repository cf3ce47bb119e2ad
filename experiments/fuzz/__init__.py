"""Damaged, wrong and hostile inputs at random, and what becomes of them.

    python -m experiments.fuzz plan --cases 100000 --seed 0

Run at the root of the repository, as some kinds draw their files with the helpers of the tests.
Each case must end with a result or with one :class:`amt.errors.AmtError` (:mod:`.contract`). Cases
run in a child process of limited memory and time (:mod:`.runner`), so that a crash or an endless
loop is counted as such. A case is drawn from the kind, the seed and its number alone: ``--first N
--cases 1`` runs one again.
"""
