"""`python -m devsess` is the command `devsess`."""

from devsess.cli import main

if __name__ == "__main__":
    main(prog_name="devsess")
