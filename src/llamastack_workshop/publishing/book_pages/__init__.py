"""Parts of the book's pages that are derived while the site is built, so that they cannot drift."""
