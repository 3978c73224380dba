"""A frame → the tree of its layers and fields, each with its exact place in the bytes.

`Dissector` is what a screen uses: it keeps a process that has scapy loaded, so that neither its import nor a hostile
frame can hold up the dashboard. `reading.dissect` does the work, in that process.
"""

from tui.data.dissection.client import Dissector, shared_dissector
from tui.data.dissection.model import ByteClaim, Dissection, Node, Request, path_to

__all__ = ["ByteClaim", "Dissection", "Dissector", "Node", "Request", "path_to", "shared_dissector"]
