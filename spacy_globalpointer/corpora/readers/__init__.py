"""The formats that are read, one or a few modules each: rows, lines or files to records."""
