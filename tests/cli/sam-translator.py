"""Reads a SAM template (JSON) on stdin and writes what AWS's own translator makes of it."""
import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = json.load(sys.stdin)
translated = Translator({}, Parser()).translate(template, {})
json.dump(translated, sys.stdout)
