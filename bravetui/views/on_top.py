"""What stands on top of every screen: how sync is, how long the sign-in lasts, and whether something may be written here."""

from __future__ import annotations

from dataclasses import dataclass

from bravetui.db.store import Store
from bravetui.views.rights import only_reads
from bravetui.views.sign_in import SignIn, sign_in
from bravetui.views.status import SyncSummary, sync_summary


@dataclass(frozen=True, slots=True)
class OnTop:
    """All of it, read in one go: a screen is drawn once it is known."""

    summary: SyncSummary
    sign_in: SignIn
    only_reads: str
    """Why nothing can be written, in one line; empty where something can."""


def on_top(store: Store, scope_id: str) -> OnTop:
    """How a laptop stands with central, and its person in a project."""
    return OnTop(sync_summary(store), sign_in(store), only_reads(store, scope_id))
