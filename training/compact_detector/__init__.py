"""The recipe of the compact flaw detector that ships with the suite."""
