"""A store for types of AWS that moto lacks and that a service only stores: made of botocore's models and a few words.

botocore has the members of requests and answers, their types, and what an update may change. CloudFormation's schemas
would add nothing at run time, so the package that carries them stays with the tests.
"""

from mlsandbox.endpoint.store.answers import Store
from mlsandbox.endpoint.store.records import STORE, Record, store_backends
from mlsandbox.endpoint.store.stored import Call, Stored

__all__ = ["STORE", "Call", "Record", "Store", "Stored", "store_backends"]
