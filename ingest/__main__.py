"""``python -m ingest PATH…`` is the same as ``citewise index PATH…``."""

import sys

import cli

if __name__ == "__main__":
    sys.exit(cli.main(["index", *sys.argv[1:]]))
