"""nbgrader's settings for a course with chapters of the LlamaStack Workshop."""

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute

from llamastack_workshop.publishing.nbgrader_course.running import RunChapter

# nbgrader defines the function.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "llamastack-workshop"
# A check recognises a missing answer by this line.
c.ClearSolutions.code_stub = {"python": "pass  # your code here"}
# Some cells send a model several requests. `nbgrader validate` uses this limit as well.
c.Execute.timeout = 300
c.Autograde.autograde_preprocessors = [
    RunChapter if step is Execute else step for step in Autograde().autograde_preprocessors
]
