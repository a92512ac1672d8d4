"""The shared protocol of the suite: what two processes must agree on."""

__version__ = "0.1.0"
