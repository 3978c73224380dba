"""An interface of this machine, or of another over ssh, as a capture: who may read it, the child, the ring."""
