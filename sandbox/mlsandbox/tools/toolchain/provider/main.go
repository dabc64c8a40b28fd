// The official Pulumi Kubernetes provider, as a plugin executable.
//
// The provider's own main package embeds two files that are generated for each release and are not part of its Go
// module. The module does contain the files that they are generated from. This program reads those from its own folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version.Version)
		return
	}
	provider.Serve("kubernetes", version.Version, beside("schema.json"), beside("terraform-mapping.json"))
}

// beside reads the named file in the folder of this executable.
func beside(name string) []byte {
	program, err := os.Executable()
	if err != nil {
		fail(err)
	}
	content, err := os.ReadFile(filepath.Join(filepath.Dir(program), name))
	if err != nil {
		fail(err)
	}
	return content
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "pulumi-resource-kubernetes: %v\n", err)
	os.Exit(1)
}
