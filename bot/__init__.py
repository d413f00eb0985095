"""nnquestion: a neural-network interview question a day, for study groups."""

__version__ = "0.1.0"
