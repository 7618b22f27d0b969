"""Settings of IPython for the kernels of this environment, which the installation puts into its etc/ipython/."""

# IPython puts the function there.
get_config().InteractiveShellApp.extensions.append("llamastack_workshop.attending.cell_errors")  # noqa: F821
