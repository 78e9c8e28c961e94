"""A gateway of one's own: ``scanwatch serve`` as a child process, on the loopback interface, behind a random token.

It is a process and not a thread, so that a busy kernel cannot stall it. A store's file has one owner; whoever wants
the same store joins the owner through its *discovery file*, which lies beside the store, can be read by its user
alone, and is believed only after the gateway it names has answered to the token it holds.
"""

from ._discovery import Discovery, announced, discover, discovery_file
from ._gateway import LocalGateway
from ._places import MEMORY, default_store, home, make_room, store_file
from ._process import READY

__all__ = [
    "MEMORY",
    "READY",
    "Discovery",
    "LocalGateway",
    "announced",
    "default_store",
    "discover",
    "discovery_file",
    "home",
    "make_room",
    "store_file",
]
