"""`bravetui central`: run the server, or do the few things that are done to it by hand.

bravetui central                      serve, with a PostgreSQL of its own in --folder
bravetui central found                make an organization and its first person
bravetui central add-person           make somebody known to an organization
bravetui central add-project          make a project, with its members
bravetui central add-member           let somebody who is known into a project
bravetui central publish FORM         give laptops a form to start: by its name, or from a table
bravetui central people               who may have a laptop
bravetui central projects             which projects there are
bravetui central code --user ID       print a one-time code for a laptop
bravetui central revoke --device N    let a laptop in no more
bravetui central migrate              bring the tables up to date, as their owner
bravetui central restored             say that the database has come back from a backup
bravetui central import [FILE]        take a rescue bundle; without a file, list those that wait for a manager
bravetui central quarantine           what was refused: list, --show, --release or --aside one
bravetui central unlock [FILE]        open the keys of a laptop whose passphrase is lost; without a file, list the record
bravetui central audit-log            who was let in, refused and revoked, and when
bravetui central audit                recompute the ledger's chain (more in: bravetui audit verify)
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from bravetui.base.crash import WithoutValues
from bravetui.base.errors import BadInput, BravetuiError, Transient
from bravetui.base.exits import EXIT_INTERRUPTED, exit_code
from bravetui.base.options import whole
from bravetui.base.stopping import stoppable
from bravetui.base.terminal import make_safe
from bravetui.base.text import safe_line
from bravetui.central.app import Settings, make_app
from bravetui.central.audit_log import add_audit_log_arguments, audit_log_task
from bravetui.central.clerk import ClerkIssuer, ClerkSettings
from bravetui.central.enrolment import issue_code, with_codes
from bravetui.central.founding import people
from bravetui.central.importing import add_import_arguments, check_import, import_task
from bravetui.central.ledger import audit
from bravetui.central.metrics import TOKEN_VARIABLE, token_of
from bravetui.central.organizing import (
    ADD_MEMBER,
    ADD_PERSON,
    ADD_PROJECT,
    add_member_task,
    add_organizing_arguments,
    add_person_task,
    add_project_task,
    check_add_member,
    check_add_person,
    check_add_project,
    check_code,
    check_found,
    code_task,
    found_task,
    people_task,
    projects_task,
)
from bravetui.central.place import FOUND, SERVE, add_place_arguments, opened
from bravetui.central.privileges import login_of
from bravetui.central.publishing import PUBLISH, add_publish_arguments, check_publish, publish_task
from bravetui.central.releasing import add_quarantine_arguments, check_quarantine, quarantine_task
from bravetui.central.serve import PORT, Tls, listen, serve
from bravetui.central.service import Central, revoke
from bravetui.central.state import begin_epoch
from bravetui.central.tables import SCOPES
from bravetui.central.tenants import operator
from bravetui.central.unlocking import add_unlock_arguments, check_unlock, unlock_task
from bravetui.wire.messages import NUMBER_MAX

Say = Callable[[str], None]

ISSUER_VARIABLE, CLIENT_VARIABLE = "BRAVETUI_ISSUER", "BRAVETUI_CLIENT_ID"
"""Environment variables that configure who says who people are. Neither is a secret."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bravetui central`."""
    parser.add_argument(
        "task", nargs="?", default=SERVE, choices=[SERVE, *_TASKS], help="what to do (default: serve)"
    )
    add_place_arguments(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=whole(0, 65535), default=PORT, help="port to listen on")
    parser.add_argument(
        "--issuer",
        default=os.environ.get(ISSUER_VARIABLE),
        help=f"who says who people are ({ISSUER_VARIABLE})",
    )
    parser.add_argument(
        "--client-id",
        default=os.environ.get(CLIENT_VARIABLE),
        help=f"what this application is called there ({CLIENT_VARIABLE})",
    )
    parser.add_argument(
        "--development", action="store_true", help="believe a development issuer, which lets in whoever asks"
    )
    parser.add_argument("--tls-cert", type=Path, help="certificate with its chain, PEM: speak TLS (serve)")
    parser.add_argument("--tls-key", type=Path, help="the certificate's key, PEM (serve)")
    parser.add_argument("--behind-proxy", action="store_true", help="a proxy in front speaks TLS")
    parser.add_argument(
        "--metrics-token-file",
        type=Path,
        help=f"file with the token for /metrics (or {TOKEN_VARIABLE}) (serve)",
    )
    add_organizing_arguments(parser)
    add_publish_arguments(parser)
    parser.add_argument("--device", type=whole(1, NUMBER_MAX), help="number of the laptop (revoke)")
    add_import_arguments(parser)
    add_quarantine_arguments(parser)
    add_unlock_arguments(parser)
    add_audit_log_arguments(parser)


