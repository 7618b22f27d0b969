"""IPython settings for the kernels of this environment; the installation puts this file into its etc/ipython/."""

# IPython provides the function.
get_config().InteractiveShellApp.extensions.append("llamastack_workshop.attending.cell_errors")  # noqa: F821
