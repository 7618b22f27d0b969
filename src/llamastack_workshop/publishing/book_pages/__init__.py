"""Parts of the book's pages that are generated while the site is built, so that they cannot become outdated."""
