"""SQL templates: the author's SQL, with values that cannot leave their places.

`parse` reads one template, `TemplateSet.of` what the configuration of a channel says. This package knows no dialect.
"""

from reverse_metadata.templates.errors import TemplateError, TemplateMistakes
from reverse_metadata.templates.template import Template, Values, parse
from reverse_metadata.templates.template_set import Operation, TemplateSet, Verify

__all__ = [
    "Operation",
    "Template",
    "TemplateError",
    "TemplateMistakes",
    "TemplateSet",
    "Values",
    "Verify",
    "parse",
]
