"""`python -m cookbook.kitchen`: the kitchen without the rest of the command line."""

from __future__ import annotations

import argparse
import logging
import sys

from cookbook.errors import KitchenError
from cookbook.kitchen.cli import add_commands, main

if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    parser = argparse.ArgumentParser(prog="cook kitchen", description=main.__doc__)
    add_commands(parser)
    try:
        sys.exit(main(parser.parse_args()))
    except KitchenError as error:
        sys.exit(f"{error}\nhint: {error.hint}" if error.hint else str(error))
