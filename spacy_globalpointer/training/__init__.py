"""Registered helpers for training; a trained pipeline runs without them."""
