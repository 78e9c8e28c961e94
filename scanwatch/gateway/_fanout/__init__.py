"""The way from one event to the sockets of everybody who watches its scan.

``_rooms`` knows who watches what; ``_backlog`` keeps what a slow client has yet to be sent; ``_fanout`` brings both
together; ``_lines`` says what is needed of a connection, and gets it from the library as it comes; ``_private`` gets it
faster, and is the only module that touches private parts of python-socketio, python-engineio and aiohttp.
"""

from __future__ import annotations

from ._fanout import Fanout
from ._lines import LibraryWires, Line, Wires
from ._private import FastServer, FastWires, fits
from ._rooms import ALL, FIELD, scan_room

__all__ = ["ALL", "FIELD", "Fanout", "FastServer", "FastWires", "LibraryWires", "Line", "Wires", "fits", "scan_room"]
