"""`python -m bravetui.issuer`: the development issuer beside a central of one's own, on loopback; lets in whoever asks."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence

from bravetui.base.errors import BravetuiError
from bravetui.base.exits import EXIT_INTERRUPTED, exit_code
from bravetui.base.options import whole
from bravetui.base.stopping import stoppable
from bravetui.issuer.people import PEOPLE
from bravetui.issuer.provider import DevelopmentIssuer
from bravetui.issuer.serve import issuing


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; says how central is told of it, and who has an account there."""
    parser = argparse.ArgumentParser(prog="python -m bravetui.issuer", description=__doc__)
    parser.add_argument("--port", type=whole(0, 65535), default=0, help="port to listen on (default: any)")
    port = parser.parse_args(arguments).port
    try:
        with stoppable(), issuing(port=port) as issuer:
            sys.stdout.write(words(issuer))
            sys.stdout.flush()
            never = threading.Event()
            while not never.wait(1.0):  # without a time it could not be interrupted on Windows
                pass
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BravetuiError as error:
        sys.stderr.write(f"python -m bravetui.issuer: {error}\n")
        return exit_code(error)
    return 0


def words(issuer: DevelopmentIssuer) -> str:
    """What whoever starts it is told."""
    told = [
        "FOR DEVELOPMENT: it lets in whoever asks. Ctrl-C stops it. Start central with:",
        f"  bravetui central --development --issuer {issuer.issuer} --client-id {issuer.client_id}",
        "Who has an account here, and of which organization:",
    ]
    told += [f"  {one.subject}  {one.name}  {one.organization_id or 'none'}" for one in PEOPLE]
    return "\n".join(told) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
