"""Many clips in many processes, on one machine or on a Ray cluster, with a manifest.

:mod:`amt.batch.jobs` finds the clips and names their outputs, :mod:`amt.batch.manifest` holds what
was done, :mod:`amt.batch.pools` has the processes, and :func:`run_batch` deals the clips out.
"""

from amt.batch.jobs import Job, jobs_for
from amt.batch.manifest import FileState, Manifest, Record
from amt.batch.pools import Pool, open_pool
from amt.batch.run import Tally, run_batch

__all__ = [
    "FileState", "Job", "Manifest", "Pool", "Record", "Tally", "jobs_for", "open_pool", "run_batch",
]  # fmt: skip
