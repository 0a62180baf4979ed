"""`spacy global-pointer render`: the command, its logic and its report."""
