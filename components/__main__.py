"""The door for other Pulumi languages: hosts the components of `mlplatform`."""

from mlplatform.host import main

if __name__ == "__main__":
    main()
