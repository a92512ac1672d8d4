"""What a process tells about itself: ids, logs and metrics."""

from editrefiner.telemetry.logging import configure_logging

__all__ = ["configure_logging"]
