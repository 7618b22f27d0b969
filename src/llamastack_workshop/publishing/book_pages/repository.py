"""Where the site is published, its pages link to the repository and to Binder, which runs their notebooks."""

import os

from sphinx.application import Sphinx
from sphinx.config import Config

_BINDER = "https://mybinder.org"


def link_repository(app: Sphinx, config: Config) -> None:
    """Turn on the theme's buttons for the repository whose address WORKSHOP_REPOSITORY holds, and the tag `published`.

    Without it, as on a reader's own machine, no page leads to a repository.
    The options are the theme's: https://sphinx-book-theme.readthedocs.io/en/stable/components/launch.html
    """
    address = os.environ.get("WORKSHOP_REPOSITORY")
    if address:
        # For what stands beside a published site alone, such as the slides.
        app.tags.add("published")
        config.html_theme_options |= {
            "repository_url": address,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {"binderhub_url": _BINDER, "notebook_interface": "jupyterlab"},
        }
