"""The composition root: `folder` knows a laptop's files, `opening` opens it, `joining` joins store, client, worker and app,
`rescuing` carries work without a line.

Heavy parts are imported where they are needed, so that a first screen can paint before a database is opened.
"""

from bravetui.wiring.folder import (
    BALLAST,
    DATABASE,
    FOLDER_VARIABLE,
    JOURNAL,
    KEYS,
    LEASE,
    MARK,
    MIRROR,
    PASSPHRASE_FILE_VARIABLE,
    default_folder,
    key_ring,
    mirror_of,
    passphrase_file_trouble,
    who_is_here,
)
from bravetui.wiring.joining import enrol, keys_for, make_worker, run_app
from bravetui.wiring.opening import Laptop, open_laptop
from bravetui.wiring.rescuing import carry, rescue, set_mirror

__all__ = [
    "BALLAST",
    "DATABASE",
    "FOLDER_VARIABLE",
    "JOURNAL",
    "KEYS",
    "LEASE",
    "MARK",
    "MIRROR",
    "PASSPHRASE_FILE_VARIABLE",
    "Laptop",
    "carry",
    "default_folder",
    "enrol",
    "key_ring",
    "keys_for",
    "make_worker",
    "mirror_of",
    "open_laptop",
    "passphrase_file_trouble",
    "rescue",
    "run_app",
    "set_mirror",
    "who_is_here",
]
