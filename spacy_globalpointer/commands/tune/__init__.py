"""`spacy global-pointer tune`: the command, its logic and its report."""
