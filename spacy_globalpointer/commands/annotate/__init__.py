"""Spans for corpora of any size, in constant memory; a killed run goes on where it was.

Reading order: `run` (block by block from the input to the output), `resumable` (why a kill at any
moment loses nothing), `writers` (the forms of output), `corpus` (all of it, with its checks).
"""
