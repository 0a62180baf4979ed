"""The spaCy component. Factories live in `factory`, so that discovering them imports no torch."""
