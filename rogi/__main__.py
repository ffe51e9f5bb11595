"""``python -m rogi`` is the command ``rogi``."""

from rogi.cli import main

if __name__ == "__main__":
    main()
