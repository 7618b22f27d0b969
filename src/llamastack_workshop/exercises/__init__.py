"""The checks for the notebooks' exercises: one module per chapter, one function per exercise."""
