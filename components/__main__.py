"""The door for other Pulumi languages: hosts the components of `mlplatform`."""

import sys

from pulumi.provider import main

from mlplatform.host import Catalogue

if __name__ == "__main__":
    main(Catalogue(), sys.argv[1:])
