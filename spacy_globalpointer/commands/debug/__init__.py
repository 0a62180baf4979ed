"""`spacy global-pointer debug`: the command, its logic and its report."""
