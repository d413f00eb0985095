"""The rules of nnquestion. No I/O, no clock, no platform: values in, values out."""
