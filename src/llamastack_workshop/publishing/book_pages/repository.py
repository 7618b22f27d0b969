"""Links of a published site to the repository, and to Binder, which runs its notebooks."""

import os

from sphinx.application import Sphinx
from sphinx.config import Config

_BINDER = "https://mybinder.org"


def link_repository(app: Sphinx, config: Config) -> None:
    """Turn on the theme's buttons for the repository in WORKSHOP_REPOSITORY, and the tag `published`.

    Without the variable, as on a reader's own machine, no page links to a repository.
    For the options, see https://sphinx-book-theme.readthedocs.io/en/stable/components/launch.html
    """
    address = os.environ.get("WORKSHOP_REPOSITORY")
    if address:
        # For content that exists only next to a published site, such as the slides.
        app.tags.add("published")
        config.html_theme_options |= {
            "repository_url": address,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "launch_buttons": {"binderhub_url": _BINDER, "notebook_interface": "jupyterlab"},
        }
