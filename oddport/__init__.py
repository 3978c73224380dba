"""oddport: does what is spoken on this port fit the port?"""

__version__ = "0.1.0"
