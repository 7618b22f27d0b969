"""Building the site, the slides, the diagrams and the bundle."""
