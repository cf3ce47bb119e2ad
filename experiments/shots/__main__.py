"""``python -m experiments.shots``: the evaluation of :mod:`experiments.shots.evaluate`."""

from experiments.shots.evaluate import main

main()
