"""Measures. Nothing of a pipeline needs it; peers and plots come with the extra `bench`."""
