"""Judging an attendee's JSON schema by the objects that it allows and forbids, however it is written."""

from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable

from llamastack_workshop.exercises.check import NotYet, of_type, require


def require_schema(
    schema: Any, allowed: list[tuple[dict[str, Any], str]], forbidden: list[tuple[dict[str, Any], str]]
) -> None:
    """Raise NotYet unless `schema` is a JSON schema that allows and forbids these objects, each with a hint."""
    of_type(schema, dict, "the schema should be a dictionary")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        validator = kind(schema)
        _require_properties(schema, {name for example, _ in allowed for name in example})
        for example, hint in allowed:
            problem = next(validator.iter_errors(example), None)
            require(problem is None, f"your schema forbids {example} ({problem and problem.message}); {hint}")
        for example, hint in forbidden:
            require(not validator.is_valid(example), f"your schema allows {example}; {hint}")
    except SchemaError as error:
        raise NotYet(f"this is not a JSON schema: {error.message[:150]}.") from error
    except Unresolvable as error:
        raise NotYet(f"your schema refers to {error.ref}, which it does not define.") from error


def _require_properties(schema: dict[str, Any], names: set[str]) -> None:
    """Raise NotYet if one of `names` is next to `type`, where JSON Schema ignores it."""
    astray = sorted(names & schema.keys())
    require(not astray, f"{astray} should be under `properties`; elsewhere they are ignored.")
