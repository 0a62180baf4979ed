"""Spans for corpora of any size, in constant memory; a killed run goes on where it was.

Reading order: `run` (from the input, shard by shard, to the output), `shards` (why a kill at any
moment loses nothing), `engines` (processes, and machines with Ray).
"""
