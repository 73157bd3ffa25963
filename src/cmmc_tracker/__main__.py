"""`python -m cmmc_tracker`: the same as the command `cmmc-tracker`."""

from cmmc_tracker.cli import main

main()
