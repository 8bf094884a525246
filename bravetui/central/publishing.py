"""`bravetui central publish`: give an organization's laptops a form to start: one that ships with the program, or a table.

A form that is filled in keeps the version that it was begun on, so a new version is a new record, and only the newest of a
form can be started.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Row, select

from bravetui.base.canonical import Json
from bravetui.base.errors import BadInput
from bravetui.base.text import safe_line
from bravetui.central.organizing import organization_of
from bravetui.central.service import Central, Writing
from bravetui.central.tenants import operator
from bravetui.db.kinds import KINDS
from bravetui.forms.library import CATEGORIES, shipped
from bravetui.forms.publish import SUFFIXES, compile_form
from bravetui.forms.template import Template

PUBLISH = "publish"

COMPILED = ".json"
"""What `bravetui form compile` writes."""

_table = KINDS["form_template"].table


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    """Under which heading a form is listed."""
    parser.add_argument(
        "--category", default="custom", help="heading that a form of your own is listed under (publish)"
    )


def check_publish(options: argparse.Namespace) -> None:
    """That a form is named, and is one. Raises BadInput."""
    if options.file is None:
        raise BadInput(
            "Which form?",
            f"Name one that ships with the program ({', '.join(CATEGORIES)}), or a file: {', '.join(SUFFIXES)}.",
        )
    options.form = form_named(options.file, options.category)


def form_named(named: Path, category: str = "custom") -> Template:
    """A form that ships with the program, by its name; else the one in a file. Raises BadInput."""
    if str(named) in CATEGORIES:
        return shipped(str(named))
    if named.suffix == COMPILED:
        try:
            return Template.from_json(named.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"The file {safe_line(str(named))} cannot be read.", "Name a compiled form."
            ) from error
    try:
        return compile_form(named, category)
    except ImportError as error:
        raise BadInput(
            "What compiles forms is not installed.",
            "Install bravetui[central,forms], or compile it elsewhere: bravetui form compile.",
        ) from error


def publish_task(central: Central, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Publish it to one organization; twice is once."""
    organization = organization_of(central, options)
    form: Template = options.form
    named = f"{safe_line(form.title, 80)}, version {form.version},"
    if not publish_form(central, organization.scope_id, form):
        say(f"{named} is published already.")
        return
    say(
        f"{named} can be started by everybody of {safe_line(organization.name)}, once their laptops have synced."
    )


def publish_form(central: Central, organization_id: str, form: Template) -> bool:
    """Make the form one that can be started, and older versions of it none; False where it is already.

    Raises BadInput where another form bears that version, or a newer version is published.
    """
    body = form.to_json()
    earlier = _versions(central, organization_id, form.key)
    if any(row.version_number == form.version and row.body == body for row in earlier):
        return False
    newest = max((row.version_number for row in earlier), default=0)
    if earlier and newest >= form.version:
        raise BadInput(
            f"Version {newest} of the form {safe_line(form.key, 80)!r} is published; this is version {form.version}.",
            "Give the table a higher version (settings, version), and publish it again.",
        )
    told: dict[str, Json] = {
        "key": form.key, "version_number": form.version, "title": form.title, "category": form.category, "body": body,
    }  # fmt: skip
    writings = [Writing("form_template", row.id, {"active": False}) for row in earlier if row.active]
    writings.append(Writing("form_template", central.ids.new_id(), told))
    central.publish(organization_id, writings)
    return True


def _versions(central: Central, organization_id: str, key: str) -> list[Row[tuple[str, int, str, bool]]]:
    query = select(_table.c.id, _table.c.version_number, _table.c.body, _table.c.active).where(
        _table.c.scope_id == organization_id, _table.c.key == key, _table.c.deleted.is_(False)
    )
    with central.engine.connect() as connection:
        operator(connection)
        return list(connection.execute(query))
