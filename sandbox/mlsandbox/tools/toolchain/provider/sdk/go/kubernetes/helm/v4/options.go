// Package v4 has the options of the component Chart that are objects.
package v4

import (
	"context"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RepositoryOpts says how to reach a repository of charts.
type RepositoryOpts struct {
	CaFile   pulumi.AssetOrArchive `pulumi:"caFile"`
	CertFile pulumi.AssetOrArchive `pulumi:"certFile"`
	KeyFile  pulumi.AssetOrArchive `pulumi:"keyFile"`
	Password *string               `pulumi:"password"`
	Repo     *string               `pulumi:"repo"`
	Username *string               `pulumi:"username"`
}

// RepositoryOptsInput is what the component takes for them.
type RepositoryOptsInput interface {
	pulumi.Input

	ToRepositoryOptsOutput() RepositoryOptsOutput
}

// RepositoryOptsOutput holds them once they are known.
type RepositoryOptsOutput struct{ *pulumi.OutputState }

// ElementType is that of the options.
func (RepositoryOptsOutput) ElementType() reflect.Type {
	return reflect.TypeFor[RepositoryOpts]()
}

// ToRepositoryOptsOutput is the identity.
func (o RepositoryOptsOutput) ToRepositoryOptsOutput() RepositoryOptsOutput {
	return o
}

// ToRepositoryOptsOutputWithContext is the identity.
func (o RepositoryOptsOutput) ToRepositoryOptsOutputWithContext(context.Context) RepositoryOptsOutput {
	return o
}

// PostRenderer is a command that changes what a chart has rendered.
type PostRenderer struct {
	Args    []string `pulumi:"args"`
	Command string   `pulumi:"command"`
}

// PostRendererInput is what the component takes for it.
type PostRendererInput interface {
	pulumi.Input

	ToPostRendererOutput() PostRendererOutput
}

// PostRendererOutput holds it once it is known.
type PostRendererOutput struct{ *pulumi.OutputState }

// ElementType is that of the command.
func (PostRendererOutput) ElementType() reflect.Type {
	return reflect.TypeFor[PostRenderer]()
}

// ToPostRendererOutput is the identity.
func (o PostRendererOutput) ToPostRendererOutput() PostRendererOutput {
	return o
}

// ToPostRendererOutputWithContext is the identity.
func (o PostRendererOutput) ToPostRendererOutputWithContext(context.Context) PostRendererOutput {
	return o
}

func init() {
	pulumi.RegisterOutputType(RepositoryOptsOutput{})
	pulumi.RegisterOutputType(PostRendererOutput{})
}
