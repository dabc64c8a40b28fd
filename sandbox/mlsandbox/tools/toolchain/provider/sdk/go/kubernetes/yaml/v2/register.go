// Package v2 registers the objects of charts and manifests with the engine.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type object struct {
	pulumi.CustomResourceState
}

// RegisterResource registers an object under the type that the SDKs give its kind. Nobody reads its outputs here, so
// that one Go type does for all kinds.
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

// group is the API version as tokens have it: the core group has a name there.
func group(apiVersion string) string {
	if apiVersion == "v1" {
		return "core/v1"
	}
	return apiVersion
}
