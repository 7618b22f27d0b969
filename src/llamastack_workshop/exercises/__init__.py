"""The checks that the notebooks' exercises call: one module a chapter, one function an exercise."""
