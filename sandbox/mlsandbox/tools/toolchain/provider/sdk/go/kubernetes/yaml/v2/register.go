// Package v2 registers the objects in charts and manifests with the engine.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type object struct {
	pulumi.CustomResourceState
}

// RegisterResource registers an object with the type token that the SDKs use for its kind. The provider does not read
// the outputs of these resources, so one Go type is sufficient for all kinds.
func RegisterResource(
	ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	var registered object
	token := fmt.Sprintf("kubernetes:%s:%s", group(apiVersion), kind)
	if err := ctx.RegisterResource(token, name, props, &registered, opts...); err != nil {
		return nil, err
	}
	return &registered, nil
}

// group returns the API version as it appears in type tokens, where the core group is named "core".
func group(apiVersion string) string {
	if apiVersion == "v1" {
		return "core/v1"
	}
	return apiVersion
}
