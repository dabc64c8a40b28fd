"""The platform's Pulumi program: it creates the components that the stack's config describes."""

from layers import compute, foundation, outputs, registries, security, serving, storage
from layers.site import Site
from mlpctl import config
from mlplatform.compute.eks_cluster.access import creator_has_no_entry

platform = config.load()
site = Site.of(platform)
creator_has_no_entry("cluster", platform.cluster)

base = foundation.create(site, platform)
images = registries.create(site, platform, base)
cluster = compute.create(site, platform, base, images)
data = storage.create(site, platform, base, cluster)
roles = security.create(site, platform, base, data, images, cluster)
models = serving.create(site, platform, base, data, images, cluster, roles)

outputs.export(site, base, data, images, cluster, models)
