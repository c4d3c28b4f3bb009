"""What the in-painter is told about the object."""

from collections.abc import Mapping


class Prompt:
    """`template` with '{category}' replaced; `aliases` name odd categories as a network would know them."""

    def __init__(self, *, template: str, aliases: Mapping[str, str]) -> None:
        if "{category}" not in template:
            raise ValueError(f"inpaint.prompt.template is '{template}': it must contain '{{category}}'")
        self.template = template
        self.aliases = {k.lower(): v for k, v in aliases.items()}

    def __call__(self, category: str) -> str:
        """The prompt of an object; the category 'stack of chairs' may become 'a chair, no background'."""
        name = category.strip().lower()
        return self.template.replace("{category}", self.aliases.get(name, name))
