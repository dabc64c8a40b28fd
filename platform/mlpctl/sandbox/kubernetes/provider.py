"""Pulumi's `kubernetes` package against a real API server: any kind, by discovery and server-side apply."""

import importlib.metadata
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import yaml

from mlpctl.sandbox.kubernetes import naming, settings
from mlpctl.sandbox.kubernetes.annotations import (
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    REPLACE_UNREADY,
    SKIP_AWAIT,
    annotation,
    is_true,
    propagation,
    timeout,
    wait_for,
)
from mlpctl.sandbox.kubernetes.cluster import ApiError, Cluster, UnreachableError
from mlpctl.sandbox.kubernetes.helm import Releases
from mlpctl.sandbox.kubernetes.helm import releases as helm
from mlpctl.sandbox.kubernetes.live import drift, importable, shown
from mlpctl.sandbox.kubernetes.naming import RELEASE_TYPE, is_patch, kind_of
from mlpctl.sandbox.kubernetes.objects import (
    DEFAULT_NAMESPACE,
    Kind,
    Object,
    Reference,
    as_kubernetes,
    as_pulumi,
    dig,
    parse_id,
)
from mlpctl.sandbox.kubernetes.readiness import AWAITED, awaited, expression_error
from mlpctl.sandbox.kubernetes.replacement import difference
from mlpctl.sandbox.kubernetes.settings import Connection, Settings
from mlpctl.sandbox.kubernetes.validation import failures
from mlpctl.sandbox.kubernetes.waiting import DELETE_TIMEOUT_S, UnreadyError, Waits
from mlpctl.sandbox.provider import (
    UNKNOWN,
    Change,
    Difference,
    Failure,
    NotReadyError,
    Properties,
    Provider,
    ProviderError,
    Subject,
    has_unknown,
)
from mlpctl.sandbox.provider import Kind as ChangeKind
from mlpctl.sandbox.provider import serve as serve_provider

logger = logging.getLogger(__name__)
