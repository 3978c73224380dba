"""Requests and dissections ⇄ lines of JSON on the pipe between the dashboard and the process that has scapy."""

import base64
import binascii
import json

from tui.data.dissection.model import ByteClaim, Dissection, Request, from_wire, to_wire


def request_line(request: Request) -> bytes:
    """A request as one line."""
    return _line(
        {
            "link": request.link,
            "frame": base64.b64encode(request.frame).decode("ascii"),
            "app": request.app,
            "claims": [[claim.offset, claim.length, claim.says] for claim in request.claims],
        }
    )


def request_of(line: bytes) -> Request:
    """The request in a line; ValueError if it is none."""
    try:
        read = json.loads(line)
        return Request(
            int(read["link"]),
            base64.b64decode(read["frame"], validate=True),
            None if read["app"] is None else str(read["app"]),
            tuple(ByteClaim(int(offset), int(length), str(says)) for offset, length, says in read["claims"]),
        )
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"not a request to dissect: {error}") from error


def dissection_line(dissection: Dissection) -> bytes:
    """A dissection as one line."""
    layers = [to_wire(layer) for layer in dissection.layers]
    return _line({"layers": layers, "length": dissection.length, "trouble": dissection.trouble})


def dissection_of(line: bytes) -> Dissection:
    """The dissection in a line; ValueError if it is none."""
    try:
        read = json.loads(line)
        layers, length, trouble = read["layers"], read["length"], read["trouble"]
        return Dissection(tuple(from_wire(layer) for layer in layers), int(length), str(trouble))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a dissection: {error}") from error


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
