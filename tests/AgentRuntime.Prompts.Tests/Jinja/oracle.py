"""Renders chat templates with Jinja2 itself, in the environment that Hugging Face's transformers makes.

oracle.py FILE    reads lines of {"template": text, "values": {...}} and answers each with a line of JSON: the text, or
                  null for an error
"""
import json
import sys

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """transformers' AssistantTracker, as far as the text is concerned."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
templates = {}
for line in open(sys.argv[1], encoding="utf-8"):
    request = json.loads(line)
    source = request["template"]
    try:
        if source not in templates:
            templates[source] = environment.from_string(source)
        text = templates[source].render(**request["values"])
    except Exception:  # Python's own errors are a template's too
        text = None
    print(json.dumps(text), flush=True)
