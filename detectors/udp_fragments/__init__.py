"""Fragment trains that no honest sender makes → findings (FRG-01 to 07, 12, 13, 15, 25)."""

from detectors.udp_fragments.detector import UdpFragments

__all__ = ["UdpFragments"]
