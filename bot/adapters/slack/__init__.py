"""Slack: one workspace's channels and threads, through Bolt."""
