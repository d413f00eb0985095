"""The whole program but its adapters, on a simulated clock, against a simulated platform, from one seed."""
