"""nbgrader's settings for a course with chapters of the LlamaStack Workshop."""

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute

from llamastack_workshop.publishing.nbgrader_course.running import RunChapter

# nbgrader provides the function.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "llamastack-workshop"
# By this line, a check knows that there is no answer yet.
c.ClearSolutions.code_stub = {"python": "pass  # your code here"}
# Some cells ask a model several times. `nbgrader validate` reads this, too.
c.Execute.timeout = 300
c.Autograde.autograde_preprocessors = [
    RunChapter if step is Execute else step for step in Autograde().autograde_preprocessors
]
