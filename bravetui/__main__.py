"""`python -m bravetui` is the `bravetui` command."""

from bravetui.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
