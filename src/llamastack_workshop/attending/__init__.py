"""What an attendee uses: JupyterLab, the copies of the chapters, the record of what is solved, the doctor."""
