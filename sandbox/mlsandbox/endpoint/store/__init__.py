"""A generic store for AWS resource types that moto lacks and that a service only stores, based on botocore's models.

botocore's models define the fields of requests and responses, their types, and which fields an update can change.
CloudFormation's schemas are not needed at run time, so only the tests use the package that contains them.
"""

from mlsandbox.endpoint.store.answers import Store
from mlsandbox.endpoint.store.records import STORE, Record, store_backends
from mlsandbox.endpoint.store.stored import Call, Stored

__all__ = ["STORE", "Call", "Record", "Store", "Stored", "store_backends"]
