"""What does a person get to see of a finished refinement? One HTML page that needs nothing else."""

from suite.report.page import render_report

__all__ = ["render_report"]
