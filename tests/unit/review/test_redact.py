"""Secrets of a plan: none comes out, and nothing else is lost."""

import json

import pytest
from review.canaries import CANARIES, Canary, plan_with_canaries

from mlpctl.review import reader
