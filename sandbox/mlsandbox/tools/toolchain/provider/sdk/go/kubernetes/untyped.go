// Package kubernetes has what the provider uses of Pulumi's Go SDK for Kubernetes.
//
// The provider needs three names of it. The SDK's own packages have a type for every kind of Kubernetes, which take
// longer to compile than all else that the provider is made of.
package kubernetes

import "reflect"

// UntypedArgs is an object as decoded YAML or JSON has it.
type UntypedArgs map[string]any

// ElementType is that of the map.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
