"""LlamaStack's substitution of `${env.…}` in a configuration, with variables that a check chooses."""

import os
import re
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from llamastack_workshop.exercises.check import NotYet


def plain(value: Any) -> Any:
    """Return `value` as if it were read from YAML: plain dictionaries for mappings, and lists for tuples."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def variables_in(value: Any) -> set[str]:
    """Return the names of the variables that `value` refers to, at any depth."""
    if isinstance(value, dict):
        return set().union(*map(variables_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(variables_in, value))
    return set(re.findall(r"\$\{env\.([A-Z0-9_]+)", value)) if isinstance(value, str) else set()


def filled_in(provider: dict[str, Any], **variables: str) -> dict[str, Any]:
    """Return `provider` as a server reads it if only `variables` are set, of those that it refers to.

    The result is {} if the provider is off.
    Raises NotYet if no server would start.
    """
    # Imported here, because it takes two seconds, which only chapters with this exercise should wait.
    from llama_stack.core.stack import EnvVarError, replace_env_vars

    unset = dict.fromkeys(variables_in(provider), "")
    with patch.dict(os.environ, unset | variables):
        try:
            found = replace_env_vars([provider])
        except EnvVarError as error:
            key = error.path.rsplit(".", 1)[-1]
            raise NotYet(
                f"no server starts if {error.var_name} is not set: give `{key}` a default, "
                f"`${{env.{error.var_name}:=…}}`."
            ) from None
    return found[0] if found and found[0].get("provider_id") else {}


def options_of(kind: str) -> set[str]:
    """Return the options allowed in the `config` of an inference provider of type `kind`, such as remote::vllm."""
    from llama_stack.core.utils.dynamic import instantiate_class_type
    from llama_stack.providers.registry.inference import available_providers

    (spec,) = [spec for spec in available_providers() if spec.provider_type == kind]
    fields = instantiate_class_type(spec.config_class).model_fields
    return {field.alias or name for name, field in fields.items()}
