// Package v4 contains those options of the Chart component that are objects.
package v4

import (
	"context"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RepositoryOpts contains the URL and the credentials of a chart repository.
type RepositoryOpts struct {
	CaFile   pulumi.AssetOrArchive `pulumi:"caFile"`
	CertFile pulumi.AssetOrArchive `pulumi:"certFile"`
	KeyFile  pulumi.AssetOrArchive `pulumi:"keyFile"`
	Password *string               `pulumi:"password"`
	Repo     *string               `pulumi:"repo"`
	Username *string               `pulumi:"username"`
}

// RepositoryOptsInput is the input type of the option repositoryOpts.
type RepositoryOptsInput interface {
	pulumi.Input

	ToRepositoryOptsOutput() RepositoryOptsOutput
}

// RepositoryOptsOutput is the output type of RepositoryOpts.
type RepositoryOptsOutput struct{ *pulumi.OutputState }

// ElementType returns the type of RepositoryOpts.
func (RepositoryOptsOutput) ElementType() reflect.Type {
	return reflect.TypeFor[RepositoryOpts]()
}

// ToRepositoryOptsOutput returns the output unchanged.
func (o RepositoryOptsOutput) ToRepositoryOptsOutput() RepositoryOptsOutput {
	return o
}

// ToRepositoryOptsOutputWithContext returns the output unchanged.
func (o RepositoryOptsOutput) ToRepositoryOptsOutputWithContext(context.Context) RepositoryOptsOutput {
	return o
}

// PostRenderer is a command that modifies the rendered manifests of a chart.
type PostRenderer struct {
	Args    []string `pulumi:"args"`
	Command string   `pulumi:"command"`
}

// PostRendererInput is the input type of the option postRenderer.
type PostRendererInput interface {
	pulumi.Input

	ToPostRendererOutput() PostRendererOutput
}

// PostRendererOutput is the output type of PostRenderer.
type PostRendererOutput struct{ *pulumi.OutputState }

// ElementType returns the type of PostRenderer.
func (PostRendererOutput) ElementType() reflect.Type {
	return reflect.TypeFor[PostRenderer]()
}

// ToPostRendererOutput returns the output unchanged.
func (o PostRendererOutput) ToPostRendererOutput() PostRendererOutput {
	return o
}

// ToPostRendererOutputWithContext returns the output unchanged.
func (o PostRendererOutput) ToPostRendererOutputWithContext(context.Context) PostRendererOutput {
	return o
}

func init() {
	pulumi.RegisterOutputType(RepositoryOptsOutput{})
	pulumi.RegisterOutputType(PostRendererOutput{})
}
