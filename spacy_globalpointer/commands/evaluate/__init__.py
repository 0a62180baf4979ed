"""`spacy global-pointer evaluate`: the command, its logic and its report."""
