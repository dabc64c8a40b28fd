// Package kubernetes contains the part of Pulumi's Go SDK for Kubernetes that the provider imports.
//
// The provider uses only three names. The SDK has a type for every Kubernetes kind, and compiling those takes longer
// than compiling the rest of the provider.
package kubernetes

import "reflect"

// UntypedArgs is an object that was decoded from YAML or JSON.
type UntypedArgs map[string]any

// ElementType returns the type of the map.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
