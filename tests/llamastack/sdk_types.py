"""Differences between a JSON value and a type of the openai SDK.

The SDK itself doesn't report them: it builds its objects without validation, and keeps unknown keys.
"""

import inspect
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

Deviation = tuple[str, str]


def deviations(value: Any, annotation: Any, place: str) -> Iterator[Deviation]:
    """Yield (place, problem) for each difference; places in an object have the form `Class.field`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from deviations(value, get_args(annotation)[0], place)
    elif origin in (Union, UnionType):
        yield from _of_union(value, annotation, place)
    elif _is_model(annotation) and isinstance(value, dict):
        yield from _of_object(value, annotation)
    elif origin is list and isinstance(value, list):
        for part in value:
            yield from deviations(part, get_args(annotation)[0], place)
    elif value is None and not valid(None, annotation):
        yield place, "is null"
    elif not valid(value, annotation):
        yield place, f"is `{value}`" if isinstance(value, str | int | float) else f"is a {type(value).__name__}"


def _of_object(value: dict[str, Any], model: type[BaseModel]) -> Iterator[Deviation]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, field in fields.items():
        if name in value:
            yield from deviations(value[name], field.annotation, f"{model.__name__}.{name}")
        elif field.is_required():
            yield f"{model.__name__}.{name}", "is missing"
    for name in value.keys() - fields.keys():
        yield f"{model.__name__}.{name}", "is not in the type"


def _of_union(value: Any, annotation: Any, place: str) -> Iterator[Deviation]:
    members = list(_members(annotation))
    if value is None:
        if NoneType not in members:
            yield place, "is null"
        return
    models = [member for member in members if _is_model(member) and "type" in member.model_fields]
    if isinstance(value, dict) and models:
        type_ = value.get("type")
        members = [model for model in models if valid(type_, model.model_fields["type"].annotation)]
        if not members:
            yield place, f"has the unknown type `{type_}`" if type_ else "has no type"
            return
    yield from min((list(deviations(value, member, place)) for member in members if member is not NoneType), key=len)


def _members(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, including those of nested unions."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _is_model(annotation: Any) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)


def valid(value: Any, annotation: Any) -> bool:
    """Return whether Pydantic accepts the value: it detects null, missing and wrong values, but not unknown keys."""
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
