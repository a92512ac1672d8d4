"""Pairs whose truth is known: instructed edits of real photographs, flawless or with painted flaws."""
