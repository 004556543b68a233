"""One file per process: which view it keeps up to date; nothing else."""
