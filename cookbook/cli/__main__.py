"""`python -m cookbook.cli` is `cook`."""

import sys

from cookbook.cli import main

sys.exit(main())
