"""`python -m tests.planted_bugs`; spawned workers could not import what stands in a main module."""

import sys

from tests.planted_bugs.power import main

if __name__ == "__main__":
    sys.exit(main())
