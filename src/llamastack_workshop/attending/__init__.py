"""The attendee's tools: JupyterLab, the copies of the chapters, the progress record, and the doctor."""
