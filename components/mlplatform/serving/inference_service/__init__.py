"""A model server in the cluster."""

from mlplatform.serving.inference_service.component import InferenceService, InferenceServiceArgs
from mlplatform.serving.inference_service.spec import InferenceServiceSpec

__all__ = ["InferenceService", "InferenceServiceArgs", "InferenceServiceSpec"]
