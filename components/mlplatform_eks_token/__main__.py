"""`python -m mlplatform_eks_token`, where the command is not on PATH."""

import sys

from mlplatform_eks_token import main

if __name__ == "__main__":
    sys.exit(main())
