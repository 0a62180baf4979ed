"""Registered helpers for training. A trained pipeline runs without them."""