def run(options: argparse.Namespace, say: Say = print) -> int:
    """Do the task; returns the exit status. Errors are for whoever reads the command line."""
    stream = logging.StreamHandler()
    stream.setFormatter(WithoutValues("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[stream])
    try:
        if (check := _CHECKS.get(options.task)) is not None:
            check(options)
        with stoppable(), _listening(options) as bound, opened(options, options.task) as central:
            if bound is None:
                _TASKS[options.task](central, options, say)
            else:
                _serve(central, options, bound, say)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


@contextmanager
def _listening(options: argparse.Namespace) -> Iterator[socket.socket | None]:
    """The port, taken before the database is started: a taken one is said at once."""
    if options.task != SERVE:
        yield None
        return
    secure = options.behind_proxy or _tls(options) is not None
    with listen(options.host, options.port, secure=secure) as bound:
        yield bound


def _tls(options: argparse.Namespace) -> Tls | None:
    """The certificate to speak TLS with. Raises BadInput for half of one."""
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        raise BadInput("A certificate and its key go together.", "Give both --tls-cert and --tls-key.")
    tls = Tls(options.tls_cert, options.tls_key)
    tls.check()
    return tls


def _serve(central: Central, options: argparse.Namespace, bound: socket.socket, say: Say) -> None:
    settings = Settings(
        trust_proxy=options.behind_proxy,
        issuer=_issuer(central, options, say),
        metrics_token=token_of(options.metrics_token_file),
    )
    app = make_app(central.engine, central.keys, central.clock, central.ids, settings)
    _say_who_has_none(central, say)
    serve(app, bound, lambda address: say(f"Central is at {address}; Ctrl-C stops it."), _tls(options))


def _say_who_has_none(central: Central, say: Say) -> None:
    """Who has no laptop yet, each with a code, to whoever sits there; where it goes into a log, neither names nor codes."""
    with central.engine.connect() as connection:
        owns = login_of(connection).owns
    known = people(central)
    without = [person for person in known if not person.devices]
    if not known and owns:  # nobody else sees whether there is one
        say("No organization yet. In another window: bravetui central found --organization NAME --name YOU")
    elif without and not sys.stdout.isatty():
        say(
            f"{len(without)} of {len(known)} people have no laptop yet. For a code: bravetui central people, "
            "then bravetui central code --user ID"
        )
        return
    given = with_codes(central.engine, central.clock.now())
    for person in without:
        who = f"{safe_line(person.name)} ({safe_line(person.organization)}) has no laptop yet"
        if (person.organization_id, person.user_id) in given:  # a new one would end it
            say(
                f"{who}, and a code that was given out; for another: bravetui central code --user {person.user_id}"
            )
            continue
        code = issue_code(central.engine, central.clock.now(), person.organization_id, person.user_id)
        say(f"{who}; one-time code: {code}")


def _issuer(central: Central, options: argparse.Namespace, say: Say) -> ClerkIssuer | None:
    """The identity provider, looked at once. One that is away now is asked when somebody signs in."""
    if not options.issuer:
        return None
    if not options.client_id:
        raise BadInput("What is this application called at the issuer?", "Give --client-id too.")
    settings = ClerkSettings(options.issuer, frozenset({options.client_id}))
    issuer = ClerkIssuer(settings, central.clock, development=options.development)
    if options.development:
        say("FOR DEVELOPMENT: a development issuer is believed here, which lets in whoever asks.")
    try:
        issuer.look()
    except Transient as error:
        say(f"The issuer does not answer now; nobody can sign in until it does. {error}")
    return issuer


def _check_revoke(options: argparse.Namespace) -> None:
    if options.device is None:
        raise BadInput(
            "Which laptop?", "Give its number with --device; `bravetui central people` lists them."
        )


def _revoke(central: Central, options: argparse.Namespace, say: Say) -> None:
    revoke(central.engine, options.device, central.clock.now())
    say(f"Laptop {options.device} is let in no more. What it sent stays.")


def _restored(central: Central, options: argparse.Namespace, say: Say) -> None:
    state = begin_epoch(central.engine, central.clock.now())
    say(f"A new epoch has begun ({state.epoch}). Laptops send again what the backup did not hold.")


def _migrated(central: Central, options: argparse.Namespace, say: Say) -> None:
    say("The tables, and the rights of central's own role on them, are up to date.")


def _audit(central: Central, options: argparse.Namespace, say: Say) -> None:
    with central.engine.connect() as connection:
        operator(connection)
        for scope_id in connection.execute(select(SCOPES.c.scope_id).order_by(SCOPES.c.scope_id)).scalars():
            say(f"{scope_id}: {audit(connection, scope_id):,} entries, all in order")


def _audit_log(central: Central, options: argparse.Namespace, say: Say) -> None:
    audit_log_task(central.engine, options, central.clock.now(), say)


_TASKS: dict[str, Callable[[Central, argparse.Namespace, Say], None]] = {
    FOUND: found_task,
    ADD_PERSON: add_person_task,
    ADD_PROJECT: add_project_task,
    ADD_MEMBER: add_member_task,
    PUBLISH: publish_task,
    "people": people_task,
    "projects": projects_task,
    "code": code_task,
    "revoke": _revoke,
    "migrate": _migrated,
    "restored": _restored,
    "import": import_task,
    "quarantine": quarantine_task,
    "unlock": unlock_task,
    "audit": _audit,
    "audit-log": _audit_log,
}

_CHECKS: dict[str, Callable[[argparse.Namespace], None]] = {
    FOUND: check_found,
    ADD_PERSON: check_add_person,
    ADD_PROJECT: check_add_project,
    ADD_MEMBER: check_add_member,
    PUBLISH: check_publish,
    "code": check_code,
    "revoke": _check_revoke,
    "import": check_import,
    "quarantine": check_quarantine,
    "unlock": check_unlock,
}
"""What can be said of a task's options before central is opened, let alone made."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m bravetui.central.command`, for tests and service units."""
    parser = argparse.ArgumentParser(
        prog="bravetui central", description="The server that laptops sync with."
    )
    add_arguments(parser)
    make_safe()
    try:
        return run(parser.parse_args(arguments))
    except BravetuiError as error:
        sys.stderr.write(f"bravetui: {error}\n")
        return exit_code(error)


if __name__ == "__main__":
    raise SystemExit(main())
