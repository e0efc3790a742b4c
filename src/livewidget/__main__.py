"""`python -m livewidget`: the command line."""

import sys

from livewidget.app.main import main

if __name__ == "__main__":
    sys.exit(main())
