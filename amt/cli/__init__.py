"""The command line: ``amt generate``, ``arrange``, ``regenerate``, ``render`` and others.

Heavy libraries are imported inside the commands, so that ``amt --help`` answers at once. Errors
that the user can mend are one sentence on stderr and exit code 2; messages and progress go to
stderr, and stdout stays clean but for ``--json``, lists and help.
"""

from amt.cli.app import app
from amt.cli.arrange import arrange
from amt.cli.batch import batch
from amt.cli.export import export
from amt.cli.features import features
from amt.cli.generate import generate
from amt.cli.info import doctor, moods, styles
from amt.cli.regenerate import regenerate
from amt.cli.render import render
from amt.cli.run import main
from amt.cli.spot import spot
from amt.cli.studio import serve, studio

__all__ = [
    "app", "arrange", "batch", "doctor", "export", "features", "generate", "main", "moods",
    "regenerate", "render", "serve", "spot", "studio", "styles",
]  # fmt: skip
