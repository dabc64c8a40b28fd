"""The entry point for other Pulumi languages: provides the components of `mlplatform`."""

from mlplatform.host import main

if __name__ == "__main__":
    main()
