"""Envelope encryption of Secrets."""

from moto.kms.models import kms_backends

from mlsandbox.endpoint.eks.backend import Call, Shape
from mlsandbox.endpoint.eks.errors import InvalidParameter


def check_key(call: Call, config: Shape) -> None:
    """Raise `InvalidParameter` if an `EncryptionConfig` has other resources than Secrets, or an unusable key."""
    if config.get("resources") != ["secrets"]:
        raise InvalidParameter("The only supported value for encryptionConfig resources is secrets")
    arn = config.get("provider", {}).get("keyArn")
    if not arn:
        raise InvalidParameter("Provider keyArn must be specified in encryptionConfig")
    keys = kms_backends[call.backend.account_id][call.backend.region_name].keys
    key = next((key for key in list(keys.values()) if arn in (key.arn, key.id)), None)
    if key is None:
        raise InvalidParameter(f"Key {arn} in encryptionConfig does not exist in this account and region")
    if key.key_state != "Enabled" or key.key_spec != "SYMMETRIC_DEFAULT":
        raise InvalidParameter(f"Key {arn} in encryptionConfig must be an enabled symmetric key")
